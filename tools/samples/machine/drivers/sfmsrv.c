/* sfmsrv.sys - stub of ours: the bottom of the IRP's way; a cycle of two threads over two
 * resources, a resource with shared owners and waiters of both kinds, pool blocks. */
#include "../nt/nt.h"

static u8 volume_resource[ERESOURCE_size], fork_resource[ERESOURCE_size],
    catalog_resource[ERESOURCE_size], idle_resource[ERESOURCE_size];
static u8 go[HEADER_size], never[HEADER_size], done[HEADER_size];
static LIST pending;

/* Queues the request for a client that never answers. */
static NOINLINE u32 NTAPI AfpFsdDispatch(u8* d, u8* irp) {
  ENTER();
  (void)d;
  B8(irp_current(irp), IO_STACK_LOCATION_Control) |= 1; /* pending returned */
  list_add(&pending, AT(irp, IRP_Tail_Overlay_ListEntry));
  LEAVE();
  return STATUS_PENDING;
}
static NOINLINE void AfpAcquire(void* resource, u32 exclusive) {
  ENTER();
  NoteWanted(resource, exclusive ? "exclusive" : "shared");
  if (exclusive)
    ExAcquireResourceExclusiveLite(resource, 1);
  else
    ExAcquireResourceSharedLite(resource, 1);
  NoteOwner(resource, exclusive ? "exclusive" : "shared");
  LEAVE();
}
/* ---- two resources in two orders ---- */
static NOINLINE void AfpOpenFork(void) {
  ENTER();
  AfpAcquire(fork_resource, 1);
  LEAVE();
}
static void NTAPI AfpOpenThread(void* context) {
  ENTER();
  AfpAcquire(volume_resource, 1);
  KeWaitForSingleObject(context, Executive, 0, 0, 0);
  AfpOpenFork();
  LEAVE();
}
static NOINLINE void AfpUpdateVolume(void) {
  ENTER();
  if (HalpScenario()->deadlocks)
    AfpAcquire(volume_resource, 1);
  else
    KeWaitForSingleObject(never, Executive, 0, 0, 0);
  LEAVE();
}
static void NTAPI AfpFlushThread(void* context) {
  ENTER();
  AfpAcquire(fork_resource, 1);
  KeWaitForSingleObject(context, Executive, 0, 0, 0);
  AfpUpdateVolume();
  LEAVE();
}
/* ---- shared owners, then an exclusive waiter, then a shared one behind it ---- */
static void NTAPI AfpReaderThread(void* context) {
  ENTER();
  AfpAcquire(catalog_resource, 0);
  KeWaitForSingleObject(context, Executive, 0, 0, 0);
  LEAVE();
}
static void NTAPI AfpWriterThread(void* context) {
  ENTER();
  AfpAcquire(catalog_resource, 1);
  LEAVE();
  (void)context;
}
static void NTAPI AfpLateReaderThread(void* context) {
  ENTER();
  AfpAcquire(catalog_resource, 0);
  LEAVE();
  (void)context;
}

static void start_threads(void) {
  u8 *system = PsLookupProcess("System"), *macfile = PsLookupProcess("macfile.exe");
  PsCreateThread(macfile, AfpOpenThread, go, 0, "AfpOpenThread");
  PsCreateThread(system, AfpFlushThread, go, 0, "AfpFlushThread");
  PsCreateThread(macfile, AfpReaderThread, done, 0, "AfpReaderThread1");
  PsCreateThread(macfile, AfpReaderThread, done, 0, "AfpReaderThread2");
  for (u32 i = 0; i < 4; i++) ZwYieldExecution();
  PsCreateThread(system, AfpWriterThread, 0, 0, "AfpWriterThread");
  for (u32 i = 0; i < 4; i++) ZwYieldExecution();
  PsCreateThread(macfile, AfpLateReaderThread, 0, 0, "AfpLateReaderThread");
  for (u32 i = 0; i < 4; i++) ZwYieldExecution();
  KeSetEvent(go, 0, 0);
}
static NOINLINE void AfpAllocateBuffers(void) {
  ENTER();
  static const u16 sizes[4] = {40, 120, 256, 72};
  u8* block[4];
  for (u32 i = 0; i < 4; i++)
    block[i] = ExAllocatePoolWithTag(NonPagedPool, sizes[i], TAG('A', 'f', 'p', 'B'));
  for (u32 i = 0; i < 4; i++)
    for (u32 k = 0; k < sizes[i]; k++) block[i][k] = (u8)(0x41 + i);
  ExFreePoolWithTag(block[1], TAG('A', 'f', 'p', 'B'));
  NoteBlock(block[0], "AfpB", "allocated");
  NoteBlock(block[1], "AfpB", "free");
  NoteBlock(block[2], "AfpB", "allocated");
  if (HalpScenario()->damage == 1) {
    for (u32 k = 256; k < 256 + 16; k++)
      block[2][k] = 0x5A; /* past the end: the next block's header */
    NoteBlock(block[3], "AfpB", "overwritten");
    if (HalpScenario()->stop == STOP_POOL) ExFreePoolWithTag(block[2], TAG('A', 'f', 'p', 'B'));
  } else {
    NoteBlock(block[3], "AfpB", "allocated");
  }
  LEAVE();
}
/* Where the damage is the stop, it comes when all others have settled. */
static void NTAPI AfpWorkerThread(void* context) {
  ENTER();
  for (u32 i = 0; HalpScenario()->stop == STOP_POOL && i < 40; i++) ZwYieldExecution();
  AfpAllocateBuffers();
  KeWaitForSingleObject(context, WrQueue, 0, 0, 0);
  LEAVE();
}

u32 NTAPI DriverEntry(u8* driver, void* path) {
  ENTER();
  (void)path;
  for (u32 i = 0; i < 28; i++)
    PTR(driver, DRIVER_OBJECT_MajorFunction + i * POINTER) = (uptr)AfpFsdDispatch;
  IoCreateDevice(driver, 0, 0x14);
  list_init(&pending);
  KeInitializeEvent(go, NotificationEvent, 0);
  KeInitializeEvent(never, NotificationEvent, 0);
  KeInitializeEvent(done, NotificationEvent, 0);
  ExInitializeResourceLite(volume_resource);
  ExInitializeResourceLite(fork_resource);
  ExInitializeResourceLite(catalog_resource);
  ExInitializeResourceLite(idle_resource);
  NoteLock(volume_resource, "resource", "afp volume");
  NoteLock(fork_resource, "resource", "afp fork");
  NoteLock(catalog_resource, "resource", "afp catalog");
  NoteLock(idle_resource, "resource", "afp idle");
  start_threads();
  PsCreateThread(PsLookupProcess("System"), AfpWorkerThread, never, 0, "AfpWorkerThread");
  LEAVE();
  return 0;
}
