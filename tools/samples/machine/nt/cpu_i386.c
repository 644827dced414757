/* cpu_i386.c - descriptor tables, processor state, traps of the x86 kernel. */
#include "ke.h"

enum {
  CODE = 0x08,
  DATA = 0x10,
  TSS = 0x28,
  PCR = 0x30,
  DOUBLE_FAULT_TSS = 0x50,
  IPI_VECTOR = 0xE1
};
/* Task state segment, by the CPU's manual. */
enum {
  TSS_Esp0 = 4,
  TSS_Ss0 = 8,
  TSS_Cr3 = 0x1C,
  TSS_Eip = 0x20,
  TSS_Eflags = 0x24,
  TSS_Esp = 0x38,
  TSS_Segments = 0x48,
  TSS_Io = 0x66,
  TSS_size = 0x68
};
static __attribute__((aligned(16))) u64 gdt[MAX_CPUS][12], idt[MAX_CPUS][256];
static __attribute__((aligned(128))) u8 tss[MAX_CPUS][128], double_fault_tss[MAX_CPUS][128];
void KiTrap00(void);
void KiTrap08(void);
void KiTrap0D(void);
void KiTrap0E(void);
void KiIpiInterrupt(void);
void KiLoadSegments(void* gdtr, void* idtr, u32 task);

static u64 segment(u32 base, u32 limit, u32 type, u32 flags) {
  return (limit & 0xFFFF) | (u64)(base & 0xFFFFFF) << 16 | (u64)type << 40 |
         (u64)(limit >> 16 & 15) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}
static void gate(u32 cpu, u32 vector, void (*handler)(void)) {
  u32 a = (u32)handler;
  idt[cpu][vector] = (a & 0xFFFF) | (u64)CODE << 16 | 0x8E00ull << 32 | (u64)(a >> 16) << 48;
}
static void fill_gdt(u32 number, u8* pcr) {
  u64* g = gdt[number];
  g[1] = segment(0, 0xFFFFF, 0x9B, 0xC);
  g[2] = segment(0, 0xFFFFF, 0x93, 0xC);
  g[3] = segment(0, 0xFFFFF, 0xFB, 0xC);
  g[4] = segment(0, 0xFFFFF, 0xF3, 0xC);
  g[5] = segment((u32)tss[number], TSS_size - 1, 0x89, 0);
  g[6] = segment((u32)pcr, 1, 0x93, 0xC);
  g[7] = segment(0, 0xFFF, 0xF3, 4);
  g[10] = segment((u32)double_fault_tss[number], TSS_size - 1, 0x89, 0);
}
typedef struct __attribute__((packed)) {
  u16 limit;
  u32 base;
} DESCRIPTOR;
void KiEarlyCpu(u8* pcr) {
  for (u32 i = 0; i < 0x1000; i += 4) D32(pcr, i) = 0;
  fill_gdt(0, pcr);
  PTR(pcr, KPCR_Prcb) = (uptr)AT(pcr, KPCR_PrcbData);
  DESCRIPTOR g = {sizeof gdt[0] - 1, (u32)gdt[0]}, i = {sizeof idt[0] - 1, (u32)idt[0]};
  KiLoadSegments(&g, &i, 0);
}
void KiInitializeCpu(u32 number, u8* pcr, u8* idle_thread, uptr stack_top) {
  u8 *prcb = AT(pcr, KPCR_PrcbData), *task = double_fault_tss[number];
  uptr top = MmCreateKernelStack();
  (void)idle_thread;
  fill_gdt(number, pcr);
  D32(tss[number], TSS_Esp0) = stack_top;
  D32(tss[number], TSS_Ss0) = DATA;
  W16(tss[number], TSS_Io) = TSS_size;
  note_stack_area("double-fault", top - STACK_PAGES * 0x1000, top);
  D32(task, TSS_Cr3) = (u32)KeLoaderBlock->cr3;
  D32(task, TSS_Eip) = (u32)KiTrap08;
  D32(task, TSS_Eflags) = 2;
  D32(task, TSS_Esp) = D32(task, TSS_Esp0) = top;
  static const u16 segments[6] = {0x23, CODE, DATA, 0x23, PCR, 0}; /* es cs ss ds fs gs */
  for (u32 i = 0; i < 6; i++) D32(task, TSS_Segments + 4 * i) = segments[i];
  W16(task, TSS_Io) = TSS_size;
  gate(number, 0, KiTrap00);
  gate(number, 13, KiTrap0D);
  gate(number, 14, KiTrap0E);
  gate(number, IPI_VECTOR, KiIpiInterrupt);
  idt[number][8] = (u64)DOUBLE_FAULT_TSS << 16 | 0x8500ull << 32; /* task gate */
  D32(pcr, KPCR_NtTib) = 0xFFFFFFFFu;
  PTR(pcr, KPCR_SelfPcr) = (uptr)pcr;
  PTR(pcr, KPCR_Prcb) = (uptr)prcb;
  PTR(pcr, KPCR_IDT) = (uptr)idt[number];
  PTR(pcr, KPCR_GDT) = (uptr)gdt[number];
  PTR(pcr, KPCR_TSS) = (uptr)tss[number];
  W16(pcr, KPCR_MajorVersion) = W16(pcr, KPCR_MinorVersion) = 1;
  W16(prcb, KPRCB_MajorVersion) = W16(prcb, KPRCB_MinorVersion) = 1;
  D32(pcr, KPCR_SetMember) = D32(prcb, KPRCB_SetMember) = 1u << number;
  B8(pcr, KPCR_Number) = B8(prcb, KPRCB_Number) = (u8)number;
}
void KiLoadCpuState(u32 number) {
  DESCRIPTOR g = {sizeof gdt[0] - 1, (u32)gdt[number]}, i = {sizeof idt[0] - 1, (u32)idt[number]};
  KiLoadSegments(&g, &i, TSS);
  set_irql(DISPATCH_LEVEL);
  D32((uptr)KeLoaderBlock->apic, 0xF0) |= 0x1FF; /* a disabled local APIC takes no vectors */
  __asm__ volatile("sti");
}
void KiSaveProcessorControlState(u8* prcb) {
  u8* s = AT(prcb, KPRCB_ProcessorState + KPROCESSOR_STATE_SpecialRegisters);
  READ_CR(0, PTR(s, KSPECIAL_REGISTERS_Cr0));
  READ_CR(2, PTR(s, KSPECIAL_REGISTERS_Cr2));
  READ_CR(3, PTR(s, KSPECIAL_REGISTERS_Cr3));
  READ_CR(4, PTR(s, KSPECIAL_REGISTERS_Cr4));
  __asm__ volatile("sgdt %0" : "=m"(*AT(s, KSPECIAL_REGISTERS_Gdtr + 2)));
  __asm__ volatile("sidt %0" : "=m"(*AT(s, KSPECIAL_REGISTERS_Idtr + 2)));
  W16(s, KSPECIAL_REGISTERS_Tr) = TSS;
}
void HalFreezeProcessor(u32 number) {
  HalRequestIpi((uptr)KeLoaderBlock->apic, number, 0x4000 | IPI_VECTOR);
}

/* Trampoline page: CR3, CR4, stack, start address at its end. */
void HalStartNextProcessor(uptr cr3, uptr stack, void* start) {
  u8* page = (u8*)(uptr)KeLoaderBlock->trampoline;
  D32(page, 0xFE8) = cr3;
  READ_CR(4, D32(page, 0xFEC));
  D32(page, 0xFF0) = stack - 4; /* as after a call */
  D32(page, 0xFF8) = (u32)start;
  D32(stack - 4, 0) = 0;
  HalRequestIpi((uptr)KeLoaderBlock->apic, 1, 0x4500);
  for (u32 i = 0; i < 20000; i++) pause();
  HalRequestIpi((uptr)KeLoaderBlock->apic, 1, 0x4600 | (u32)((uptr)page >> 12));
}

/* ---- traps ---- */
/* From kernel mode the CPU pushes no stack pointer: the interrupted one is where it would stand. */
void note_trap(u8* trap_frame) {
  note_entry(PTR(trap_frame, KTRAP_FRAME_Eip), (uptr)AT(trap_frame, KTRAP_FRAME_HardwareEsp), 0,
             NOTE_TRAP);
}
/* The double fault's task: what was interrupted stands in the task that the CPU left. */
NOINLINE void KiDoubleFault(void) {
  u8* old = tss[B8(current_prcb(), KPRCB_Number)];
  note_entry(PTR(old, TSS_Eip), PTR(old, TSS_Esp), 0, NOTE_TRAP);
  ENTER();
  KeBugCheckEx(0x7F, 8, (uptr)old, 0, 0);
}
NOINLINE void KiIpiServiceRoutine(u8* trap_frame, u8* exception_frame) {
  ENTER();
  KiFreezeTargetExecution(trap_frame, exception_frame);
  LEAVE();
}
void KeContextFromTrapFrame(u8* t, u8* c) {
  static const u16 places[][2] = {
      {0x8C, KTRAP_FRAME_SegGs}, {0x90, KTRAP_FRAME_SegFs}, {0x94, KTRAP_FRAME_SegEs},
      {0x98, KTRAP_FRAME_SegDs}, {0x9C, KTRAP_FRAME_Edi},   {0xA0, KTRAP_FRAME_Esi},
      {0xA4, KTRAP_FRAME_Ebx},   {0xA8, KTRAP_FRAME_Edx},   {0xAC, KTRAP_FRAME_Ecx},
      {0xB0, KTRAP_FRAME_Eax},   {0xB4, KTRAP_FRAME_Ebp},   {0xB8, KTRAP_FRAME_Eip},
      {0xBC, KTRAP_FRAME_SegCs}, {0xC0, KTRAP_FRAME_EFlags}};
  for (u32 i = 0; i < sizeof places / 4; i++) D32(c, places[i][0]) = D32(t, places[i][1]);
  D32(c, 0) = 0x10007;
  D32(c, 0xC4) = (u32)AT(t, KTRAP_FRAME_HardwareEsp);
  D32(c, 0xC8) = DATA;
}
void KeContextFromFrames(u8* trap_frame, u8* exception_frame, u8* context) {
  (void)exception_frame;
  KeContextFromTrapFrame(trap_frame, context);
}
