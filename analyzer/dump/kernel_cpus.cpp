// Every CPU that a triage dump stores: KiProcessorBlock leads to the KPRCBs, and each of those to
// the CONTEXT in which the CPU was frozen.
//
// Windows 7 and later copy it to where KPRCB.Context points and leave ProcessorState.ContextFrame
// zero (seen in bytes of Windows 10 and 11); earlier kernels have ContextFrame alone.  Both are
// tried, and one that makes no sense is not used.
#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "dump/kernel_reading.h"
#include "formats/kdbg64.h"

namespace dumptriage::dump {
namespace {

using formats::KdDebuggerData64;

constexpr std::uint32_t kMostCpus = 2048; // of today's Windows

struct CpuReading {
  const KernelHeader& header;
  const RegionIndex& regions;
  DebuggerData kdbg;
  const arch::Arch* arch;
};

// A CPU is frozen in the kernel or in a program: any canonical address will do, zero will not.
bool is_sane(const CpuReading& reading, ByteView context) {
  const arch::Arch* arch = reading.arch;
  if (!arch || !arch->decode_context || context.size() < arch->context_size) return false;
  auto registers = arch->decode_context(context);
  if (!registers) return false;
  auto pc = registers->get(arch->pc), sp = registers->get(arch->sp);
  auto canonical = [](std::uint64_t a) {
    std::uint64_t top = a >> 47;
    return a >= 0x10000 && (top == 0 || top == 0x1FFFF);
  };
  return pc && sp && canonical(*pc) && canonical(*sp);
}

// KPRCB.Number was a byte before Vista and 16 bits in it (public symbols); from Windows 7 on 32.
std::optional<std::uint32_t> number_of(const KernelHeader& header, const DebuggerData& kdbg,
                                       ByteView prcb) {
  auto at = kdbg.offset16(offsetof(KdDebuggerData64, OffsetPrcbNumber));
  if (!at) return std::nullopt;
  if (header.build < 6000) {
    auto byte = prcb.u8(*at);
    return byte ? std::optional<std::uint32_t>(*byte) : std::nullopt;
  }
  if (header.build < 7600) {
    auto word = prcb.u16(*at);
    return word ? std::optional<std::uint32_t>(*word) : std::nullopt;
  }
  return prcb.u32(*at);
}

struct Candidate {
  ByteView context;
  std::uint64_t address = 0;
  const char* from = "";
};

// The contexts that a KPRCB offers, the better first; those that make no sense are left out.
std::vector<Candidate> contexts_of(const CpuReading& reading, ByteView prcb,
                                   std::uint64_t address) {
  std::vector<Candidate> found;
  std::uint64_t size = reading.arch ? reading.arch->context_size : 0;
  if (size == 0) return found;
  // The whole CONTEXT when it is there, as much of it as holds the registers otherwise.
  std::uint64_t whole = std::max<std::uint64_t>(size, reading.header.context.size());
  if (auto at = reading.kdbg.offset16(offsetof(KdDebuggerData64, OffsetPrcbContext))) {
    std::uint64_t pointer = prcb.u64(*at).value_or(0);
    auto context = reading.regions.find(pointer, whole);
    if (!context) context = reading.regions.find(pointer, size);
    if (pointer != 0 && context && is_sane(reading, *context))
      found.push_back({*context, pointer, "KPRCB.Context"});
  }
  if (auto at = reading.kdbg.offset16(offsetof(KdDebuggerData64, OffsetPrcbProcStateContext))) {
    auto context = prcb.slice(*at, whole);
    if (!context) context = prcb.slice(*at, size);
    if (context && is_sane(reading, *context))
      found.push_back({*context, address == 0 ? 0 : address + *at, "KPRCB.ProcessorState"});
  }
  return found;
}

void use(const Candidate& candidate, KernelCpu& cpu) {
  cpu.context = candidate.context;
  cpu.context_address = candidate.address;
  cpu.context_from = candidate.from;
}

void fill_from_prcb(const CpuReading& reading, ByteView prcb, KernelCpu& cpu) {
  if (auto at = reading.kdbg.offset16(offsetof(KdDebuggerData64, OffsetPrcbCurrentThread)))
    cpu.current_thread = prcb.u64(*at).value_or(0);
  if (auto at = reading.kdbg.offset16(offsetof(KdDebuggerData64, OffsetPrcbIdleThread)))
    cpu.idle_thread = prcb.u64(*at).value_or(0);
  auto candidates = contexts_of(reading, prcb, cpu.prcb);
  if (!candidates.empty()) use(candidates.front(), cpu);
}

// The saved stack of the CPU that wrote the dump begins at the stack pointer of its context, so
// that one is known when it is seen; a leftover of an earlier freeze is not taken for it.
void fill_crashed(const CpuReading& reading, const Triage& triage, KernelCpu& cpu) {
  fill_from_prcb(reading, triage.prcb, cpu);
  auto candidates = contexts_of(reading, triage.prcb, cpu.prcb);
  if (is_sane(reading, reading.header.context))
    candidates.push_back({reading.header.context, 0, "header"});
  auto distance = [&](const Candidate& candidate) -> int {
    auto sp = reading.arch->decode_context(candidate.context)->get(reading.arch->sp);
    if (sp == triage.stack_start) return 0;
    return *sp >= triage.stack_start && *sp - triage.stack_start < triage.stack.size() ? 1 : 2;
  };
  auto best = std::ranges::min_element(candidates, {}, distance);
  if (best != candidates.end()) use(*best, cpu);
}

// One entry of KiProcessorBlock; false when the array is not captured that far.
bool read_cpu(const CpuReading& reading, std::uint64_t block, KernelCpu& cpu, Notes& notes) {
  auto prcb_address = reading.regions.u64(block + 8ull * cpu.number);
  if (!prcb_address) return false;
  cpu.prcb = *prcb_address;
  auto size = reading.kdbg.offset16(offsetof(KdDebuggerData64, SizePrcb));
  if (cpu.prcb == 0 || !size) return true;
  auto prcb = reading.regions.find(cpu.prcb, *size);
  if (!prcb) return true;
  auto number = number_of(reading.header, reading.kdbg, *prcb);
  if (number != cpu.number) {
    add_note(notes, Severity::warning, Code::mismatch,
             fmt::format("CPU {}: the KPRCB found for it says it is number {}, so it is not used",
                         cpu.number, number ? fmt::to_string(*number) : "nothing"),
             Where::virtual_address(cpu.prcb));
    return true;
  }
  fill_from_prcb(reading, *prcb, cpu);
  return true;
}

} // namespace

std::optional<std::uint32_t> crashed_cpu_of(const KernelHeader& header, const Triage& triage) {
  auto number = number_of(header, DebuggerData(triage.debugger_data), triage.prcb);
  if (!number || *number >= header.processors.value_or(kMostCpus) || *number >= kMostCpus)
    return std::nullopt;
  return number;
}

std::vector<KernelCpu> read_kernel_cpus(const KernelHeader& header, const Triage& triage,
                                        const RegionIndex& regions, arch::Machine machine,
                                        Notes& notes) {
  CpuReading reading{header, regions, DebuggerData(triage.debugger_data), arch::find(machine)};
  std::vector<KernelCpu> cpus;
  std::uint32_t count = header.processors.value_or(0);
  if (count > kMostCpus) {
    add_note(notes, Severity::warning, Code::bad_value,
             fmt::format("header: {} CPUs are more than Windows has", count));
    count = 0;
  }
  auto block = reading.kdbg.address(offsetof(KdDebuggerData64, KiProcessorBlock));
  for (std::uint32_t i = 0; i < count && block; ++i) {
    KernelCpu cpu;
    cpu.number = i;
    if (!read_cpu(reading, *block, cpu, notes)) break;
    if (cpu.prcb != 0) cpus.push_back(std::move(cpu));
  }
  // The KPRCB region belongs to the CPU that wrote the dump; in older dumps it is the only one.
  auto crashed = crashed_cpu_of(header, triage);
  if (!crashed) return cpus;
  auto known = [&](const KernelCpu& cpu) { return cpu.number == *crashed; };
  auto at = std::find_if(cpus.begin(), cpus.end(), known);
  if (at == cpus.end()) {
    KernelCpu cpu;
    cpu.number = *crashed;
    auto after = std::find_if(cpus.begin(), cpus.end(),
                              [&](const KernelCpu& other) { return other.number > *crashed; });
    at = cpus.insert(after, std::move(cpu));
  }
  fill_crashed(reading, triage, *at);
  return cpus;
}

} // namespace dumptriage::dump
