/* cpu_amd64.c - descriptor tables, processor state, traps of the x64 kernel. */
#include "ke.h"

enum { CODE = 0x10, DATA = 0x18, TSS = 0x40, IST_DOUBLE_FAULT = 1, IST_NMI = 3 };
typedef struct __attribute__((packed)) {
  u32 reserved;
  u64 rsp[3], reserved2, ist[7], reserved3;
  u16 reserved4, io;
} TSS64;
static __attribute__((aligned(16))) u64 gdt[MAX_CPUS][10], idt[MAX_CPUS][512];
static __attribute__((aligned(16))) TSS64 tss[MAX_CPUS];
void KiPageFault(void);
void KiDivideErrorFault(void);
void KiNmiInterrupt(void);
void KiDoubleFaultAbort(void);
void KiGeneralProtectionFault(void);
void KiLoadSegments(void* gdtr, void* idtr);

static void gate(u32 cpu, u32 vector, void (*handler)(void), u64 ist) {
  u64 a = (u64)handler;
  idt[cpu][2 * vector] =
      (a & 0xFFFF) | (u64)CODE << 16 | ist << 32 | 0x8Eull << 40 | (a >> 16 & 0xFFFF) << 48;
  idt[cpu][2 * vector + 1] = a >> 32;
}
void KiEarlyCpu(u8* pcr) {
  PTR(pcr, KPCR_Self) = (uptr)pcr;
  PTR(pcr, KPCR_CurrentPrcb) = (uptr)AT(pcr, KPCR_Prcb);
  write_msr(0xC0000101, (u64)pcr);
}
static u64 special_stack(const char* what) {
  u64 top = MmCreateKernelStack();
  note_stack_area(what, top - STACK_PAGES * 0x1000, top);
  return top;
}
void KiInitializeCpu(u32 number, u8* pcr, u8* idle_thread, uptr stack_top) {
  u64 base = (u64)&tss[number];
  (void)idle_thread;
  u8* prcb = AT(pcr, KPCR_Prcb);
  gdt[number][2] = 0x00209B0000000000ull; /* 10h kernel code */
  gdt[number][3] = 0x00CF93000000FFFFull; /* 18h kernel data */
  gdt[number][4] = 0x00CFFB000000FFFFull; /* 20h, 28h, 30h: user code 32, data, code 64 */
  gdt[number][5] = 0x00CFF3000000FFFFull;
  gdt[number][6] = 0x0020FB0000000000ull;
  gdt[number][8] =
      (sizeof(TSS64) - 1) | (base & 0xFFFFFF) << 16 | 0x89ull << 40 | (base >> 24 & 0xFF) << 56;
  gdt[number][9] = base >> 32;
  tss[number].rsp[0] = stack_top;
  tss[number].ist[IST_DOUBLE_FAULT - 1] = special_stack("double-fault");
  tss[number].ist[IST_NMI - 1] = special_stack("nmi");
  tss[number].io = sizeof(TSS64);
  gate(number, 0, KiDivideErrorFault, 0);
  gate(number, 2, KiNmiInterrupt, IST_NMI);
  gate(number, 8, KiDoubleFaultAbort, IST_DOUBLE_FAULT);
  gate(number, 13, KiGeneralProtectionFault, 0);
  gate(number, 14, KiPageFault, 0);
  PTR(pcr, KPCR_Self) = PTR(pcr, 0x30) = (uptr)pcr;
  PTR(pcr, KPCR_CurrentPrcb) = (uptr)prcb;
  PTR(pcr, KPCR_GdtBase) = (uptr)gdt[number];
  PTR(pcr, KPCR_TssBase) = base;
  PTR(pcr, KPCR_IdtBase) = (uptr)idt[number];
  W16(pcr, KPCR_MajorVersion) = W16(pcr, KPCR_MinorVersion) = 1;
  D32(prcb, KPRCB_Number) = number;
#ifdef KPRCB_LegacyNumber
  B8(prcb, KPRCB_LegacyNumber) = (u8)number;
#endif
  PTR(prcb, KPRCB_RspBase) = stack_top;
}
void KiLoadCpuState(u32 number) {
  struct __attribute__((packed)) {
    u16 limit;
    u64 base;
  } g = {sizeof gdt[0] - 1, (u64)gdt[number]}, i = {sizeof idt[0] - 1, (u64)idt[number]};
  u64 pcr = KiProcessorBlock[number] - KPCR_Prcb;
  KiLoadSegments(&g, &i);
  write_msr(0xC0000101, pcr);
  set_irql(DISPATCH_LEVEL);
}
void KiSaveProcessorControlState(u8* prcb) {
  u8* s = AT(prcb, KPRCB_ProcessorState + KPROCESSOR_STATE_SpecialRegisters);
  READ_CR(0, PTR(s, KSPECIAL_REGISTERS_Cr0));
  READ_CR(2, PTR(s, KSPECIAL_REGISTERS_Cr2));
  READ_CR(3, PTR(s, KSPECIAL_REGISTERS_Cr3));
  READ_CR(4, PTR(s, KSPECIAL_REGISTERS_Cr4));
  __asm__ volatile("sgdt %0" : "=m"(*AT(s, KSPECIAL_REGISTERS_Gdtr + 6)));
  __asm__ volatile("sidt %0" : "=m"(*AT(s, KSPECIAL_REGISTERS_Idtr + 6)));
  W16(s, KSPECIAL_REGISTERS_Tr) = TSS;
  PTR(s, KSPECIAL_REGISTERS_Cr8) = current_irql();
  PTR(s, KSPECIAL_REGISTERS_MsrGsBase) = read_msr(0xC0000101);
}
void HalFreezeProcessor(u32 number) { HalRequestIpi((uptr)KeLoaderBlock->apic, number, 0x4400); }

/* Trampoline page: CR3, stack, start address at its end. */
void HalStartNextProcessor(uptr cr3, uptr stack, void* start) {
  u8* page = (u8*)(uptr)KeLoaderBlock->trampoline;
  Q64(page, 0xFE8) = cr3;
  Q64(page, 0xFF0) = stack - 8; /* as after a call */
  Q64(page, 0xFF8) = (u64)start;
  Q64(stack - 8, 0) = 0;
  HalRequestIpi((uptr)KeLoaderBlock->apic, 1, 0x4500);
  for (u32 i = 0; i < 20000; i++) pause();
  HalRequestIpi((uptr)KeLoaderBlock->apic, 1, 0x4600 | (u32)((uptr)page >> 12));
}

/* ---- traps ---- */
void note_trap(u8* trap_frame) {
  note_entry(PTR(trap_frame, KTRAP_FRAME_Rip), PTR(trap_frame, KTRAP_FRAME_Rsp), 0, NOTE_TRAP);
}
NOINLINE void KiProcessNmi(u8* trap_frame) {
  ENTER();
  KiFreezeTargetExecution(trap_frame, 0);
  LEAVE();
}
void KeContextFromFrames(u8* t, u8* e, u8* c) {
  static const u16 volatile_places[][2] = {{0x78, KTRAP_FRAME_Rax}, {0x80, KTRAP_FRAME_Rcx},
                                           {0x88, KTRAP_FRAME_Rdx}, {0xB8, KTRAP_FRAME_R8},
                                           {0xC0, KTRAP_FRAME_R9},  {0xC8, KTRAP_FRAME_R10},
                                           {0xD0, KTRAP_FRAME_R11}, {0x98, KTRAP_FRAME_Rsp},
                                           {0xA0, KTRAP_FRAME_Rbp}, {0xF8, KTRAP_FRAME_Rip}};
  static const u16 saved_places[][2] = {{0x90, 0x100}, {0xB0, 0x108}, {0xA8, 0x110}, {0xD8, 0x118},
                                        {0xE0, 0x120}, {0xE8, 0x128}, {0xF0, 0x130}};
  for (u32 i = 0; i < sizeof volatile_places / 4; i++)
    Q64(c, volatile_places[i][0]) = Q64(t, volatile_places[i][1]);
  for (u32 i = 0; i < sizeof saved_places / 4; i++)
    Q64(c, saved_places[i][0]) = Q64(e, saved_places[i][1]);
  D32(c, 0x30) = 0x10000F;
  W16(c, 0x38) = CODE;
  W16(c, 0x42) = DATA;
  W16(c, 0x3A) = W16(c, 0x3C) = W16(c, 0x40) = 0x2B;
  W16(c, 0x3E) = 0x53;
  D32(c, 0x44) = D32(t, KTRAP_FRAME_EFlags);
}
