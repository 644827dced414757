/* ps.c - processes and threads. */
#include "ke.h"

u8* PsInitialSystemProcess;
__attribute__((
    aligned(16))) static u8 KiInitialProcessBody[0x1000]; /* the idle process is no pool block */
u8* KiInitialProcessObject = KiInitialProcessBody;
static u32 next_thread_id = 8;
void KiInitializeReadyLists(u8* prcb);

/* OBJECT_HEADER before the body. */
u8* ObCreate(uptr size, u32 tag, u32 type_index) {
  u8* header = ExAllocatePoolWithTag(NonPagedPool, OBJECT_HEADER_Body + size, tag | 0x80000000u);
  PTR(header, 0) = 2; /* PointerCount */
  PTR(header, POINTER) = 1;
#ifdef OBJECT_HEADER_TypeIndex
  B8(header, OBJECT_HEADER_TypeIndex) = (u8)type_index;
#endif
  (void)type_index;
  return header + OBJECT_HEADER_Body;
}

static void init_process(u8* p, const char* name, u32 id, uptr cr3) {
  B8(p, HEADER_Type) = ProcessObject;
  B8(p, HEADER_Size) = (u8)(KPROCESS_size / 4 > 255 ? 0 : KPROCESS_size / 4);
  list_init(AT(p, HEADER_WaitListHead));
  list_init(AT(p, KPROCESS_ThreadListHead));
  list_init(AT(p, KPROCESS_ProfileListHead));
  list_init(AT(p, KPROCESS_ReadyListHead));
  PTR(p, KPROCESS_DirectoryTableBase) = cr3;
  B8(p, KPROCESS_BasePriority) = 8;
#ifdef EPROCESS_ThreadListHead
  list_init(AT(p, EPROCESS_ThreadListHead));
#endif
  PTR(p, EPROCESS_UniqueProcessId) = id;
  Q64(p, EPROCESS_CreateTime) = 0x01D0000000000000ull + (u64)id * 10000000;
  for (u32 i = 0; name[i] && i < 15; i++) B8(p, EPROCESS_ImageFileName + i) = (u8)name[i];
  note_process(p, id, name, cr3);
}
u8* PsCreateProcess(const char* name, u32 id, u8* parent) {
  u8* p = ObCreate(EPROCESS_size, TAG('P', 'r', 'o', 'c'), 7);
  uptr cr3 = parent ? MmCreateAddressSpace() : (uptr)KeLoaderBlock->cr3;
  init_process(p, name, id, cr3);
  PTR(p, EPROCESS_InheritedFromUniqueProcessId) =
      parent ? PTR(parent, EPROCESS_UniqueProcessId) : 0;
  list_add(PsActiveProcessHead, AT(p, EPROCESS_ActiveProcessLinks));
  if (parent) MmPlantPages(p);
  return p;
}
u8* NTAPI PsLookupProcess(const char* image_name) {
  for (LIST* l = (LIST*)PsActiveProcessHead[0]; l != (LIST*)PsActiveProcessHead; l = l->flink) {
    u8* p = (u8*)l - EPROCESS_ActiveProcessLinks;
    u32 i = 0;
    while (image_name[i] && B8(p, EPROCESS_ImageFileName + i) == (u8)image_name[i]) i++;
    if (!image_name[i]) return p;
  }
  return PsInitialSystemProcess;
}

void PspInitializeThread(u8* t, u8* process, uptr top, uptr limit, u32 id, u32 cpu,
                         THREAD_START start) {
  B8(t, HEADER_Type) = ThreadObject;
  B8(t, HEADER_Size) = KTHREAD_size / 4 > 255 ? 0 : KTHREAD_size / 4;
  list_init(AT(t, HEADER_WaitListHead));
  list_init(AT(t, KTHREAD_MutantListHead));
  PTR(t, KTHREAD_InitialStack) = PTR(t, KTHREAD_StackBase) = PTR(t, KTHREAD_KernelStack) = top;
  PTR(t, KTHREAD_StackLimit) = limit;
  for (u32 i = 0; i < 2; i++)
    list_init(AT(t, KTHREAD_ApcState + KAPC_STATE_ApcListHead + i * 2 * POINTER));
  PTR(t, KTHREAD_ApcState + KAPC_STATE_Process) = (uptr)process;
#ifdef KTHREAD_Process
  PTR(t, KTHREAD_Process) = (uptr)process;
#endif
#ifdef ETHREAD_ThreadsProcess
  PTR(t, ETHREAD_ThreadsProcess) = (uptr)process;
#endif
#ifdef KTHREAD_KernelStackResident
  B8(t, KTHREAD_KernelStackResident) = 1;
#endif
  B8(t, KTHREAD_Priority) = 8;
  B8(t, KTHREAD_BasePriority) = 8;
  B8(t, KTHREAD_NextProcessor) = (u8)cpu;
  PTR(t, ETHREAD_Cid) = PTR(process, EPROCESS_UniqueProcessId);
  PTR(t, ETHREAD_Cid + POINTER) = id;
  list_init(AT(t, ETHREAD_IrpList));
  PTR(t, ETHREAD_StartAddress) = (uptr)start;
  PTR(t, ETHREAD_Win32StartAddress) = (uptr)start;
  Q64(t, ETHREAD_CreateTime) = (0x01D0000000000000ull + (u64)id * 10000000)
                               << (NT_BUILD < 6000 ? 3 : 0);
  list_add(AT(process, KPROCESS_ThreadListHead), AT(t, KTHREAD_ThreadListEntry));
#ifdef ETHREAD_ThreadListEntry
  list_add(AT(process, EPROCESS_ThreadListHead), AT(t, ETHREAD_ThreadListEntry));
#endif
#ifdef EPROCESS_ActiveThreads
  D32(process, EPROCESS_ActiveThreads)++;
#endif
}

/* A new thread's stack is as if SwapContext had left it: a switch frame that returns to
 * KiStartSystemThread, which finds the routine and its argument. */
static void first_frame(u8* t, uptr top, THREAD_START start, void* context) {
  SHADOW* s = (SHADOW*)PTR(t, KTHREAD_LegoData);
#ifdef _WIN64
  u64* f = (u64*)(top - 0x80); /* KSWITCH_FRAME 40h, start frame 40h */
  f[7] = (u64)KiStartSystemThread;
  f[8 + 2] = (u64)start;
  f[8 + 3] = (u64)context;
  s->e[0].slot = (uptr)&f[7];
#else
  u32* f = (u32*)(top - 0x30); /* exception list, irql, return; then the start frame */
  f[0] = 0xFFFFFFFFu;
  f[1] = 0;
  f[2] = (u32)KiStartSystemThread;
  f[3] = (u32)start;
  f[4] = (u32)context;
  s->e[0].slot = (uptr)&f[2];
#endif
  PTR(t, KTHREAD_KernelStack) = (uptr)f;
  s->e[0].pc = (uptr)KiStartSystemThread;
  s->e[0].kind = NOTE_SWITCH;
  s->total = 1;
}
u8* NTAPI PsCreateThread(u8* process, THREAD_START start, void* context, u32 cpu,
                         const char* name) {
  u8* t = ObCreate(ETHREAD_size, TAG('T', 'h', 'r', 'e'), 8);
  uptr top = MmCreateKernelStack();
  u32 id = next_thread_id;
  next_thread_id += 4;
  PspInitializeThread(t, process, top, top - STACK_PAGES * 0x1000, id, cpu, start);
  note_thread(t, process, id, name, cpu);
  first_frame(t, top, start, context);
  u32 irql = lock_dispatcher();
  KiReadyThread(t);
  unlock_dispatcher(irql);
  return t;
}

void PsInitialize(void) {
  list_init(PsActiveProcessHead);
  init_process(KiInitialProcessObject, "Idle", 0, (uptr)KeLoaderBlock->cr3);
  PsInitialSystemProcess = PsCreateProcess("System",
                                           NT_BUILD < 2195   ? 2
                                           : NT_BUILD < 2600 ? 8
                                                             : 4,
                                           0);
}
