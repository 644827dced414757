/* bugcheck.c - faults become stops: dispatch, KeBugCheckEx, freezing the other CPU. */
#include "ke.h"

enum { RUNNING = 0, FROZEN = 2, FREEZE = 4 };
uptr KiBugCheckData[5];

u8* KiContextOf(u8* prcb) {
#ifdef KPRCB_Context
  return (u8*)PTR(prcb, KPRCB_Context);
#else
  return AT(prcb, KPRCB_ProcessorState + KPROCESSOR_STATE_ContextFrame);
#endif
}
static u32 number_of(u8* prcb) { return B8(prcb, KPRCB_Number); }

/* The frozen CPUs stop here. */
NOINLINE void KiFreezeTargetExecution(u8* trap_frame, u8* exception_frame) {
  ENTER();
  u8* prcb = current_prcb();
#if POINTER == 8
  (void)trap_frame;
  (void)exception_frame;
  RtlCaptureContext(KiContextOf(prcb));
  note_capture(number_of(prcb), KiContextOf(prcb), (u32)note_shadow()->total);
#else
  /* The context is that of the interrupted code. */
  (void)exception_frame;
  KeContextFromTrapFrame(trap_frame, KiContextOf(prcb));
  note_capture(number_of(prcb), KiContextOf(prcb), note_trap_index());
#endif
  KiSaveProcessorControlState(prcb);
  D32(prcb, KPRCB_IpiFrozen) = FROZEN;
  while (D32(prcb, KPRCB_IpiFrozen) != RUNNING) __asm__ volatile("cli; hlt");
  LEAVE();
}
static NOINLINE void KiSendFreeze(void) {
  ENTER();
  for (u32 i = 0; i < KeNumberProcessors; i++) {
    u8* prcb = (u8*)KiProcessorBlock[i];
    if (prcb == current_prcb()) continue;
    D32(prcb, KPRCB_IpiFrozen) = FREEZE;
    HalFreezeProcessor(i);
    while (D32(prcb, KPRCB_IpiFrozen) != FROZEN) pause();
  }
  LEAVE();
}
static int in_kernel(uptr pc) {
  for (u32 i = 0; i < 2; i++)
    if (pc - (uptr)KeLoaderBlock->modules[i].base < (uptr)KeLoaderBlock->modules[i].size) return 1;
  return 0;
}
static NOINLINE NORETURN void KeBugCheck2(u32 code, uptr p1, uptr p2, uptr p3, uptr p4) {
  ENTER();
  if (NT_BUILD >= 2195 && code == 0xA && !in_kernel(p4)) code = 0xD1; /* a driver's bad access */
  KiBugCheckData[1] = p1;
  KiBugCheckData[2] = p2;
  KiBugCheckData[3] = p3;
  KiBugCheckData[4] = p4;
  KiBugCheckData[0] = code;
  set_irql(HIGH_LEVEL);
  KiSendFreeze();
  NoteWriteAll(number_of(current_prcb()), code, &KiBugCheckData[1]);
  for (;;) __asm__ volatile("cli; hlt");
}
NOINLINE void NTAPI KeBugCheckEx(u32 code, uptr p1, uptr p2, uptr p3, uptr p4) {
  ENTER();
  u8* prcb = current_prcb();
  RtlCaptureContext(KiContextOf(prcb));
  note_capture(number_of(prcb), KiContextOf(prcb), (u32)note_shadow()->total);
  KiSaveProcessorControlState(prcb);
  KeBugCheck2(code, p1, p2, p3, p4);
}

/* ---- exceptions ---- */
enum { STATUS_ACCESS_VIOLATION = 0xC0000005u };
/* What a filter of a system thread does with an exception that nobody handled. */
static NOINLINE NORETURN void PspUnhandledExceptionInSystemThread(uptr* pointers) {
  ENTER();
  u8* record = (u8*)pointers[0];
  KeBugCheckEx(0x7E, D32(record, 0), PTR(record, POINTER == 8 ? 16 : 12), pointers[0], pointers[1]);
}
static NOINLINE u32 RtlDispatchException(u8* record, u8* context) {
  ENTER();
  uptr pointers[2] = {(uptr)record, (uptr)context};
  PspUnhandledExceptionInSystemThread(pointers);
}
/* Record and CONTEXT are made on this stack, as parameters 3 and 4 of stop 0x7E expect. */
NOINLINE void KiDispatchException(u32 status, u8* trap_frame, u8* exception_frame, uptr address,
                                  uptr write) {
  ENTER();
  __attribute__((aligned(16))) u8 record[POINTER == 8 ? 0x98 : 0x50],
      context[POINTER == 8 ? 0x4D0 : 0x2CC];
  for (u32 i = 0; i < sizeof record; i++) B8(record, i) = 0;
  for (u32 i = 0; i < sizeof context; i++) B8(context, i) = 0;
  KeContextFromFrames(trap_frame, exception_frame, context);
  D32(record, 0) = status;
  PTR(record, POINTER == 8 ? 16 : 12) = TRAP_PC(trap_frame);
  D32(record, POINTER == 8 ? 24 : 16) = 2;
  PTR(record, POINTER == 8 ? 32 : 20) = write;
  PTR(record, (POINTER == 8 ? 32 : 20) + POINTER) = address;
#if POINTER == 4
  if (HalpScenario()->stop == STOP_TRAP_FRAME)
    KeBugCheckEx(0x8E, status, TRAP_PC(trap_frame), (uptr)trap_frame, 0);
#endif
  RtlDispatchException(record, context);
  LEAVE();
}
/* Nothing is ever paged in here: 0 would mean resolved. */
NOINLINE u32 MmAccessFault(uptr write, uptr address, u8* trap_frame) {
  ENTER();
  u32 status = STATUS_ACCESS_VIOLATION;
  (void)write;
  (void)address;
  (void)trap_frame;
  if (current_irql() >= DISPATCH_LEVEL) status = 0xD0000006u; /* tells the trap handler to stop */
  LEAVE();
  return status;
}
