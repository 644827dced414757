// system: the snapshot, what the machine (or process) was.  One file per source: from_minidump.cpp,
// from_kernel.cpp; kernel objects read from memory get one file each.
// A fact that a dump does not hold is nothing here, never a default.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch.h"
#include "dump/dump.h"
#include "dump/records.h"
#include "memory/address_space.h"
#include "symbols/pdb_types.h"
#include "system/damage.h"
#include "system/irps.h"
#include "system/peers.h"
#include "system/pool.h"
#include "system/pool_usage.h"
#include "system/waits.h"
#include "system/worker_queues.h"

namespace dumptriage::system {

struct Os {
  std::string family; // "nt4", "2000", "xp", "xp64", "ws2003", "vista", ... "win11", "linux",
                      // "macos"; empty = unknown
  std::string name;   // for people: "Windows Server 2003 SP2 (build 3790), x64"
  std::uint32_t major = 0, minor = 0, build = 0;
  std::optional<std::uint32_t> service_pack;
  // Where the service pack was read; empty = unknown.  A value from one [I] row only is not
  // `proved`.
  std::string service_pack_from;
  bool service_pack_proved = false;
  std::string build_lab; // NtBuildLab: "19041.1.amd64fre.vb_release.191206-1406"; empty = unknown
  std::string edition; // "workstation", "server", "domain controller", "terminal server" suites: "
                       // + terminal services"
  std::optional<std::uint32_t> product_type, suite_mask;
  std::optional<std::uint32_t> processors;
  std::optional<bool> pae; // 32-bit kernels: page tables of the PAE kind, as the header says
};

enum class StopKind { bugcheck, exception, hang, none };

struct Cpu {
  std::uint32_t number = 0;
  std::uint64_t current_thread = 0; // KTHREAD address, kernel only
  // Kernel only; 0 = unknown.  The stacks of DPCs and interrupts by their upper ends.
  std::uint64_t prcb = 0, idle_thread = 0, dpc_stack = 0, isr_stack = 0;
  std::optional<std::uint32_t> irql;
  std::optional<arch::Registers> context;
  std::string context_from;
  bool crashed = false; // the CPU that stopped the machine
};

// The 32-bit side of a thread of an x64 user dump whose process is a 32-bit one (wow64.cpp).
struct Wow64Thread {
  arch::Registers context; // by the numbers of 32-bit x86
  std::string context_from;
  std::uint64_t stack_low = 0, stack_high = 0;
  bool running = false; // it ran 32-bit code when the dump was made
};

struct ThreadState {
  std::string id;           // decimal thread id; "cpu N" when only the CPU is known
  std::uint64_t object = 0; // KTHREAD address, kernel only
  std::string name, process;
  std::optional<std::uint32_t> cpu;
  bool crashed = false;
  std::optional<arch::Registers> context;
  std::string context_from; // "exception stream", "thread list", "bugcheck parameter 4", ...
  std::uint64_t stack_low = 0, stack_high = 0; // bounds when known, else 0
  // Itanium: the register backing store, which grows upward; bounds when known, else 0.
  std::uint64_t store_low = 0, store_high = 0;
  std::optional<Wow64Thread> wow64;
  std::string state, wait; // as far as known: "waiting", "Executive"

  // Kernel only, as far as the dump holds the thread's object.
  std::uint64_t process_object = 0;              // the process that owns the thread
  std::optional<std::uint64_t> attached_process; // the one whose memory it uses, when another
  std::optional<std::uint32_t> process_id;
  std::optional<std::uint8_t> state_number, wait_reason; // KTHREAD.State, WaitReason
  std::optional<std::uint8_t> priority;
  std::optional<std::uint64_t> wait_seconds; // since it began to wait (or became ready)
  std::uint64_t start_address = 0, win32_start_address = 0;
  std::uint64_t kernel_stack = 0, initial_stack = 0, trap_frame = 0, teb = 0; // 0 = unknown or none
  bool idle = false;                                                          // a CPU's idle thread
  // The kernel stack by the thread's own object, whatever stack its CPU ran on; 0 unknown.
  std::uint64_t own_stack_low = 0, own_stack_high = 0;
};

struct Process {
  std::uint64_t id = 0;
  std::uint64_t object = 0;
  std::string name;
  std::optional<std::uint32_t> session;
  std::optional<std::uint64_t> parent;          // process id
  std::uint64_t directory_table_base = 0;       // 0 = unknown
  std::uint64_t peb = 0;                        // 0 = unknown or none
  std::optional<bool> exited;                   // it has ended; only its object is left
  std::uint64_t create_time = 0, exit_time = 0; // FILETIME; 0 = unknown or none
  bool threads_complete = false;                // its thread list was read to its end
};

struct Stop {
  StopKind kind = StopKind::none;
  std::uint32_t code = 0; // bugcheck code, or exception code
  std::vector<std::uint64_t> parameters;
  // The fault behind the stop, when record and context of it were found (bugcheck parameters, the
  // exception stream).  Never the header's breakpoint.
  std::optional<dump::ExceptionRecord> exception;
  std::string exception_from;
  std::optional<arch::Registers> fault_context;
  std::string fault_context_from;
  bool live = false; // the machine went on running: nothing stopped, whatever the code says
};

struct KernelBasis; // kernel_view.h

struct Snapshot {
  arch::Machine machine = arch::Machine::unknown;
  bool kernel = false;
  Os os;
  std::string crash_time; // ISO 8601 UTC, empty = unknown
  std::optional<std::uint64_t> uptime_seconds;
  Stop stop;
  std::vector<Cpu> cpus;
  std::vector<Process> processes;
  std::vector<ThreadState> threads;  // the crashed one first, then by cpu, then in dump order
  std::vector<dump::Module> modules; // in load order
  bool modules_complete = true;
  std::vector<dump::UnloadedModule> unloaded_modules;
  Waits waits;
  std::vector<Irp> irps;
  std::vector<IrpState> irp_states; // parallel to irps
  std::vector<PoolFinding> pool;
  FreeLists free_lists;
  WorkQueues work_queues;
  PoolUsage pool_usage;
  Peers peers;
  // The pool block that the faulting access has to do with; `from` says by which register or that
  // it is the address itself.
  std::vector<PoolFinding> touched;
  // Whether the lists were read to their end; "none of them" needs that.
  bool processes_complete = false, threads_complete = false, unloaded_complete = false;
  // Kernel dumps: what the readers of kernel objects start from (kernel_view.h).  Null otherwise.
  std::shared_ptr<const KernelBasis> basis;
  // How far the layout of kernel structures is proved: "" (nothing was read by one), "sourced"
  // (published for this build, and nothing in the dump contradicts it), or "self_checked"
  // (inferred, and proved by `layout_checks` on this dump's own objects).
  std::string layout_trust;
  std::vector<std::string> layout_checks;
  std::shared_ptr<const memory::AddressSpace> memory;
  Notes notes;
};

// Never fails: what cannot be read is a note.  `kernel_types`: structures of the kernel's exact
// PDB, where it is at hand; they beat every other layout.
Snapshot take_snapshot(const dump::Dump& dump,
                       std::shared_ptr<const symbols::PdbTypes> kernel_types = nullptr);

} // namespace dumptriage::system
