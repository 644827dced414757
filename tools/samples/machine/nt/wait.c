/* wait.c - dispatcher objects: events, semaphores, mutants, timers; waiting for one or several. */
#include "ke.h"

enum { WaitAll = 0, WaitAny = 1, TIMER_WAIT_BLOCK = 3 };

static void header(void* object, u32 type, uptr size, s32 state) {
  D32(object, 0) = 0;
  B8(object, HEADER_Type) = (u8)type;
  B8(object, HEADER_Size) = (u8)(size / 4);
  D32(object, HEADER_SignalState) = (u32)state;
  list_init(AT(object, HEADER_WaitListHead));
}
void NTAPI KeInitializeEvent(void* event, u32 type, u32 state) {
  header(event, type, HEADER_size, (s32)state);
}
void NTAPI KeInitializeSemaphore(void* semaphore, s32 count, s32 limit) {
  header(semaphore, SemaphoreObject, HEADER_size + POINTER, count);
  D32(semaphore, KSEMAPHORE_Limit) = (u32)limit;
}
void NTAPI KeInitializeMutant(void* mutant, u32 owned) {
  header(mutant, MutantObject, KMUTANT_size, owned ? 0 : 1);
  PTR(mutant, KMUTANT_OwnerThread) = 0;
  B8(mutant, KMUTANT_Abandoned) = 0;
  B8(mutant, KMUTANT_ApcDisable) = 0;
  if (!owned) return;
  PTR(mutant, KMUTANT_OwnerThread) = (uptr)current_thread();
  list_add(AT(current_thread(), KTHREAD_MutantListHead), AT(mutant, KMUTANT_MutantListEntry));
}

static s32 signal_state(void* object) { return (s32)D32(object, HEADER_SignalState); }
static int satisfied(u8* thread, void* object) {
  return signal_state(object) > 0 || ((B8(object, HEADER_Type) & 0x7F) == MutantObject &&
                                      PTR(object, KMUTANT_OwnerThread) == (uptr)thread);
}
static void consume(u8* thread, void* object) {
  switch (B8(object, HEADER_Type) & 0x7F) {
  case SynchronizationEvent: D32(object, HEADER_SignalState) = 0; break;
  case SemaphoreObject: D32(object, HEADER_SignalState)--; break;
  case MutantObject:
    if (--D32(object, HEADER_SignalState) == 0) {
      PTR(object, KMUTANT_OwnerThread) = (uptr)thread;
      list_add(AT(thread, KTHREAD_MutantListHead), AT(object, KMUTANT_MutantListEntry));
    }
    break;
  default: break;
  }
}

static u8* wait_block(u8* thread, u32 n) {
  return AT(thread, KTHREAD_WaitBlock + n * KWAIT_BLOCK_size);
}
static void insert_block(u8* thread, u32 n, void* object, u32 key, u32 type) {
  u8* b = wait_block(thread, n);
  PTR(b, KWAIT_BLOCK_Thread) = (uptr)thread;
  PTR(b, KWAIT_BLOCK_Object) = (uptr)object;
  W16(b, KWAIT_BLOCK_WaitKey) = (u16)key;
  B8(b, KWAIT_BLOCK_WaitType) = (u8)type;
#ifdef KWAIT_BLOCK_BlockState
  B8(b, KWAIT_BLOCK_BlockState) = 4; /* active */
#endif
  list_add(AT(object, HEADER_WaitListHead), AT(b, KWAIT_BLOCK_WaitListEntry));
}
/* Up to Windows 7 the blocks of one wait form a ring; from Windows 8 on they are an array. */
static void chain_blocks(u8* thread, u32 count, int timer) {
#ifdef KWAIT_BLOCK_NextWaitBlock
  for (u32 i = 0; i < count; i++)
    PTR(wait_block(thread, i), KWAIT_BLOCK_NextWaitBlock) = (uptr)wait_block(thread, i + 1);
  u8* last = wait_block(thread, count - 1);
  if (!count) last = wait_block(thread, TIMER_WAIT_BLOCK);
  u8* first = wait_block(thread, count ? 0 : TIMER_WAIT_BLOCK);
  if (count && timer) {
    PTR(last, KWAIT_BLOCK_NextWaitBlock) = (uptr)wait_block(thread, TIMER_WAIT_BLOCK);
    last = wait_block(thread, TIMER_WAIT_BLOCK);
  }
  PTR(last, KWAIT_BLOCK_NextWaitBlock) = (uptr)first;
#else
  B8(thread, KTHREAD_WaitBlockCount) = (u8)count;
  (void)timer;
#endif
  PTR(thread, KTHREAD_WaitBlockList) = (uptr)wait_block(thread, count ? 0 : TIMER_WAIT_BLOCK);
}
static void start_timer(u8* thread, u64 due) {
  u8* timer = AT(thread, KTHREAD_Timer);
  header(timer, TimerObject, KTIMER_size, 0);
  B8(timer, HEADER_Size + 1) = 1; /* Inserted */
  Q64(timer, KTIMER_DueTime) = due;
  insert_block(thread, TIMER_WAIT_BLOCK, timer, STATUS_TIMEOUT, WaitAny);
}

NOINLINE u32 KiCommitThreadWait(u8* thread, u32 irql, u32 reason, u32 mode) {
  ENTER();
  B8(thread, KTHREAD_WaitIrql) = (u8)irql;
  B8(thread, KTHREAD_WaitMode) = (u8)mode;
  B8(thread, KTHREAD_WaitReason) = (u8)reason;
  D32(thread, KTHREAD_WaitTime) = KeTickCount;
  B8(thread, KTHREAD_State) = StateWaiting;
  note_thread_state(thread, "waiting");
  KiSwapThread(thread);
  LEAVE();
  return (u32)PTR(thread, KTHREAD_WaitStatus);
}

NOINLINE u32 NTAPI KeWaitForMultipleObjects(u32 count, void** objects, u32 type, u32 reason,
                                            u32 mode, u32 alertable, u64* timeout, void* blocks) {
  ENTER();
  u8* thread = current_thread();
  u32 irql = lock_dispatcher(), status = 0;
  (void)alertable;
  (void)blocks;
  for (u32 i = 0; i < count; i++)
    if (type == WaitAny && satisfied(thread, objects[i])) {
      consume(thread, objects[i]);
      unlock_dispatcher(irql);
      LEAVE();
      return i;
    }
  for (u32 i = 0; i < count; i++) insert_block(thread, i, objects[i], i, type);
  if (timeout) start_timer(thread, *timeout);
  chain_blocks(thread, count, timeout != 0);
  note_wait(thread, count, objects, reason);
  status = KiCommitThreadWait(thread, irql, reason, mode);
  LEAVE();
  return status;
}
NOINLINE u32 NTAPI KeWaitForSingleObject(void* object, u32 reason, u32 mode, u32 alertable,
                                         u64* timeout) {
  ENTER();
  u8* thread = current_thread();
  u32 irql = lock_dispatcher(), status = 0;
  (void)alertable;
  if (satisfied(thread, object)) {
    consume(thread, object);
    unlock_dispatcher(irql);
  } else {
    insert_block(thread, 0, object, 0, WaitAny);
    if (timeout) start_timer(thread, *timeout);
    chain_blocks(thread, 1, timeout != 0);
    note_wait(thread, 1, &object, reason);
    status = KiCommitThreadWait(thread, irql, reason, mode);
  }
  LEAVE();
  return status;
}
NOINLINE u32 NTAPI KeDelayExecutionThread(u32 mode, u32 alertable, u64* interval) {
  ENTER();
  u8* thread = current_thread();
  u32 irql = lock_dispatcher();
  (void)alertable;
  start_timer(thread, *interval);
  chain_blocks(thread, 0, 1);
  void* timer = AT(thread, KTHREAD_Timer);
  note_wait(thread, 1, &timer, DelayExecution);
  u32 status = KiCommitThreadWait(thread, irql, DelayExecution, mode);
  LEAVE();
  return status;
}

/* ---- signalling ---- */
static void unwait(u8* thread, u32 status) {
  u8* b = (u8*)PTR(thread, KTHREAD_WaitBlockList);
#ifdef KWAIT_BLOCK_NextWaitBlock
  u8* first = b;
  do {
    list_remove(AT(b, KWAIT_BLOCK_WaitListEntry));
    b = (u8*)PTR(b, KWAIT_BLOCK_NextWaitBlock);
  } while (b != first);
#else
  for (u32 i = 0; i < B8(thread, KTHREAD_WaitBlockCount); i++)
    list_remove(AT(b, i * KWAIT_BLOCK_size + KWAIT_BLOCK_WaitListEntry));
#endif
  PTR(thread, KTHREAD_WaitStatus) = status;
  note_wait(thread, 0, 0, 0);
  KiReadyThread(thread);
}
/* Dispatcher lock held: gives the object to its waiters as long as it is signalled. */
static void wake_waiters(void* object) {
  LIST* head = (LIST*)AT(object, HEADER_WaitListHead);
  while (head->flink != head && signal_state(object) > 0) {
    u8* b = (u8*)head->flink - KWAIT_BLOCK_WaitListEntry;
    u8* thread = (u8*)PTR(b, KWAIT_BLOCK_Thread);
    consume(thread, object);
    unwait(thread, W16(b, KWAIT_BLOCK_WaitKey));
  }
}
u32 NTAPI KeSetEvent(void* event, u32 increment, u32 wait) {
  u32 irql = lock_dispatcher(), old = D32(event, HEADER_SignalState);
  (void)increment;
  (void)wait;
  D32(event, HEADER_SignalState) = 1;
  wake_waiters(event);
  unlock_dispatcher(irql);
  return old;
}
u32 NTAPI KeReleaseSemaphore(void* semaphore, u32 increment, s32 adjustment, u32 wait) {
  u32 irql = lock_dispatcher(), old = D32(semaphore, HEADER_SignalState);
  (void)increment;
  (void)wait;
  D32(semaphore, HEADER_SignalState) = old + (u32)adjustment;
  wake_waiters(semaphore);
  unlock_dispatcher(irql);
  return old;
}
u32 NTAPI KeReleaseMutant(void* mutant, u32 increment, u32 abandoned, u32 wait) {
  u32 irql = lock_dispatcher(), old = D32(mutant, HEADER_SignalState);
  (void)increment;
  (void)abandoned;
  (void)wait;
  if ((s32)++D32(mutant, HEADER_SignalState) == 1) {
    list_remove(AT(mutant, KMUTANT_MutantListEntry));
    PTR(mutant, KMUTANT_OwnerThread) = 0;
    wake_waiters(mutant);
  }
  unlock_dispatcher(irql);
  return old;
}
