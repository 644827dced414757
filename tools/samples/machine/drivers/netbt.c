/* netbt.sys - stub of ours that stops the machine, in the way the boot asks for. */
#include "netbt.h"

static volatile u32 sink;
static u8 dpc[KDPC_size];
static u8* trigger;
static volatile u32 second_cpu_busy;

NOINLINE u32 NbtCopyToStartOfIndicate(INDICATION* in, u8* to, u32 room, u32 skip) {
  u32 n = 0;
  ENTER();
  if (HalpScenario()->stop == STOP_CALL) KeBugCheckEx(0xE2, 0, 0, 0, 0);
  for (; n < room; n++) to[n] = in->data[n + skip]; /* faults: data is a bad pointer */
  sink += n;
  LEAVE();
  return n;
}
static NOINLINE u32 NbtVariable(INDICATION* in, u32 n) { /* a frame of varying size */
  ENTER();
  volatile u8* p = __builtin_alloca(n + 16);
  for (u32 i = 0; i < n; i++) p[i] = (u8)i;
  u32 r = NbtReceiveHandler(in, n, 0x20, p[1], p[2], p[3]) + p[n / 2];
  LEAVE();
  return r;
}
static NOINLINE u32 NbtRecurse(u32 depth, volatile u8* from) { /* until the stack is used up */
  volatile u8 local[700];
  ENTER();
  for (u32 i = 0; i < sizeof local; i++) local[i] = (u8)(from[i % 64] + depth);
  u32 r = depth == 1000000 ? 0 : NbtRecurse(depth + 1, local) + local[depth % 700];
  LEAVE();
  return r;
}
static NOINLINE void NTAPI NbtDpcRoutine(void* d, void* context, void* a1, void* a2) {
  INDICATION in = {64, 0, (const u8*)(uptr)0x24};
  ENTER();
  sink += NbtVariable(&in, 40);
  LEAVE();
  (void)d;
  (void)context;
  (void)a1;
  (void)a2;
}
static NOINLINE void NbtQueueDpc(void) {
  ENTER();
  u32 irql = KeRaiseIrql(DISPATCH_LEVEL);
  KeInsertQueueDpc(dpc, trigger, 0);
  KeLowerIrql(irql);
  LEAVE();
}
static NOINLINE void NbtStop(u32 how) {
  INDICATION in = {64, 0, (const u8*)(uptr)0x20};
  u8 seed[64] = {1};
  ENTER();
  if (how == STOP_DPC) NbtQueueDpc();
  if (how == STOP_STACK) sink += NbtRecurse(0, seed);
  if (how == STOP_FAULT || how == STOP_SECOND_CPU) KeRaiseIrql(DISPATCH_LEVEL);
  sink += NbtVariable(&in, 40 + (how == 99));
  LEAVE();
}

/* The thread that stops the machine; on the CPU the boot asks for. */
static void NTAPI NbtWorkerThread(void* context) {
  ENTER();
  (void)context;
  for (u32 i = 0; i < 12; i++) ZwYieldExecution();
  while (!second_cpu_busy) ZwYieldExecution();
  while (HalpScenario()->stop == STOP_POOL) ZwYieldExecution();
  PsCreateThread(PsLookupProcess("smss.exe"), (THREAD_START)NbtWorkerThread, 0,
                 HalpScenario()->stop == STOP_SECOND_CPU, "NbtReadyThread");
  NbtStop(HalpScenario()->stop);
  LEAVE();
}
/* Keeps the other CPU busy at PASSIVE_LEVEL, or says that it is idle. */
static NOINLINE void NbtPoll(u32 rounds) {
  ENTER();
  for (;;) {
    second_cpu_busy = 1;
    sink += rounds;
    __asm__ volatile("pause");
    if (sink == 0xFFFFFFFF) break;
  }
  LEAVE();
}
static void NTAPI NbtPollThread(void* context) {
  ENTER();
  NbtPoll((u32)(uptr)context);
  LEAVE();
}

u32 NTAPI DriverEntry(u8* driver, void* path) {
  ENTER();
  (void)path;
  u8* system = PsLookupProcess("System");
  u32 stop = HalpScenario()->stop, cpu = stop == STOP_SECOND_CPU;
  trigger = driver;
  KeInitializeDpc(dpc, NbtDpcRoutine, driver);
  if (!HalpScenario()->idle && !cpu)
    PsCreateThread(system, NbtPollThread, 0, 1, "NbtPollThread");
  else
    second_cpu_busy = 1;
  PsCreateThread(system, NbtWorkerThread, 0, cpu, "NbtWorkerThread");
  LEAVE();
  return 0;
}
