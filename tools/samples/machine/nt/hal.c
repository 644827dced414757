/* hal.c - "hal.dll": the interrupt controller and the idle instruction. */
#include "nt.h"
#ifdef _WIN64
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED /* by name alone, see build.sh */
#endif

EXPORTED NOINLINE void NTAPI HalProcessorIdle(void) {
  ENTER();
  __asm__ volatile("sti; hlt" ::: "memory");
  LEAVE();
}
static NOINLINE void HalpWaitForDelivery(uptr apic) {
  while (D32(apic, 0x300) & 0x1000) __asm__ volatile("pause");
}
/* Local APIC interrupt command: INIT, SIPI, NMI or a vector. */
EXPORTED NOINLINE void NTAPI HalRequestIpi(uptr apic, u32 processor, u32 command) {
  HalpWaitForDelivery(apic);
  D32(apic, 0xF0) |= 0x1FF; /* software enable */
  D32(apic, 0x310) = processor << 24;
  D32(apic, 0x300) = command;
  HalpWaitForDelivery(apic);
}
u32 NTAPI HalEntry(void* driver, void* path) {
  (void)driver;
  (void)path;
  return 0;
}
