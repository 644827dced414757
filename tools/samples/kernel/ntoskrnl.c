/* "ntoskrnl.exe": a kernel of ours, just large enough that a CPU runs through the stop machinery in
 * the order in which Windows Server 2003 x64 does, with unwind data for every function.
 * run_machine.cpp executes it. */
#define BUILDING_NT
#include "nt.h"

enum {
  PRCB_IN_PCR = 0x180,
  CONTEXT_IN_PRCB = 0x120,
  SIZEOF_PRCB = 0x2480,
  SIZEOF_PCR = 0x2600,
  SIZEOF_ETHREAD = 0x410,
  SIZEOF_EPROCESS = 0x3e0,
  SIZEOF_KDBG = 0x318
};
enum { IRQL_PASSIVE = 0, IRQL_DISPATCH = 2, IRQL_HIGH = 15 };
enum { IPI_RUNNING = 0, IPI_TARGET_FROZEN = 2, IPI_TARGET_FREEZE = 4 };

LOADER_BLOCK* KeLoaderBlock;
u64 PsLoadedModuleList[2] = {(u64)PsLoadedModuleList, (u64)PsLoadedModuleList};
u64 PsActiveProcessHead[2];
u64 KiBugCheckData[5];
u64 KiProcessorBlock[32];
u64 MmPfnDatabase = 0xFFFFFADFFFE00000ull; /* never followed here */
u64 MmUnloadedDrivers[1];
u32 CmNtCSDVersion = 0x200; /* service pack 2 */
char NtBuildLab[] = "3790.srv03_sp2_sample.070217-0900";
u64 KdDebuggerDataBlock[SIZEOF_KDBG / 8];
__attribute__((aligned(4096))) u8 KiInitialPCR[SIZEOF_PCR];
__attribute__((aligned(16))) u8 KiInitialProcess[SIZEOF_EPROCESS];
__attribute__((aligned(16))) u8 KiInitialThread[SIZEOF_ETHREAD], KiIdleThread1[SIZEOF_ETHREAD];
static u8 *PsInitialSystemProcess, *ExWorkerThread;
static WORK_ITEM* ExWorkQueue;
static u64 MmPoolNext;

/* ntasm.S */
void KiStartSystemThread(void);
void KiPageFault(void);
void KiIpiInterrupt(void);
void RtlCaptureContext(void* context);

static inline u8* KeGetCurrentPrcb(void) {
  u8* prcb;
  __asm__ volatile("movq %%gs:0x20, %0" : "=r"(prcb));
  return prcb;
}
static inline u64 read_cr8(void) {
  u64 v;
  __asm__ volatile("movq %%cr8, %0" : "=r"(v));
  return v;
}
static inline void write_cr8(u64 v) { __asm__ volatile("movq %0, %%cr8" ::"r"(v)); }
static inline void write_msr(u32 msr, u64 v) {
  __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)));
}

NOINLINE u8 KeRaiseIrqlToDpcLevel(void) {
  u8 old = (u8)read_cr8();
  write_cr8(IRQL_DISPATCH);
  return old;
}
NOINLINE void KeLowerIrql(u8 irql) { write_cr8(irql); }
NOINLINE void* ExAllocatePoolWithTag(u32 type, u64 size, u32 tag) {
  u64 block = MmPoolNext;
  PUT(block, 4, u32, tag); /* POOL_HEADER.PoolTag */
  MmPoolNext += (size + 0x1f) & ~0xfull;
  return (void*)(block + 0x10 + (type & 0));
}
NOINLINE void ExQueueWorkItem(WORK_ITEM* item, u32 queue) {
  item->next = queue == 1 ? ExWorkQueue : 0;
  ExWorkQueue = item;
}

/* ---- stop ---- */
static NOINLINE void KiSaveProcessorControlState(u8* prcb) {
  u64 v;
  u8* special = prcb + 0x40;
  __asm__ volatile("movq %%cr2, %0" : "=r"(v));
  PUT(special, 0x08, u64, v);
  __asm__ volatile("movq %%cr3, %0" : "=r"(v));
  PUT(special, 0x10, u64, v);
  PUT(special, 0xa0, u64, read_cr8());
}
/* The other CPUs stop here, inside the freeze interrupt. */
NOINLINE void KiFreezeTargetExecution(u8* trap_frame) {
  u8* prcb = KeGetCurrentPrcb();
  u8 irql = (u8)read_cr8();
  PUT(trap_frame, 0x29, u8, irql); /* PreviousIrql */
  write_cr8(IRQL_HIGH);
  RtlCaptureContext(prcb + CONTEXT_IN_PRCB);
  KiSaveProcessorControlState(prcb);
  PUT(prcb, 0xe08, u32, IPI_TARGET_FROZEN);
  while (GET(prcb, 0xe08, u32) != IPI_RUNNING) __asm__ volatile("cli; hlt");
  write_cr8(irql);
}
NOINLINE void KiIpiProcessRequests(u8* trap_frame) {
  u8* prcb = KeGetCurrentPrcb();
  if (GET(prcb, 0xe08, u32) == IPI_TARGET_FREEZE) KiFreezeTargetExecution(trap_frame);
  PUT(prcb, 0x2218, u32, GET(prcb, 0x2218, u32) + 1); /* InterruptCount */
}
static NOINLINE void KiSendFreeze(void) {
  u8* own = KeGetCurrentPrcb();
  for (u32 i = 0; i < 32 && KiProcessorBlock[i]; i++) {
    u8* prcb = (u8*)KiProcessorBlock[i];
    if (prcb == own) continue;
    PUT(prcb, 0xe08, u32, IPI_TARGET_FREEZE);
    write_msr(0x830, ((u64)i << 32) | 0xe1); /* interrupt command: vector 0xE1 to CPU i */
    while (GET(prcb, 0xe08, u32) != IPI_TARGET_FROZEN) __asm__ volatile("pause");
  }
}
static NOINLINE NORETURN void KeBugCheck2(u32 code, u64 p1, u64 p2, u64 p3, u64 p4) {
  /* A bad access by a driver has a code of its own. */
  if (code == 0xA &&
      (p4 < KeLoaderBlock->kernel_base || p4 - KeLoaderBlock->kernel_base > 0x100000))
    code = 0xD1;
  KiBugCheckData[1] = p1;
  KiBugCheckData[2] = p2;
  KiBugCheckData[3] = p3;
  KiBugCheckData[4] = p4;
  KiBugCheckData[0] = code;
  write_cr8(IRQL_HIGH);
  KiSendFreeze();
  for (;;) __asm__ volatile("cli; hlt");
}
NOINLINE void KeBugCheckEx(u32 code, u64 p1, u64 p2, u64 p3, u64 p4) {
  u8* prcb = KeGetCurrentPrcb();
  RtlCaptureContext(prcb + CONTEXT_IN_PRCB);
  KiSaveProcessorControlState(prcb);
  KeBugCheck2(code, p1, p2, p3, p4);
}
/* Called by KiPageFault: 0 = resolved, anything else = a bad access. */
NOINLINE u32 MmAccessFault(u64 store, u64 address, u64 mode, u8* trap_frame) {
  PUT(trap_frame, 0x28, u8, mode);
  PUT(trap_frame, 0xd0, u64, address);
  if (read_cr8() >= IRQL_DISPATCH) return 0xD0000006u;
  return store ? 0xC0000005u : 0xC0000006u;
}

/* ---- threads ---- */
static NOINLINE void ExpWorkerThread(void* queue) {
  for (;;) {
    WORK_ITEM* item = ExWorkQueue;
    if (!item) break;
    ExWorkQueue = item->next;
    item->routine(item->parameter);
    PUT(queue, 0, u64, GET(queue, 0, u64) + 1);
  }
  __asm__ volatile("cli; hlt");
}
NOINLINE void PspSystemThreadStartup(void (*routine)(void*), void* context) {
  write_cr8(IRQL_PASSIVE);
  routine(context);
  KeBugCheckEx(0xE, 0, 0, 0, 0); /* a system thread came back */
}
static NOINLINE void KeInitThread(u8* thread, u8* process, u64 base, u64 limit, u64 tid) {
  PUT(thread, 0, u8, 6);
  PUT(thread, 0x28, u64, base); /* InitialStack */
  PUT(thread, 0x30, u64, limit);
  PUT(thread, 0x38, u64, base);
  PUT(thread, 0x68, u64, process);
  PUT(thread, 0x154, u8, 2); /* Running */
  PUT(thread, 0x1dc, u8, 1); /* KernelStackResident */
  PUT(thread, 0x1e8, u64, process);
  PUT(thread, 0x240, u64, base);
  PUT(thread, 0x358, u64, GET(process, 0xd8, u64));
  PUT(thread, 0x360, u64, tid);
  PUT(thread, 0x3b8, u64, process);
  PUT(thread, 0x3d0, u64, process + 0x290);
  PUT(thread, 0x3d8, u64, process + 0x290);
}
/* The frame in which KiStartSystemThread begins. */
static NOINLINE void KiInitializeContextThread(u8* thread, void (*routine)(void*), void* context) {
  u64 frame = GET(thread, 0x28, u64) - 0x80;
  PUT(frame, 0x00, u64, context);
  PUT(frame, 0x08, u64, routine);
  PUT(frame, 0x10, u64, PspSystemThreadStartup);
  PUT(frame, 0x38, u64, 0); /* return address: the end of the stack */
  PUT(thread, 0x38, u64, frame);
  PUT(thread, 0x3c0, u64, routine);
}
static NOINLINE void KeInitProcess(u8* process, u64 id, const char* name) {
  PUT(process, 0, u8, 3);
  PUT(process, 0x28, u64, 0x8c7000); /* DirectoryTableBase */
  PUT(process, 0xd8, u64, id);
  for (u32 i = 0; name[i]; i++) PUT(process, 0x268 + i, u8, name[i]);
  PUT(process, 0x290, u64, process + 0x290);
  PUT(process, 0x298, u64, process + 0x290);
}

/* ---- start ---- */
static NOINLINE void KiInitializePcr(u8* pcr, u32 number, u8* thread) {
  static const char vendor[] = "GenuineIntel";
  u8* prcb = pcr + PRCB_IN_PCR;
  PUT(pcr, 0x18, u64, pcr);
  PUT(pcr, 0x20, u64, prcb);
  PUT(pcr, 0x60, u16, 1); /* MajorVersion, MinorVersion */
  PUT(pcr, 0x62, u16, 1);
  PUT(prcb, 0x04, u8, number);
  PUT(prcb, 0x08, u64, thread);
  PUT(prcb, 0x18, u64, thread);
  PUT(prcb, 0x38, u64, 1ull << number);
  PUT(prcb, 0x5f0, u8, 15);
  PUT(prcb, 0x5f4, u32, 2800);
  for (u32 i = 0; vendor[i]; i++) PUT(prcb, 0x22b4 + i, u8, vendor[i]);
  KiProcessorBlock[number] = (u64)prcb;
}
static NOINLINE void KdInitSystem(u64 kernel_base) {
  static const struct {
    u16 at, value;
  } offsets[] = {{0x298, 0x74},
                 {0x29a, 0xb0},
                 {0x29c, 0x38},
                 {0x29e, 0x28},
                 {0x2a0, 0x68},
                 {0x2a2, 0x154},
                 {0x2a8, SIZEOF_EPROCESS},
                 {0x2aa, 0x2c0},
                 {0x2ac, 0x218},
                 {0x2ae, 0x28},
                 {0x2b0, SIZEOF_PRCB},
                 {0x2b4, 0x08},
                 {0x2b6, 0x5f4},
                 {0x2b8, 0x5f0},
                 {0x2ba, 0x22b4},
                 {0x2bc, CONTEXT_IN_PRCB},
                 {0x2be, 0x04},
                 {0x2c0, SIZEOF_ETHREAD},
                 {0x2e0, SIZEOF_PCR},
                 {0x2e2, 0x18},
                 {0x2e4, 0x20},
                 {0x2e6, PRCB_IN_PCR},
                 {0x2f2, 0x40},
                 {0x2f4, 0x10},
                 {0x2f6, 0x18},
                 {0x2fa, 0x33},
                 {0x2fc, 0x2b}};
  u8* k = (u8*)KdDebuggerDataBlock;
  PUT(k, 0x00, u64, k);
  PUT(k, 0x08, u64, k);
  PUT(k, 0x10, u32, 0x4742444B); /* "KDBG" */
  PUT(k, 0x14, u32, SIZEOF_KDBG);
  PUT(k, 0x18, u64, kernel_base);
  PUT(k, 0x48, u64, PsLoadedModuleList);
  PUT(k, 0x50, u64, PsActiveProcessHead);
  PUT(k, 0x88, u64, KiBugCheckData);
  PUT(k, 0xc0, u64, &MmPfnDatabase);
  PUT(k, 0x138, u64, 0x1000); /* MmPageSize */
  PUT(k, 0x208, u64, NtBuildLab);
  PUT(k, 0x218, u64, KiProcessorBlock);
  PUT(k, 0x220, u64, MmUnloadedDrivers);
  PUT(k, 0x268, u64, &CmNtCSDVersion);
  for (u32 i = 0; i < sizeof offsets / sizeof *offsets; i++)
    PUT(k, offsets[i].at, u16, offsets[i].value);
}
static NOINLINE void ExpInitializeExecutive(LOADER_BLOCK* loader) {
  u8* worker = ExAllocatePoolWithTag(0, SIZEOF_ETHREAD, 0xE5726854);  /* 'Thr' */
  u8* system = ExAllocatePoolWithTag(0, SIZEOF_EPROCESS, 0xE36F7250); /* 'Pro' */
  void* queue = ExAllocatePoolWithTag(0, 0x40, 0x51577845);
  PsInitialSystemProcess = system;
  KeInitProcess(system, 4, "System");
  PsActiveProcessHead[0] = PsActiveProcessHead[1] = (u64)system + 0xe0;
  PUT(system, 0xe0, u64, PsActiveProcessHead);
  PUT(system, 0xe8, u64, PsActiveProcessHead);
  KeInitThread(worker, system, loader->worker_stack, loader->worker_stack - loader->stack_size,
               0x24);
  PUT(worker, 0x74, u8, 1);
  PUT(system, 0x290, u64, worker + 0x3d0);
  PUT(system, 0x298, u64, worker + 0x3d0);
  KiInitializeContextThread(worker, ExpWorkerThread, queue);
  ExWorkerThread = worker;
  PUT(loader->pcr1, PRCB_IN_PCR + 0x08, u64, worker); /* what CPU 1 will run */
}
static NOINLINE void PopProcessorIdle(void) { __asm__ volatile("sti; hlt"); }
static NOINLINE NORETURN void KiIdleLoop(void) {
  for (;;) {
    PopProcessorIdle();
    PUT(KeGetCurrentPrcb(), 0xdf0, u32, GET(KeGetCurrentPrcb(), 0xdf0, u32) + 1);
  }
}
void KiSystemStartup(LOADER_BLOCK* loader) {
  KeLoaderBlock = loader;
  MmPoolNext = loader->pool;
  KeInitProcess(KiInitialProcess, 0, "Idle");
  KeInitThread(KiInitialThread, KiInitialProcess, loader->idle_stack[0],
               loader->idle_stack[0] - loader->stack_size, 0);
  KeInitThread(KiIdleThread1, KiInitialProcess, loader->idle_stack[1],
               loader->idle_stack[1] - loader->stack_size, 0);
  KiInitializePcr(KiInitialPCR, 0, KiInitialThread);
  KiInitializePcr((u8*)loader->pcr1, 1, KiIdleThread1);
  KdInitSystem(loader->kernel_base);
  ExpInitializeExecutive(loader);
  loader->driver_entry(0, 0);
  KiIdleLoop();
}
/* For the loader only: where things are. */
__declspec(dllexport) void* KiSampleTable[] = {
    KiSystemStartup,     KiPageFault,        KiIpiInterrupt,      KiStartSystemThread,
    KdDebuggerDataBlock, PsLoadedModuleList, PsActiveProcessHead, KiBugCheckData,
    KiProcessorBlock,    NtBuildLab,         &CmNtCSDVersion,     KiInitialPCR,
    KiInitialThread,     &MmPfnDatabase,     &ExWorkerThread,     &PsInitialSystemProcess,
    KiInitialProcess};
