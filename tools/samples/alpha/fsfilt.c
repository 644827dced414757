/* "fsfilt.sys" for Alpha: a file-system filter of ours that declines FastIoUnlockSingle, as Q242896
 * needs it. */
#include "nt.h"

static DRIVER_OBJECT FsFilterDriver;
static DEVICE_OBJECT FsFilterDevice;

static NOINLINE u32 FsFilterUnlockSingle(u64 offset, u64 length, u32 key, DEVICE_OBJECT* device) {
  return offset + length + key == 0 && device == 0; /* FALSE */
}
static NOINLINE u32 FsFilterDispatch(DEVICE_OBJECT* device, IRP* irp) {
  irp->status = device ? STATUS_SUCCESS : 0xC0000010u;
  IoCompleteRequest(irp);
  return STATUS_SUCCESS;
}
void DriverEntry(void) {
  FsFilterDriver.dispatch = FsFilterDispatch;
  FsFilterDriver.fast_io_unlock_single = FsFilterUnlockSingle;
  FsFilterDevice.driver = &FsFilterDriver;
  IoFilterDevice = &FsFilterDevice;
}
