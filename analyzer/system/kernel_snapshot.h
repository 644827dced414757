// Inside of from_kernel: what its files share.  Not for other rooms.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dump/dump.h"
#include "memory/address_space.h"
#include "system/kernel_view.h"
#include "system/snapshot.h"

namespace dumptriage::system {

// Objects that a triage dump copies without saying where they lay, at addresses of our own in a
// memory of their own, so that the readers of objects serve them too.
class RawObjects {
public:
  explicit RawObjects(const dump::Dump& dump);
  const memory::AddressSpace& memory() const { return memory_; }
  // Where the copy begins in memory(); nothing when the dump has none.
  std::optional<std::uint64_t> prcb, process, thread;

private:
  memory::FlatRanges memory_;
};

// The operating system, from the header and the kernel's own variables.
Os read_os(const dump::Dump& dump, const memory::AddressSpace& memory,
           const dump::DebuggerData& kdbg);
// Fills stop from the header and from the records that the bugcheck's parameters point to.
void read_stop(const dump::Dump& dump, Snapshot& snapshot);
// Every CPU: KiProcessorBlock, or the boot CPU's KPCR of x86, and the raw KPRCB of a triage dump.
void read_cpus(const KernelView& view, const KernelView& raw, const RawObjects& objects,
               Snapshot& snapshot);
// Addresses of KPCRs in an x86 dump with pages, `wanted` at most, without any list of them.
std::vector<std::uint64_t> scan_for_kpcrs(const KernelView& view, std::size_t wanted);
// PsLoadedModuleList, or the driver list of a triage dump; MmUnloadedDrivers likewise.
void read_modules(const KernelView& view, Snapshot& snapshot);
void read_unloaded_drivers(const KernelView& view, Snapshot& snapshot);
void read_processes(const KernelView& view, const KernelView& raw, const RawObjects& objects,
                    Snapshot& snapshot);
// After CPUs and processes: every thread of every process, and those on the CPUs.
void read_threads(const KernelView& view, const KernelView& raw, const RawObjects& objects,
                  Snapshot& snapshot);

// One EPROCESS, as far as it can be read; nothing when none stands there.
std::optional<Process> read_process(const KernelView& view, std::uint64_t object);

// A CONTEXT as registers; nothing when the CPU is not known or the bytes are no CONTEXT.
std::optional<arch::Registers> registers_of(arch::Machine machine, ByteView context);

struct StackBounds {               // also of a backing store
  std::uint64_t low = 0, high = 0; // 0, 0 = unknown
  bool contains(std::uint64_t sp) const { return sp >= low && sp < high; }
};
// What KTHREAD says, when it is plausible.
StackBounds stack_of_thread(const KernelView& view, std::uint64_t thread);
// KTHREAD.BStore and BStoreLimit of Itanium.
StackBounds store_of_thread(const KernelView& view, std::uint64_t thread);
// The stack that `sp` lies on: the thread's, the CPU's for DPCs or interrupts, else the captured
// stretch around it.
StackBounds stack_around(const KernelView& view, std::uint64_t sp, const StackBounds& thread,
                         const Cpu* cpu);

} // namespace dumptriage::system
