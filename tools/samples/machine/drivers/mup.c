/* mup.sys - stub of ours: the top of the IRP's way, and threads that wait for events and
 * semaphores. */
#include "../nt/nt.h"

static u8 provider_ready[HEADER_size], server_queue[HEADER_size + POINTER], shutdown[HEADER_size];
static u8* device;

static NOINLINE u32 NTAPI MupForwardCompletion(u8* d, u8* irp, void* context) {
  (void)d;
  (void)irp;
  (void)context;
  return STATUS_MORE_PROCESSING_REQUIRED;
}
static NOINLINE u32 NTAPI MupFsControl(u8* d, u8* irp) {
  ENTER();
  u8* below = (u8*)PTR(PTR(d, DEVICE_OBJECT_DeviceExtension), 0);
  irp_pass(irp, MupForwardCompletion, d);
  u32 status = IoCallDriver(below, irp);
  LEAVE();
  return status;
}
/* ---- waiting threads ---- */
static NOINLINE u32 MupWaitForProvider(void* event) {
  ENTER();
  u32 status = KeWaitForSingleObject(event, Executive, 0, 0, 0);
  LEAVE();
  return status;
}
static void NTAPI MupProviderThread(void* context) {
  ENTER();
  MupWaitForProvider(context);
  LEAVE();
}
static NOINLINE u32 MupGetServerRequest(void* queue, u64* timeout) {
  volatile u8 request[96];
  ENTER();
  for (u32 i = 0; i < sizeof request; i++) request[i] = (u8)i;
  u32 status = KeWaitForSingleObject(queue, UserRequest, 0, 0, timeout) + request[3] - 3;
  LEAVE();
  return status;
}
static void NTAPI MupServerThread(void* context) {
  u64 timeout = (u64)-300000000;
  ENTER();
  MupGetServerRequest(context, &timeout);
  LEAVE();
}
static void NTAPI MupScavengerThread(void* context) {
  void* objects[2] = {shutdown, provider_ready};
  ENTER();
  KeWaitForMultipleObjects(2, objects, 1, Executive, 0, 0, 0, 0);
  LEAVE();
  (void)context;
}
/* The caller of the file system control that never completes. */
static NOINLINE u32 MupQueryServer(const char* path) {
  ENTER();
  u32 status = NtFsControlFile(device, path, 0x140193);
  LEAVE();
  return status;
}
static void NTAPI MupClientThread(void* path) {
  ENTER();
  MupQueryServer(path);
  LEAVE();
}

void MupStartThreads(void) {
  KeInitializeEvent(provider_ready, NotificationEvent, 0);
  KeInitializeEvent(shutdown, SynchronizationEvent, 0);
  KeInitializeSemaphore(server_queue, 0, 64);
  PsCreateThread(PsLookupProcess("System"), MupProviderThread, provider_ready, 0,
                 "MupProviderThread");
  PsCreateThread(PsLookupProcess("smss.exe"), MupServerThread, server_queue, 0, "MupServerThread");
  PsCreateThread(PsLookupProcess("System"), MupScavengerThread, 0, 0, "MupScavengerThread");
  PsCreateThread(PsLookupProcess("macfile.exe"), MupClientThread, "\\SRV1\\share", 0,
                 "MupClientThread");
}
u32 NTAPI DriverEntry(u8* driver, void* path) {
  ENTER();
  (void)path;
  for (u32 i = 0; i < 28; i++)
    PTR(driver, DRIVER_OBJECT_MajorFunction + i * POINTER) = (uptr)MupFsControl;
  device = IoCreateDevice(driver, 2 * POINTER, 0x10);
  IoAttachDeviceToDeviceStack(device, IoGetDeviceByDriver("rdr"));
  MupStartThreads();
  LEAVE();
  return 0;
}
