/* rdr.sys - stub of ours: the middle of the IRP's way; a cycle of three threads over a mutant, a
 * fast mutex and a resource. */
#include "../nt/nt.h"

static u8 connection_mutant[KMUTANT_size];
static u8 session_mutex[FAST_MUTEX_size], fcb_resource[ERESOURCE_size], go[HEADER_size],
    never[HEADER_size];

static NOINLINE u32 NTAPI RdrTransceiveCompletion(u8* d, u8* irp, void* context) {
  (void)d;
  (void)irp;
  (void)context;
  return STATUS_MORE_PROCESSING_REQUIRED;
}
static NOINLINE u32 RdrTransceive(u8* below, u8* irp) {
  ENTER();
  irp_pass(irp, RdrTransceiveCompletion, irp);
  u32 status = IoCallDriver(below, irp);
  LEAVE();
  return status;
}
static NOINLINE u32 NTAPI RdrFsdDispatch(u8* d, u8* irp) {
  ENTER();
  u32 status = RdrTransceive((u8*)PTR(PTR(d, DEVICE_OBJECT_DeviceExtension), 0), irp);
  LEAVE();
  return status;
}

/* ---- three locks ---- */
static NOINLINE void RdrLockConnection(void) {
  ENTER();
  NoteWanted(connection_mutant, "exclusive");
  KeWaitForSingleObject(connection_mutant, Executive, 0, 0, 0);
  NoteOwner(connection_mutant, "exclusive");
  LEAVE();
}
static NOINLINE void RdrLockSession(void) {
  ENTER();
  NoteWanted(session_mutex, "exclusive");
  ExAcquireFastMutex(session_mutex);
  NoteOwner(session_mutex, "exclusive");
  LEAVE();
}
static NOINLINE void RdrLockFcb(u32 exclusive) {
  ENTER();
  NoteWanted(fcb_resource, exclusive ? "exclusive" : "shared");
  if (exclusive)
    ExAcquireResourceExclusiveLite(fcb_resource, 1);
  else
    ExAcquireResourceSharedLite(fcb_resource, 1);
  NoteOwner(fcb_resource, exclusive ? "exclusive" : "shared");
  LEAVE();
}
static void NTAPI RdrConnectThread(void* context) { /* mutant, then fast mutex */
  ENTER();
  RdrLockConnection();
  KeWaitForSingleObject(context, Executive, 0, 0, 0);
  RdrLockSession();
  LEAVE();
}
static void NTAPI RdrSessionThread(void* context) { /* fast mutex, then resource shared */
  ENTER();
  RdrLockSession();
  KeWaitForSingleObject(context, Executive, 0, 0, 0);
  RdrLockFcb(0);
  LEAVE();
}
static NOINLINE void
RdrCloseFcb(void) { /* the last step closes the circle, or waits for nobody's lock */
  ENTER();
  if (HalpScenario()->deadlocks)
    RdrLockConnection();
  else
    KeWaitForSingleObject(never, Executive, 0, 0, 0);
  LEAVE();
}
static void NTAPI RdrCloseThread(void* context) { /* resource exclusive, then mutant */
  ENTER();
  RdrLockFcb(1);
  KeWaitForSingleObject(context, Executive, 0, 0, 0);
  RdrCloseFcb();
  LEAVE();
}

u32 NTAPI DriverEntry(u8* driver, void* path) {
  ENTER();
  (void)path;
  for (u32 i = 0; i < 28; i++)
    PTR(driver, DRIVER_OBJECT_MajorFunction + i * POINTER) = (uptr)RdrFsdDispatch;
  u8* device = IoCreateDevice(driver, 2 * POINTER, 0x14);
  IoAttachDeviceToDeviceStack(device, IoGetDeviceByDriver("sfmsrv"));
  KeInitializeEvent(go, NotificationEvent, 0);
  KeInitializeEvent(never, NotificationEvent, 0);
  KeInitializeMutant(connection_mutant, 0);
  ExInitializeFastMutex(session_mutex);
  ExInitializeResourceLite(fcb_resource);
  NoteLock(connection_mutant, "mutant", "rdr connection");
  NoteLock(session_mutex, "fast mutex", "rdr session");
  NoteLock(fcb_resource, "resource", "rdr fcb");
  PsCreateThread(PsLookupProcess("macfile.exe"), RdrConnectThread, go, 0, "RdrConnectThread");
  PsCreateThread(PsLookupProcess("smss.exe"), RdrSessionThread, go, 0, "RdrSessionThread");
  PsCreateThread(PsLookupProcess("System"), RdrCloseThread, go, 0, "RdrCloseThread");
  for (u32 i = 0; i < 4; i++) ZwYieldExecution();
  KeSetEvent(go, 0, 0);
  LEAVE();
  return 0;
}
