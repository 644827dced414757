/* kd.c - the debugger's data block and the start of the system. */
#include "ke.h"

LOADER_BLOCK* KeLoaderBlock;
uptr PsActiveProcessHead[2], ExpSystemResourcesList[2], KiProcessorBlock[64];
u32 KeTimeIncrement = 156250, KeNumberProcessors, CmNtCSDVersion = NT_CSD;
char NtBuildLab[] = NT_BUILD_LAB;
uptr MmPfnDatabase, MmHighestUserAddress, MmSystemRangeStart, MmUserProbeAddress, PspCidTable,
    MmPageSize = 0x1000;
extern uptr MmPagedPoolStart, MmPagedPoolEnd, MmNonPagedPoolStart, MmNonPagedPoolEnd;
extern const uptr PTE_BASE;
extern u8* KiInitialProcessObject;
static SCENARIO scenario;
#ifdef _WIN64
__attribute__((aligned(4096))) u8 KiInitialPCR[0x1000 + (KPCR_size + 0xFFF) / 0x1000 * 0x1000];
#endif
__attribute__((aligned(16))) static u8 idle_threads[MAX_CPUS][(ETHREAD_size + 63) / 16 * 16];
__attribute__((aligned(16))) static u8 contexts[MAX_CPUS][0x4D0];
void KiInitializeReadyLists(u8* prcb);
void KiInitializeDpcList(u8* prcb);
void MiDropLowMapping(void);
void MiRememberUnloadedDriver(const char* name, uptr start, uptr end);
void NoteInitialize(void);

#ifdef NT_KDBG_SIZE
uptr KdDebuggerDataBlock[NT_KDBG_SIZE / sizeof(uptr)];
/* Addresses are stored as 64-bit numbers; those of a 32-bit kernel sign-extended. */
static void kd(u32 offset, const volatile void* p) {
  Q64(KdDebuggerDataBlock, offset) =
      (u64)(long long)(POINTER == 8 ? (long long)(uptr)p : (long long)(s32)(uptr)p);
}
#define KD16(offset, value) (W16(KdDebuggerDataBlock, offset) = (u16)(value))
static void kd_offsets(void) {
  KD16(0x298, KTHREAD_NextProcessor);
  KD16(0x29A, KTHREAD_Teb);
  KD16(0x29C, KTHREAD_KernelStack);
  KD16(0x29E, KTHREAD_InitialStack);
  KD16(0x2A0, KTHREAD_ApcState + KAPC_STATE_Process);
  KD16(0x2A2, KTHREAD_State);
  KD16(0x2A8, EPROCESS_size);
  KD16(0x2AA, EPROCESS_Peb);
  KD16(0x2AC, EPROCESS_InheritedFromUniqueProcessId);
  KD16(0x2AE, KPROCESS_DirectoryTableBase);
  KD16(0x2B0, KPRCB_size);
  KD16(0x2B2, KPRCB_DpcRoutineActive);
  KD16(0x2B4, KPRCB_CurrentThread);
  KD16(0x2B6, KPRCB_MHz);
  KD16(0x2BA, KPRCB_VendorString);
  KD16(0x2BC, KPRCB_ProcessorState + KPROCESSOR_STATE_ContextFrame);
  KD16(0x2BE, KPRCB_Number);
  KD16(0x2C0, ETHREAD_size);
  KD16(0x2E0, KPCR_size);
  KD16(0x2E2, POINTER == 8 ? 0x18 : 0x1C);
  KD16(0x2E4, 0x20);
  KD16(0x2E6, KPCR_PrcbOffset);
  KD16(0x2F2, KPRCB_ProcessorState + KPROCESSOR_STATE_SpecialRegisters);
#ifdef KPRCB_Context
  if (NT_KDBG_SIZE >= 0x340) KD16(0x338, KPRCB_Context);
#endif
#if NT_KDBG_SIZE >= 0x360
  D32(KdDebuggerDataBlock, 0x340) = KTHREAD_StackLimit;
  D32(KdDebuggerDataBlock, 0x344) = KTHREAD_StackBase;
  D32(KdDebuggerDataBlock, 0x348) = KTHREAD_QueueListEntry;
  D32(KdDebuggerDataBlock, 0x34C) = ETHREAD_IrpList;
  KD16(0x350, KPRCB_IdleThread);
  KD16(0x354, KPRCB_DpcStack);
  KD16(0x35C, KTHREAD_WaitReason);
#endif
}
void KdInitialize(void) {
  Q64(KdDebuggerDataBlock, 0) = Q64(KdDebuggerDataBlock, 8) = 0;
  kd(0, KdDebuggerDataBlock);
  kd(8, KdDebuggerDataBlock);
  D32(KdDebuggerDataBlock, 0x10) = TAG('K', 'D', 'B', 'G');
  D32(KdDebuggerDataBlock, 0x14) = NT_KDBG_SIZE;
  kd(0x18, (void*)(uptr)KeLoaderBlock->modules[0].base);
  u32 cr4;
  uptr value;
  READ_CR(4, value);
  cr4 = (u32)value;
  KD16(0x36, POINTER == 4 && cr4 & 0x20 ? 1 : 0);
  static const struct {
    u32 offset;
    volatile void* variable;
  } variables[] = {
      {0x48, PsLoadedModuleList},     {0x50, PsActiveProcessHead},   {0x58, &PspCidTable},
      {0x60, ExpSystemResourcesList}, {0x78, &KeTimeIncrement},      {0x88, KiBugCheckData},
      {0xC0, &MmPfnDatabase},         {0x110, &MmNonPagedPoolStart}, {0x118, &MmNonPagedPoolEnd},
      {0x120, &MmPagedPoolStart},     {0x128, &MmPagedPoolEnd},      {0x1C8, &MmHighestUserAddress},
      {0x1D0, &MmSystemRangeStart},   {0x1D8, &MmUserProbeAddress},  {0x208, NtBuildLab},
      {0x218, KiProcessorBlock},      {0x220, &MmUnloadedDrivers},   {0x228, &MmLastUnloadedDriver},
      {0x268, &CmNtCSDVersion}};
  for (u32 i = 0; i < sizeof variables / sizeof variables[0]; i++)
    kd(variables[i].offset, variables[i].variable);
  Q64(KdDebuggerDataBlock, 0x138) = MmPageSize;
#if NT_KDBG_SIZE > 0x360
  Q64(KdDebuggerDataBlock, 0x360) = PTE_BASE;
#endif
  kd_offsets();
}
#else
void KdInitialize(void) {} /* NT 4 has no such block */
#endif

const SCENARIO* NTAPI HalpScenario(void) { return &scenario; }

static void start_cpu(u32 number, u8* pcr, uptr stack_top, uptr stack_limit) {
  u8 *idle = idle_threads[number], *prcb = AT(pcr, KPCR_PrcbOffset);
  KiInitializeCpu(number, pcr, idle, stack_top);
  KiProcessorBlock[number] = (uptr)prcb;
  PspInitializeThread(idle, KiInitialProcessObject, stack_top, stack_limit, 0, number, 0);
  note_thread(idle, KiInitialProcessObject, 0, number ? "Idle1" : "Idle0", number);
  B8(idle, KTHREAD_State) = StateRunning;
  B8(idle, KTHREAD_Priority) = 0;
  note_thread_state(idle, "running");
  PTR(prcb, KPRCB_CurrentThread) = PTR(prcb, KPRCB_IdleThread) = (uptr)idle;
  PTR(pcr, KPCR_HalReserved) = PTR(idle, KTHREAD_LegoData);
#ifdef KPRCB_Context
  PTR(prcb, KPRCB_Context) = (uptr)contexts[number];
#else
  (void)contexts;
#endif
#ifdef KPRCB_DpcStack
  PTR(prcb, KPRCB_DpcStack) = MmCreateKernelStack();
  note_stack_area("dpc", PTR(prcb, KPRCB_DpcStack) - STACK_PAGES * 0x1000,
                  PTR(prcb, KPRCB_DpcStack));
#endif
#ifdef KPRCB_KernelDirectoryTableBase
  PTR(prcb, KPRCB_KernelDirectoryTableBase) = (uptr)KeLoaderBlock->cr3;
#endif
  D32(prcb, KPRCB_MHz) = 2394;
  for (u32 i = 0; i < 12; i++) B8(prcb, KPRCB_VendorString + i) = (u8) "GenuineIntel"[i];
  KiInitializeReadyLists(prcb);
  KiInitializeDpcList(prcb);
  note_cpu(number, pcr, prcb, idle);
}

/* The second CPU comes here on its idle thread's stack. */
NOINLINE void KiStartupSecondProcessor(void) {
  KiLoadCpuState(1); /* no notes before */
  ENTER();
  __atomic_add_fetch(&KeNumberProcessors, 1, __ATOMIC_SEQ_CST);
  KiIdleLoop();
  LEAVE();
}
NOINLINE void KeStartAllProcessors(void) {
  ENTER();
  uptr top = MmCreateKernelStack(), pcr = (uptr)KeLoaderBlock->pcr_area;
  for (uptr i = 0; i < KPCR_size; i += 0x1000)
    MiMapPage(pcr + i, MiAllocateFrame(), PTE_VALID | PTE_WRITE);
  start_cpu(1, (u8*)pcr, top, top - STACK_PAGES * 0x1000);
  HalStartNextProcessor((uptr)KeLoaderBlock->cr3, top - 0x40, KiStartupSecondProcessor);
  while (KeNumberProcessors != 2) pause();
  MiDropLowMapping();
  LEAVE();
}

/* A system thread: everything that needs threads, then nothing but waiting. */
NOINLINE void NTAPI Phase1Initialization(void* context) {
  ENTER();
  u64 never = (u64)-10000000;
  u8* explorer;
  PsCreateProcess("smss.exe", 0x124, PsInitialSystemProcess);
  explorer = PsCreateProcess("macfile.exe", 0x1F8, PsInitialSystemProcess);
  (void)explorer;
  MiRememberUnloadedDriver("dump_scsi.sys",
                           POINTER == 8 ? (uptr)0xFFFFF88002E00000ull : 0xF7B00000u,
                           POINTER == 8 ? (uptr)0xFFFFF88002E0A000ull : 0xF7B0A000u);
  MiRememberUnloadedDriver("Fs_Rec.SYS", POINTER == 8 ? (uptr)0xFFFFF88002E20000ull : 0xF7B20000u,
                           POINTER == 8 ? (uptr)0xFFFFF88002E25000ull : 0xF7B25000u);
  KeStartAllProcessors();
  IoInitialize();
  for (;;) KeDelayExecutionThread(0, 0, &never);
  (void)context;
}

NOINLINE void KiSystemStartup(LOADER_BLOCK* block) {
  KeLoaderBlock = block;
  scenario = (SCENARIO){(u32)block->scenario[0], (u32)block->scenario[1], (u32)block->scenario[2],
                        (u32)block->scenario[3]};
  KiHaltWhenIdle = scenario.stop == STOP_SECOND_CPU ? 1 : scenario.idle ? 2 : 0;
  for (u32 i = 0; i < 5; i++) KiBugCheckData[i] = 0;
  KiEarlyCpu(KI_BOOT_PCR);
  out8(0x21, 0xFF); /* no interrupts from the PC's devices */
  out8(0xA1, 0xFF);
  NoteInitialize();
  MmInitSystem();
  MmPfnDatabase = POINTER == 8 ? (uptr)0xFFFFFA8000000000ull : 0x81000000u; /* none is kept here */
  MmHighestUserAddress = POINTER == 8 ? (uptr)0x7FFFFFEFFFFull : 0x7FFEFFFFu;
  MmUserProbeAddress = POINTER == 8 ? (uptr)0x7FFFFFF0000ull : 0x7FFF0000u;
  MmSystemRangeStart = POINTER == 8 ? (uptr)0xFFFF080000000000ull : 0x80000000u;
  list_init(ExpSystemResourcesList);
  PsInitialize();
  KdInitialize();
  start_cpu(0, KI_BOOT_PCR, (uptr)block->boot_stack,
            (uptr)block->boot_stack - STACK_PAGES * 0x1000);
  ENTER();
  KiLoadCpuState(0);
  KeNumberProcessors = 1;
  set_irql(PASSIVE_LEVEL);
  PsCreateThread(PsInitialSystemProcess, Phase1Initialization, 0, 0, "Phase1Initialization");
  set_irql(DISPATCH_LEVEL);
  KiIdleLoop();
  LEAVE();
}
