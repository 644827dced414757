/* i386.h - the x86 CPU as the C parts use it. */
#pragma once
static inline u8* current_prcb(void) {
  u8* p;
  __asm__ volatile("movl %%fs:%c1, %0" : "=r"(p) : "i"(KPCR_Prcb));
  return p;
}
static inline u8* current_thread(void) {
  u8* p;
  __asm__ volatile("movl %%fs:%c1, %0" : "=r"(p) : "i"(KPCR_PrcbData + KPRCB_CurrentThread));
  return p;
}
/* The HAL keeps the IRQL in the KPCR. */
static inline u32 current_irql(void) {
  u8 v;
  __asm__ volatile("movb %%fs:%c1, %0" : "=q"(v) : "i"(KPCR_Irql));
  return v;
}
static inline void set_irql(u32 irql) {
  __asm__ volatile("movb %0, %%fs:%c1" ::"q"((u8)irql), "i"(KPCR_Irql) : "memory");
}
#define READ_CR(n, v) __asm__ volatile("movl %%cr" #n ", %0" : "=r"(v))
static inline void flush_page(uptr va) { __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory"); }
static inline void flush_all(void) {
  u32 v;
  __asm__ volatile("movl %%cr3, %0; movl %0, %%cr3" : "=r"(v)::"memory");
}
static inline void out8(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline void pause(void) { __asm__ volatile("pause" ::: "memory"); }
#define PTE_VALID 1u
#define PTE_WRITE 2u
#define PTE_USER 4u
#define KPCR_PrcbOffset KPCR_PrcbData
#define KI_BOOT_PCR ((u8*)0xFFDFF000u)
#define TRAP_PC(tf) PTR(tf, KTRAP_FRAME_Eip)
void KeContextFromTrapFrame(u8* trap_frame, u8* context);
