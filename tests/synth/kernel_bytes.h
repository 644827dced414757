// synth: bytes of x64 kernel structures for triage dumps, by published offsets of one build.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

// x64 offsets of one build, from its public PDB; fields that a build lacks are 0.
struct KernelOffsets {
  std::uint32_t build;
  // KPRCB
  std::uint32_t prcb_size, prcb_number, prcb_number_bytes, prcb_current_thread, prcb_idle_thread;
  std::uint32_t prcb_state_context; // ProcessorState.ContextFrame
  std::uint32_t prcb_state;         // ProcessorState.SpecialRegisters
  std::uint32_t prcb_context;       // pointer to a CONTEXT, Windows 7 and later
  std::uint32_t prcb_mhz, prcb_vendor, prcb_dpc_active, prcb_cpu_type;
  // KPCR
  std::uint32_t pcr_size, pcr_self, pcr_current_prcb, pcr_prcb, pcr_irql;
  // KTHREAD, ETHREAD
  std::uint32_t thread_size, thread_initial_stack, thread_stack_limit, thread_stack_base;
  std::uint32_t thread_kernel_stack, thread_apc_process, thread_teb, thread_state;
  std::uint32_t thread_wait_reason, thread_next_processor, thread_trap_frame;
  std::uint32_t thread_cid, thread_irp_list, thread_start, thread_list_entry;
  // EPROCESS
  std::uint32_t process_size, process_dtb, process_id, process_links, process_parent;
  std::uint32_t process_name, process_peb, process_threads;
  std::uint32_t kdbg_size;
};
const KernelOffsets& offsets_ws2003sp2();   // 3790 SP2 x64
const KernelOffsets& offsets_win10_19041(); // 10 2004 x64

// CONTEXT of x64 (0x4d0 bytes).  Registers in the CPU's own order: rax rcx rdx rbx rsp rbp rsi rdi
// r8 ... r15, then rip.
struct ContextX64 {
  std::uint32_t flags = 0x10000F;
  std::array<std::uint64_t, 16> gpr{};
  std::uint64_t rip = 0;
  std::uint32_t eflags = 0x202;
  std::uint16_t cs = 0x10, ss = 0x18;
  std::uint64_t& rsp() { return gpr[4]; }
};
Bytes context_x64(const ContextX64& context);

// EXCEPTION_RECORD64.
Bytes exception_record(std::uint32_t code, std::uint32_t flags, std::uint64_t address,
                       const std::vector<std::uint64_t>& parameters);

struct PrcbValues {
  std::uint32_t number = 0;
  std::uint64_t current_thread = 0, idle_thread = 0;
  std::uint64_t context_pointer = 0; // builds with KPRCB.Context
  Bytes state_context;               // builds that save into ProcessorState
  std::uint64_t cr2 = 0, cr3 = 0, cr8 = 0;
  std::string vendor = "GenuineIntel";
};
Bytes kprcb(const KernelOffsets& offsets, const PrcbValues& values);

struct ThreadValues {
  std::uint64_t process = 0, process_id = 4, thread_id = 8;
  std::uint64_t initial_stack = 0, stack_base = 0, stack_limit = 0, kernel_stack = 0;
  std::uint64_t trap_frame = 0, teb = 0, start_address = 0, list_next = 0, list_previous = 0;
  std::uint8_t state = 2, wait_reason = 0, next_processor = 0;
};
Bytes ethread(const KernelOffsets& offsets, const ThreadValues& values);

struct ProcessValues {
  std::string name = "System";
  std::uint64_t id = 4, parent = 0, directory_table_base = 0, peb = 0;
  std::uint64_t links_next = 0, links_previous = 0, threads_next = 0, threads_previous = 0;
};
Bytes eprocess(const KernelOffsets& offsets, const ProcessValues& values);

// KDDEBUGGER_DATA64 with the Offset* and Size* fields of the build; pointer fields by their offset.
Bytes kdbg(const KernelOffsets& offsets, std::uint64_t own_address,
           const std::map<std::uint32_t, std::uint64_t>& pointers);
// Offsets of pointer fields in it.
inline constexpr std::uint32_t kKdbgKernBase = 0x18, kKdbgPsLoadedModuleList = 0x48,
                               kKdbgPsActiveProcessHead = 0x50, kKdbgKiBugcheckData = 0x88,
                               kKdbgMmPfnDatabase = 0xc0, kKdbgNtBuildLab = 0x208,
                               kKdbgKiProcessorBlock = 0x218, kKdbgMmUnloadedDrivers = 0x220,
                               kKdbgCmNtCSDVersion = 0x268;

} // namespace dumptriage::synth
