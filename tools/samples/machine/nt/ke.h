/* ke.h - what the parts of our kernel know of one another; drivers do not see it. */
#pragma once
#define BUILDING_NT
#include "nt.h"

#define MAX_CPUS 2
#define STACK_PAGES (POINTER == 8 ? 6 : 3)

/* The loader block: written by mkimage.py, so every field is 64 bits wide. */
typedef struct {
  u64 base, entry, size, checksum, stamp;
  u16 name[32], path[64];
} BOOT_MODULE;
typedef struct {
  u64 cr3, kernel_entry, boot_stack, self;
  u64 module_count, scenario[4];
  u64 stack_area, stack_area_size, nonpaged_area, nonpaged_size, paged_area, paged_size, notes_area,
      notes_size;
  u64 pcr_area, apic, trampoline, double_fault_stack;
  u64 frame_count, frames[512];
  BOOT_MODULE modules[8];
} LOADER_BLOCK;

extern LOADER_BLOCK* KeLoaderBlock;
extern uptr PsLoadedModuleList[2], PsActiveProcessHead[2], ExpSystemResourcesList[2],
    KiBugCheckData[5], KiProcessorBlock[64];
extern u8 *PsInitialSystemProcess, *MmUnloadedDrivers;
extern u32 MmLastUnloadedDriver, KeTimeIncrement, CmNtCSDVersion, KeNumberProcessors;
extern volatile u32 KeTickCount, KiHaltWhenIdle;
extern char NtBuildLab[];
extern u8 KiInitialProcess[], KiInitialThread[];
extern uptr KdDebuggerDataBlock[];

/* CPU */
static inline u8* current_prcb(void);
static inline u8* current_thread(void);
static inline u32 current_irql(void);
static inline void set_irql(u32 irql);
#ifdef _WIN64
#include "amd64.h"
#else
#include "i386.h"
#endif
void KiInitializeCpu(u32 number, u8* pcr, u8* idle_thread, uptr stack_top);
void HalStartNextProcessor(uptr cr3, uptr stack, void* start);
void KiSystemStartup(LOADER_BLOCK* block);
void KiSaveProcessorControlState(u8* prcb);
void RtlCaptureContext(void* context);
void KiSwapContext(u8* from, u8* to);
void KiStartSystemThread(void);
void KiRetireDpcsOnTheirStack(u8* prcb);
void HalFreezeProcessor(u32 number);
void KiFaultOnOwnStack(void);

/* scheduler, waits */
u32 lock_dispatcher(void);
void unlock_dispatcher(u32 irql);
void KiReadyThread(u8* thread);
void KiSwapThread(u8* thread);
void KiIdleLoop(void);
void KiRetireDpcList(u8* prcb);
void KiExecuteAllDpcs(u8* prcb);
void KiFreezeTargetExecution(u8* trap_frame, u8* exception_frame);

/* memory, objects, startup */
uptr MiAllocateFrame(void);
void MiMapPage(uptr va, uptr pfn, uptr flags);
volatile uptr* MiPte(uptr va);
uptr MmCreateKernelStack(void);
uptr MmCreateAddressSpace(void);
void MmPlantPages(u8* process);
void MmInitSystem(void);
u8* ObCreate(uptr size, u32 tag, u32 type_index);
u8* PsCreateProcess(const char* name, u32 id, u8* parent);
void PspInitializeThread(u8* thread, u8* process, uptr stack_top, uptr stack_limit, u32 id, u32 cpu,
                         THREAD_START start);
void PsInitialize(void);
void IoInitialize(void);
void KdInitialize(void);

/* notes */
void note_thread(u8* thread, u8* process, u32 id, const char* name, u32 cpu);
void note_thread_state(u8* thread, const char* state);
void note_wait(u8* thread, u32 count, void** objects, u32 reason);
void note_process(u8* process, u32 id, const char* name, uptr cr3);
void note_cpu(u32 number, u8* pcr, u8* prcb, u8* idle);
void note_capture(u32 number, void* context, u32 on);
void note_page(u8* process, uptr va, uptr frame, const char* kind, uptr pte);
void note_unloaded(const char* name, uptr start, uptr end);
void note_irp(u8* irp, u8* thread);
void note_irp_location(u8* irp, u8* device, uptr completion);
void note_stack_area(const char* what, uptr low, uptr high);
void NoteWriteAll(u32 cpu, u32 code, uptr* parameters);

/* per CPU architecture (cpu_amd64.c, cpu_i386.c) */
void KiEarlyCpu(u8* pcr);
void KiLoadCpuState(u32 number);
void KeContextFromFrames(u8* trap_frame, u8* exception_frame, u8* context);
u32 note_trap_index(void);
extern u8 KiInitialPCR[];

/* hal.dll */
__declspec(dllimport) void NTAPI HalProcessorIdle(void);
__declspec(dllimport) void NTAPI HalRequestIpi(uptr apic, u32 processor, u32 command);
