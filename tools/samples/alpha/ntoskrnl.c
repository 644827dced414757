/* "ntoskrnl.exe" for Alpha: a kernel of ours, just large enough to start a thread, hand out pool,
 * carry a request to a driver and back, and stop. */
#include "nt.h"

enum { SIZEOF_CONTEXT = 0x230, STACK_SIZE = 0x4000 };
enum { POOL_ALLOCATED = 0x6C6F6F50, POOL_FREE = 0x65657246 }; /* "Pool", "Free" */
typedef struct {
  u32 state, tag;
  u64 size;
} POOL_HEADER;

LOADER_BLOCK* KeLoaderBlock;
DEVICE_OBJECT* IoFilterDevice;
u64 KiBugCheckData[5];
u8 KiBugCheckContext[SIZEOF_CONTEXT] __attribute__((aligned(16)));
static WORK_ITEM* ExWorkQueue;
static u64 MmPoolNext;

/* ntasm.S */
void RtlCaptureContext(void* context);
u32 KiSwapIrql(u32 irql);
void KiThreadStartup(void);
void KiStandStill(void) NORETURN;

NOINLINE u32 KeRaiseIrql(u32 irql) { return KiSwapIrql(irql); }
NOINLINE void KeLowerIrql(u32 irql) { KiSwapIrql(irql); }

/* ---- pool ---- */
NOINLINE void* ExAllocatePoolWithTag(u32 type, u64 size, u32 tag) {
  POOL_HEADER* header = (POOL_HEADER*)MmPoolNext;
  MmPoolNext += sizeof *header + ((size + 31) & ~31ul);
  header->state = POOL_ALLOCATED + (type & 0);
  header->tag = tag;
  header->size = size;
  return header + 1;
}
NOINLINE void ExFreePool(void* block) {
  POOL_HEADER* header = (POOL_HEADER*)block - 1;
  u32 irql = KeRaiseIrql(IRQL_DISPATCH);
  if (header->state != POOL_ALLOCATED) /* freed twice: BAD_POOL_CALLER */
    KeBugCheckEx(0xC2, 7, header->state, header->tag, (u64)block);
  header->state = POOL_FREE;
  for (u64 i = 0; i < header->size / 8; i++) ((u64*)block)[i] = 0;
  KeLowerIrql(irql);
}

/* ---- requests ---- */
NOINLINE IRP* IoAllocateIrp(void) {
  IRP* irp = ExAllocatePoolWithTag(0, sizeof *irp, 0x20707249); /* "Irp " */
  irp->type = 6;
  return irp;
}
NOINLINE void IoFreeIrp(IRP* irp) {
  irp->status = 0;
  ExFreePool(irp);
}
NOINLINE u32 IoCallDriver(DEVICE_OBJECT* device, IRP* irp) {
  irp->device = device;
  return device->driver->dispatch(device, irp);
}
NOINLINE void IoCompleteRequest(IRP* irp) {
  u32 irql = KeRaiseIrql(IRQL_DISPATCH);
  if (irp->completion &&
      irp->completion(irp->device, irp, irp->context) != STATUS_MORE_PROCESSING_REQUIRED)
    IoFreeIrp(irp);
  KeLowerIrql(irql);
}

/* ---- stop ---- */
static NOINLINE NORETURN void KiStopOthers(void) {
  KiSwapIrql(IRQL_HIGH);
  KeLoaderBlock->stop = 1;
  KiStandStill();
}
NOINLINE void KeBugCheckEx(u32 code, u64 p1, u64 p2, u64 p3, u64 p4) {
  RtlCaptureContext(KiBugCheckContext);
  KiBugCheckData[0] = code;
  KiBugCheckData[1] = p1;
  KiBugCheckData[2] = p2;
  KiBugCheckData[3] = p3;
  KiBugCheckData[4] = p4;
  KiStopOthers();
}
/* Called by KiMemoryManagementException: 1 = go on, 0 = nothing can be done. */
NOINLINE u32 MmAccessFault(u32 store, u64 address, u32 irql, void* trap_frame) {
  KiBugCheckData[4] = (u64)trap_frame;
  return irql < IRQL_DISPATCH && address >= KeLoaderBlock->pool && store == 0;
}
NOINLINE void KiMemoryFault(u32 store, u64 address, u64 pc, void* trap_frame) {
  u32 irql = KiSwapIrql(IRQL_DISPATCH);
  if (!MmAccessFault(store, address, irql, trap_frame))
    KeBugCheckEx(0xA, address, irql, store, pc); /* IRQL_NOT_LESS_OR_EQUAL */
  KiSwapIrql(irql);
}

/* ---- threads ---- */
NOINLINE void ExQueueWorkItem(WORK_ITEM* item) {
  item->next = ExWorkQueue;
  ExWorkQueue = item;
}
static NOINLINE void ExpWorkerThread(void* context) {
  u64* done = context;
  while (ExWorkQueue) {
    WORK_ITEM* item = ExWorkQueue;
    ExWorkQueue = item->next;
    item->routine(item->context);
    ++*done;
  }
  KiStandStill();
}
NOINLINE void PspSystemThreadStartup(void (*routine)(void*), void* context) {
  KiSwapIrql(IRQL_PASSIVE);
  routine(context);
  KeBugCheckEx(0xE, 0, 0, 0, 0); /* a system thread came back */
}
/* Entered by record.py on the stack of the worker thread; its frame is gone when the thread begins.
 */
void KiSystemStartup(LOADER_BLOCK* loader) {
  KeLoaderBlock = loader;
  MmPoolNext = loader->pool;
  ((void (*)(void))loader->filter_entry)();
  ((void (*)(void))loader->sfmsrv_entry)();
}
/* What KiThreadStartup begins with. */
void (*const KiFirstThread[2])() = {(void (*)())PspSystemThreadStartup,
                                    (void (*)())ExpWorkerThread};
u64 ExWorkItemsDone;
