/* amd64.h - the x64 CPU as the C parts use it. */
#pragma once
static inline u8* current_prcb(void) {
  u8* p;
  __asm__ volatile("movq %%gs:%c1, %0" : "=r"(p) : "i"(KPCR_CurrentPrcb));
  return p;
}
static inline u8* current_thread(void) {
  u8* p;
  __asm__ volatile("movq %%gs:%c1, %0" : "=r"(p) : "i"(KPCR_Prcb + KPRCB_CurrentThread));
  return p;
}
static inline u32 current_irql(void) {
  u64 v;
  __asm__ volatile("movq %%cr8, %0" : "=r"(v));
  return (u32)v;
}
static inline void set_irql(u32 irql) {
  __asm__ volatile("movq %0, %%cr8" ::"r"((u64)irql) : "memory");
}
static inline u64 read_msr(u32 msr) {
  u32 lo, hi;
  __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
  return lo | (u64)hi << 32;
}
static inline void write_msr(u32 msr, u64 v) {
  __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)));
}
#define READ_CR(n, v) __asm__ volatile("movq %%cr" #n ", %0" : "=r"(v))
static inline void flush_page(uptr va) { __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory"); }
static inline void flush_all(void) {
  u64 v;
  __asm__ volatile("movq %%cr3, %0; movq %0, %%cr3" : "=r"(v)::"memory");
}
static inline void out8(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline void pause(void) { __asm__ volatile("pause" ::: "memory"); }
#define PTE_VALID 1ull
#define PTE_WRITE 2ull
#define PTE_USER 4ull
#define PTE_GLOBAL 0x100ull
#define KPCR_PrcbOffset KPCR_Prcb
#define KI_BOOT_PCR KiInitialPCR
#define TRAP_PC(tf) PTR(tf, KTRAP_FRAME_Rip)
