/* sched.c - ready queues, the switch to another thread, the idle loop, DPCs.  Threads are bound to
 * one CPU and never preempted; one lock guards all dispatcher data and is handed over by the
 * switch. */
#include "ke.h"

static volatile u32 KiDispatcherLock;
volatile u32 KeTickCount = 0x2A4C17, KiHaltWhenIdle;
#ifndef KPRCB_DispatcherReadyListHead
static uptr KiDispatcherReadyListHead[MAX_CPUS][64];
#endif

static u8* ready_list(u8* prcb, u32 priority) {
#ifdef KPRCB_DispatcherReadyListHead
  return AT(prcb, KPRCB_DispatcherReadyListHead + priority * 2 * POINTER);
#else
  return (u8*)&KiDispatcherReadyListHead[B8(prcb, KPRCB_Number)][2 * priority];
#endif
}
void KiInitializeReadyLists(u8* prcb) {
  for (u32 i = 0; i < 32; i++) list_init(ready_list(prcb, i));
}

u32 lock_dispatcher(void) {
  u32 old = current_irql();
  if (old < DISPATCH_LEVEL) set_irql(DISPATCH_LEVEL);
  while (__atomic_exchange_n(&KiDispatcherLock, 1, __ATOMIC_ACQUIRE)) pause();
  return old;
}
void unlock_dispatcher(u32 irql) {
  __atomic_store_n(&KiDispatcherLock, 0, __ATOMIC_RELEASE);
  set_irql(irql);
}

/* Dispatcher lock held. */
void KiReadyThread(u8* thread) {
  u32 cpu = B8(thread, KTHREAD_NextProcessor);
  B8(thread, KTHREAD_State) = StateReady;
  note_thread_state(thread, "ready");
  list_add(ready_list((u8*)KiProcessorBlock[cpu], B8(thread, KTHREAD_Priority)),
           AT(thread, KTHREAD_WaitListEntry));
}
static u8* select_ready(u8* prcb) {
  for (s32 i = 31; i >= 0; i--) {
    LIST* head = (LIST*)ready_list(prcb, (u32)i);
    if (head->flink == head) continue;
    u8* thread = (u8*)head->flink - KTHREAD_WaitListEntry;
    list_remove(head->flink);
    PTR(thread, KTHREAD_WaitListEntry) = PTR(thread, KTHREAD_WaitListEntry + POINTER) = 0;
    return thread;
  }
  return 0;
}
static void make_running(u8* next, u32 cpu) {
  B8(next, KTHREAD_State) = StateRunning;
  B8(next, KTHREAD_NextProcessor) = (u8)cpu;
  note_thread_state(next, "running");
}

/* The current thread's state says why it stops running; the dispatcher lock is held and is held
 * again by whoever runs next. */
NOINLINE void KiSwapThread(u8* thread) {
  ENTER();
  u8 *prcb = current_prcb(), *next = select_ready(prcb);
  if (!next) next = (u8*)PTR(prcb, KPRCB_IdleThread);
  if (next != thread) {
    make_running(next, B8(prcb, KPRCB_Number));
    KiSwapContext(thread, next);
  } else {
    make_running(next, B8(prcb, KPRCB_Number));
  }
  unlock_dispatcher(B8(thread, KTHREAD_WaitIrql));
  LEAVE();
}

/* First C code of every thread; KiStartSystemThread calls it, dispatcher lock held. */
NOINLINE void NTAPI PspSystemThreadStartup(THREAD_START start, void* context) {
  ENTER();
  unlock_dispatcher(PASSIVE_LEVEL);
  start(context);
  u8* thread = current_thread();
  lock_dispatcher();
  B8(thread, KTHREAD_State) = StateTerminated;
  D32(thread, HEADER_SignalState) = 1;
  note_thread_state(thread, "terminated");
  KiSwapThread(thread);
  for (;;) pause();
}

NOINLINE void PoIdle(u8* prcb) {
  ENTER();
  if (KiHaltWhenIdle >> B8(prcb, KPRCB_Number) & 1) HalProcessorIdle();
  pause();
  LEAVE();
}
NOINLINE void KiIdleLoop(void) {
  ENTER();
  u8 *prcb = current_prcb(), *idle = (u8*)PTR(prcb, KPRCB_IdleThread);
  for (;;) {
    KiRetireDpcList(prcb);
    lock_dispatcher();
    u8* next = select_ready(prcb);
    if (next) {
      B8(idle, KTHREAD_WaitIrql) = DISPATCH_LEVEL;
      B8(idle, KTHREAD_State) = StateReady;
      note_thread_state(idle, "ready");
      make_running(next, B8(prcb, KPRCB_Number));
      KiSwapContext(idle, next);
    }
    unlock_dispatcher(DISPATCH_LEVEL);
    PoIdle(prcb);
  }
}

u32 NTAPI ZwYieldExecution(void) {
  ENTER();
  u8* thread = current_thread();
  pause(); /* where an emulator that counts instructions goes on to the other CPU */
  u32 irql = lock_dispatcher();
  B8(thread, KTHREAD_WaitIrql) = (u8)irql;
  KiReadyThread(thread);
  KiSwapThread(thread);
  LEAVE();
  return 0;
}

/* ---- DPCs ---- */
#if WIN8 /* the queue became a singly linked list; ours is not shown in the KPRCB */
static LIST dpc_queue[MAX_CPUS];
static u8* dpc_list(u8* prcb) { return (u8*)&dpc_queue[B8(prcb, KPRCB_Number)]; }
static void count_dpc(u8* prcb, u8* dpc, s32 change) { (void)prcb, (void)dpc, (void)change; }
#elif defined KPRCB_DpcData
static u8* dpc_list(u8* prcb) { return AT(prcb, KPRCB_DpcData + KDPC_DATA_DpcListHead); }
static void count_dpc(u8* prcb, u8* dpc, s32 change) {
  D32(prcb, KPRCB_DpcData + KDPC_DATA_DpcQueueDepth) += (u32)change;
  PTR(dpc, KDPC_DpcData) = change > 0 ? (uptr)AT(prcb, KPRCB_DpcData) : 0;
}
#else
static u8* dpc_list(u8* prcb) { return AT(prcb, KPRCB_DpcListHead); }
static void count_dpc(u8* prcb, u8* dpc, s32 change) { (void)prcb, (void)dpc, (void)change; }
#endif
void KiInitializeDpcList(u8* prcb) { list_init(dpc_list(prcb)); }
static int has_dpcs(u8* prcb) {
  LIST* list = (LIST*)dpc_list(prcb);
  return list->flink && list->flink != list;
}

void NTAPI KeInitializeDpc(void* dpc, DPC_ROUTINE routine, void* context) {
  B8(dpc, KDPC_Type) = 0x13;
  B8(dpc, KDPC_Importance) = 1;
  PTR(dpc, KDPC_DeferredRoutine) = (uptr)routine;
  PTR(dpc, KDPC_DeferredContext) = (uptr)context;
}
u32 NTAPI KeInsertQueueDpc(void* dpc, void* a1, void* a2) {
  u8* prcb = current_prcb();
  PTR(dpc, KDPC_SystemArgument1) = (uptr)a1;
  PTR(dpc, KDPC_SystemArgument2) = (uptr)a2;
  count_dpc(prcb, dpc, 1);
  list_add(dpc_list(prcb), AT(dpc, KDPC_DpcListEntry));
  return 1;
}
NOINLINE void KiExecuteAllDpcs(u8* prcb) {
  ENTER();
  while (has_dpcs(prcb)) {
    u8* dpc = (u8*)((LIST*)dpc_list(prcb))->flink - KDPC_DpcListEntry;
    list_remove(AT(dpc, KDPC_DpcListEntry));
    count_dpc(prcb, dpc, -1);
    ((DPC_ROUTINE)PTR(dpc, KDPC_DeferredRoutine))(dpc, (void*)PTR(dpc, KDPC_DeferredContext),
                                                  (void*)PTR(dpc, KDPC_SystemArgument1),
                                                  (void*)PTR(dpc, KDPC_SystemArgument2));
  }
  LEAVE();
}
NOINLINE void KiRetireDpcList(u8* prcb) {
  ENTER();
  if (has_dpcs(prcb)) {
    B8(prcb, KPRCB_DpcRoutineActive) = 1;
    KiExecuteAllDpcs(prcb);
    B8(prcb, KPRCB_DpcRoutineActive) = 0;
  }
  LEAVE();
}

u32 NTAPI KeRaiseIrql(u32 irql) {
  u32 old = current_irql();
  set_irql(irql);
  return old;
}
/* Pending DPCs run when the IRQL falls below theirs: on the CPU's DPC stack. */
NOINLINE void NTAPI KeLowerIrql(u32 irql) {
  ENTER();
  u8* prcb = current_prcb();
  if (irql < DISPATCH_LEVEL && has_dpcs(prcb)) {
    set_irql(DISPATCH_LEVEL);
    KiRetireDpcsOnTheirStack(prcb);
  }
  set_irql(irql);
  LEAVE();
}
