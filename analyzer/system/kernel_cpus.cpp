// Every CPU of a kernel dump: KiProcessorBlock leads to the KPRCBs, and each of those to the thread
// that ran and the CONTEXT in which the CPU was frozen.
//
// Windows 7 and later copy it to where KPRCB.Context points and leave ProcessorState.ContextFrame
// zero (seen in bytes of Windows 10 and 11); earlier kernels have ContextFrame alone.  Both are
// tried, and one that makes no sense is not used.  Without KDBG, x86 kernels up to Windows 7 keep
// the boot CPU's KPCR at a fixed address (Geoff Chappell).
#include <algorithm>
#include <array>
#include <cstddef>

#include <fmt/format.h>

#include "arch/address.h"
#include "formats/kdbg64.h"
#include "system/kernel_snapshot.h"

namespace dumptriage::system {
namespace {

using formats::KdDebuggerData64;

constexpr std::uint32_t kMostCpus = 2048; // of today's Windows
constexpr std::uint32_t kMostX86Cpus = 32;
constexpr std::uint64_t kKpcr = 0xFFDFF000, kKpcrPrcb = 0x120;

// A KPRCB where it can be read.
struct Prcb {
  const KernelView* view; // the machine's memory, or the dump's raw copy
  std::uint64_t at;
  bool raw = false;
};

struct Candidate {
  arch::Registers registers;
  std::string from;
};

struct CpuReading {
  const KernelView& view;
  const arch::Arch* arch;
  const dump::KernelHeader& header() const { return view.dump.kernel->header; }
  const dump::Triage* triage() const {
    return view.dump.kernel->triage ? &*view.dump.kernel->triage : nullptr;
  }
};

// A CPU is frozen in the kernel or in a program: any canonical address will do, zero will not.
bool is_sane(const CpuReading& reading, const std::optional<arch::Registers>& registers) {
  if (!registers) return false;
  auto pc = pc_of(*reading.arch, *registers), sp = sp_of(*reading.arch, *registers);
  auto plausible = [&](std::uint64_t a) {
    if (a < 0x10000) return false;
    if (reading.view.pointer_size == 4) return a <= UINT32_MAX;
    if (reading.view.dump.machine == arch::Machine::ia64) return true;
    return a >> 56 == 0 || a >> 56 == 0xFF; // five levels of page tables at most
  };
  return pc && sp && plausible(*pc) && plausible(*sp);
}

std::optional<arch::Registers> context_at(const CpuReading& reading, const KernelView& where,
                                          std::uint64_t address) {
  // The whole CONTEXT when it is there, as much of it as holds the registers otherwise.
  std::array<std::byte, 4096> buffer;
  std::size_t whole =
      std::max<std::size_t>(reading.arch->context_size, reading.header().context.size());
  auto out = std::span(buffer).first(std::min(whole, buffer.size()));
  ByteView bytes(buffer.data(), where.memory.read(address, out).got);
  auto registers = registers_of(reading.view.dump.machine, bytes);
  return is_sane(reading, registers) ? registers : std::nullopt;
}

// The contexts that a CPU offers, those that make no sense left out.
std::vector<Candidate> contexts_of(const CpuReading& reading, const Prcb& prcb) {
  std::vector<Candidate> found;
  if (!reading.arch || !reading.arch->decode_context) return found;
  auto pointer = prcb.view->value(prcb.at, "_KPRCB", "Context");
  if (pointer && *pointer != 0)
    if (auto registers = context_at(reading, reading.view, *pointer))
      found.push_back({std::move(*registers), "KPRCB.Context"});
  if (auto at = prcb.view->address_of(prcb.at, "_KPRCB", "ProcessorState.ContextFrame"))
    if (auto registers = context_at(reading, *prcb.view, *at))
      found.push_back({std::move(*registers), "KPRCB.ProcessorState"});
  return found;
}

void describe(const Prcb& prcb, Cpu& cpu) {
  auto pointer = [&](std::string_view field) {
    return prcb.view->value(prcb.at, "_KPRCB", field).value_or(0);
  };
  if (!prcb.raw) cpu.prcb = prcb.at;
  cpu.current_thread = pointer("CurrentThread");
  cpu.idle_thread = pointer("IdleThread");
  cpu.dpc_stack = pointer("DpcStack");
  cpu.isr_stack = pointer("IsrStack");
}

// Where the stack's own bounds are not known (Itanium), its upper end is.
bool is_below_initial_stack(const KernelView& view, std::uint64_t thread, std::uint64_t sp) {
  constexpr std::uint64_t kMostThreadStack = 0x10000;
  if (thread == 0 || view.layout.offset("_KTHREAD", "StackBase")) return false;
  const auto top = view.value(thread, "_KTHREAD", "InitialStack");
  return top && sp < *top && *top - sp <= kMostThreadStack;
}

// How well a CPU's context fits: on a stack that is known to be its own, in a program, elsewhere.
int misfit(const CpuReading& reading, const Cpu& cpu, const arch::Registers& registers) {
  std::uint64_t sp = *sp_of(*reading.arch, registers);
  if (!reading.view.is_kernel_address(sp)) return 1;
  StackBounds thread = stack_of_thread(reading.view, cpu.current_thread);
  if (thread.contains(sp) || is_below_initial_stack(reading.view, cpu.current_thread, sp)) return 0;
  constexpr std::uint64_t kMostCpuStack = 0x8000;
  for (std::uint64_t top : {cpu.dpc_stack, cpu.isr_stack})
    if (sp < top && top - sp <= kMostCpuStack) return 0;
  return 2;
}

void use_best(std::vector<Candidate>& candidates, Cpu& cpu, auto&& rank) {
  auto best = std::ranges::min_element(candidates, {}, rank);
  if (best == candidates.end()) return;
  cpu.context = std::move(best->registers);
  cpu.context_from = std::move(best->from);
}

std::optional<std::uint32_t> number_of(const Prcb& prcb) {
  auto number = prcb.view->value(prcb.at, "_KPRCB", "Number");
  return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

void add_cpu(const CpuReading& reading, const Prcb& prcb, std::uint32_t number,
             Snapshot& snapshot) {
  Cpu cpu;
  cpu.number = number;
  describe(prcb, cpu);
  auto candidates = contexts_of(reading, prcb);
  auto rank = [&](const Candidate& c) { return misfit(reading, cpu, c.registers); };
  // A machine that went on froze no CPU, as far as is known: what KPRCB holds may be of long ago.
  if (reading.view.dump.kernel->live)
    std::erase_if(candidates, [&](const Candidate& c) { return rank(c) != 0; });
  use_best(candidates, cpu, rank);
  snapshot.cpus.push_back(std::move(cpu));
}

// One entry of KiProcessorBlock; false when the array is not captured that far.
bool read_entry(const CpuReading& reading, std::uint64_t block, std::uint32_t number,
                Snapshot& snapshot) {
  const KernelView& view = reading.view;
  auto address = view.pointer(block + static_cast<std::uint64_t>(view.pointer_size) * number);
  if (!address) return false;
  if (*address == 0) return true;
  Prcb prcb{&view, *address};
  auto says = number_of(prcb);
  if (says == number) {
    add_cpu(reading, prcb, number, snapshot);
    return true;
  }
  Cpu cpu;
  cpu.number = number;
  cpu.prcb = *address;
  snapshot.cpus.push_back(std::move(cpu));
  if (says)
    add_note(view.notes, Severity::warning, Code::mismatch,
             fmt::format("CPU {}: the KPRCB found for it says it is number {}, so it is not used",
                         number, *says),
             Where::virtual_address(*address));
  return true;
}

void read_processor_block(const CpuReading& reading, Snapshot& snapshot) {
  const KernelView& view = reading.view;
  std::uint32_t count = reading.header().processors.value_or(0);
  if (count > kMostCpus) {
    add_note(view.notes, Severity::warning, Code::bad_value,
             fmt::format("header: {} CPUs are more than Windows has", count));
    count = 0;
  }
  auto block = view.kdbg.address(offsetof(KdDebuggerData64, KiProcessorBlock));
  for (std::uint32_t i = 0; block && i < count; ++i)
    if (!read_entry(reading, view.cut(*block), i, snapshot)) {
      // Old triage dumps never hold it.
      if (view.dump.physical)
        add_note(view.notes, Severity::warning, Code::absent,
                 fmt::format("KiProcessorBlock: not readable from CPU {} on", i),
                 Where::virtual_address(view.cut(*block)));
      break;
    }
}

// The boot CPU of x86, known by its own two pointers, and then the others, when a search finds
// them.
void read_x86_cpus(const CpuReading& reading, Snapshot& snapshot) {
  const KernelView& view = reading.view;
  const std::uint32_t count = std::min(reading.header().processors.value_or(1), kMostX86Cpus);
  if (view.dump.machine != arch::Machine::x86) return;
  auto self = view.layout.offset("_KPCR", "SelfPcr"), prcb = view.layout.offset("_KPCR", "Prcb");
  if (!self || !prcb || view.pointer(kKpcr + *self) != kKpcr ||
      view.pointer(kKpcr + *prcb) != kKpcr + kKpcrPrcb)
    return;
  Prcb found{&view, kKpcr + kKpcrPrcb};
  if (number_of(found) != 0) return;
  add_cpu(reading, found, 0, snapshot);
  if (count < 2) return;
  for (std::uint64_t kpcr : scan_for_kpcrs(view, count)) {
    Prcb other{&view, kpcr + kKpcrPrcb};
    auto number = number_of(other);
    if (!number || *number == 0 || *number >= count ||
        !view.is_thread(view.value(other.at, "_KPRCB", "CurrentThread").value_or(0)))
      continue;
    if (std::ranges::find(snapshot.cpus, *number, &Cpu::number) == snapshot.cpus.end())
      add_cpu(reading, other, *number, snapshot);
  }
  std::ranges::sort(snapshot.cpus, {}, &Cpu::number);
}

// The KPRCB copy of a triage dump belongs to the CPU that wrote it; in older ones it is the only
// one.
void read_raw_cpu(const CpuReading& reading, const KernelView& raw, const RawObjects& objects,
                  Snapshot& snapshot) {
  if (!objects.prcb) return;
  Prcb prcb{&raw, *objects.prcb, true};
  auto number = number_of(prcb);
  if (!number || *number >= reading.header().processors.value_or(kMostCpus) || *number >= kMostCpus)
    return;
  auto at = std::ranges::lower_bound(snapshot.cpus, *number, {}, &Cpu::number);
  if (at == snapshot.cpus.end() || at->number != *number) {
    at = snapshot.cpus.insert(at, Cpu{});
    at->number = *number;
  }
  at->crashed = !reading.view.dump.kernel->live;
  describe(prcb, *at);
  auto candidates = contexts_of(reading, prcb);
  if (auto header = registers_of(reading.view.dump.machine, reading.header().context);
      is_sane(reading, header))
    candidates.push_back({*header, "header"});
  // The saved stack begins at the stack pointer of its context, so that one is known when it is
  // seen; a leftover of an earlier freeze is not taken for it.
  const dump::Triage& triage = *reading.triage();
  use_best(candidates, *at, [&](const Candidate& candidate) {
    std::uint64_t sp = *sp_of(*reading.arch, candidate.registers);
    if (sp == triage.stack_start) return 0;
    return sp >= triage.stack_start && sp - triage.stack_start < triage.stack.size() ? 1 : 2;
  });
}

// Which CPU of a dump with pages stopped the machine: its registers are in the header.
Cpu* crashed_cpu(const CpuReading& reading, const arch::Registers& header, Snapshot& snapshot) {
  if (snapshot.cpus.size() == 1 && reading.header().processors == 1u) return &snapshot.cpus[0];
  auto only = [&](auto&& fits) -> Cpu* {
    Cpu* found = nullptr;
    for (Cpu& cpu : snapshot.cpus) {
      if (!fits(cpu)) continue;
      if (found) return nullptr;
      found = &cpu;
    }
    return found;
  };
  auto same = [&](const Cpu& cpu) {
    return cpu.context && cpu.context->get(reading.arch->pc) == header.get(reading.arch->pc) &&
           cpu.context->get(reading.arch->sp) == header.get(reading.arch->sp);
  };
  if (Cpu* cpu = only(same)) return cpu;
  return only([&](const Cpu& cpu) { return misfit(reading, cpu, header) == 0; });
}

void use_header_context(const CpuReading& reading, Snapshot& snapshot) {
  if (reading.view.dump.kernel->live || snapshot.cpus.empty() || !reading.arch) return;
  auto header = registers_of(reading.view.dump.machine, reading.header().context);
  if (!is_sane(reading, header)) return;
  Cpu* cpu = crashed_cpu(reading, *header, snapshot);
  if (!cpu) {
    add_note(reading.view.notes, Severity::warning, Code::mismatch,
             "CPUs: which of them stopped cannot be told; the header's registers fit none, or more "
             "than one");
    return;
  }
  cpu->crashed = true;
  // For stops with an exception record the header has the registers of the exception; what the CPU
  // itself saved lies deeper on the same stack.
  auto sp = [&](const arch::Registers& registers) { return *sp_of(*reading.arch, registers); };
  if (cpu->context && misfit(reading, *cpu, *cpu->context) == 0 && sp(*cpu->context) <= sp(*header))
    return;
  cpu->context = std::move(header);
  cpu->context_from = "header";
}

} // namespace

namespace {

// A machine of one CPU whose own structures are not known: the header's registers are its.
void read_only_cpu(const CpuReading& reading, Snapshot& snapshot) {
  if (reading.view.dump.kernel->live || reading.header().processors != 1u || !reading.arch) return;
  auto header = registers_of(reading.view.dump.machine, reading.header().context);
  if (!is_sane(reading, header)) return;
  Cpu cpu;
  cpu.crashed = true;
  cpu.context = std::move(header);
  cpu.context_from = "header";
  snapshot.cpus.push_back(std::move(cpu));
}

} // namespace

StackBounds stack_of_thread(const KernelView& view, std::uint64_t thread) {
  constexpr std::uint64_t kPage = 0x1000, kMost = 0x100000;
  if (thread == 0) return {};
  StackBounds bounds{view.value(thread, "_KTHREAD", "StackLimit").value_or(0),
                     view.value(thread, "_KTHREAD", "StackBase").value_or(0)};
  bool plausible = view.is_kernel_address(bounds.low) && bounds.low < bounds.high &&
                   bounds.high - bounds.low <= kMost && bounds.low % kPage == 0 &&
                   bounds.high % kPage == 0;
  return plausible ? bounds : StackBounds{};
}

StackBounds store_of_thread(const KernelView& view, std::uint64_t thread) {
  constexpr std::uint64_t kMost = 0x100000;
  if (thread == 0 || view.dump.machine != arch::Machine::ia64) return {};
  const StackBounds bounds{view.value(thread, "_KTHREAD", "BStore").value_or(0),
                           view.value(thread, "_KTHREAD", "BStoreLimit").value_or(0)};
  const bool plausible = view.is_kernel_address(bounds.low) && bounds.low < bounds.high &&
                         bounds.high - bounds.low <= kMost && bounds.low % 8 == 0;
  return plausible ? bounds : StackBounds{};
}

StackBounds stack_around(const KernelView& view, std::uint64_t sp, const StackBounds& thread,
                         const Cpu* cpu) {
  if (thread.contains(sp)) return thread;
  auto captured = view.memory.range_around(sp);
  StackBounds bounds;
  if (captured) bounds = {captured->start, captured->end};
  // These stacks are known by their upper ends only.
  constexpr std::uint64_t kMostCpuStack = 0x8000;
  for (std::uint64_t top : {cpu ? cpu->dpc_stack : 0, cpu ? cpu->isr_stack : 0})
    if (sp < top && top - sp <= kMostCpuStack && top <= bounds.high) bounds.high = top;
  return bounds;
}

void read_cpus(const KernelView& view, const KernelView& raw, const RawObjects& objects,
               Snapshot& snapshot) {
  CpuReading reading{view, arch::find(view.dump.machine)};
  read_processor_block(reading, snapshot);
  if (snapshot.cpus.empty()) read_x86_cpus(reading, snapshot);
  if (objects.prcb)
    read_raw_cpu(reading, raw, objects, snapshot);
  else
    use_header_context(reading, snapshot);
  if (snapshot.cpus.empty()) read_only_cpu(reading, snapshot);
}

} // namespace dumptriage::system
