// CPUs, and the threads that ran on them, of a triage dump: one thread each, the crashed one first.
#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "base/text.h"
#include "formats/kdbg64.h"
#include "system/kernel_snapshot.h"

namespace dumptriage::system {
namespace {

using formats::KdDebuggerData64;

// Ids are handle values: multiples of four, 32 bits.
bool is_id(std::uint64_t value) { return value != 0 && value <= UINT32_MAX && value % 4 == 0; }

// EPROCESS.ImageFileName: up to 15 characters, zeros behind.
std::optional<std::string> image_name(ByteView process, std::uint32_t at) {
  constexpr std::uint32_t kLength = 15;
  auto bytes = process.slice(at, kLength);
  if (!bytes) return std::nullopt;
  std::string_view name = bytes->c_string(0);
  bool printable = std::ranges::all_of(name, [](char c) { return c >= 0x20 && c < 0x7F; });
  bool padded =
      std::ranges::all_of(bytes->chars().substr(name.size()), [](char c) { return c == '\0'; });
  if (name.empty() || !printable || !padded) return std::nullopt;
  return std::string(name);
}

struct CrashedIds {
  std::optional<Process> process;
  std::optional<std::uint32_t> thread;
};

// Which process and thread crashed, when several things that must agree do: object types, a
// printable padded name, ids that are ids, and the process id in EPROCESS equal to the one in
// ETHREAD.Cid.
CrashedIds crashed_ids(const dump::Triage& triage, const KernelOffsets& offsets) {
  constexpr std::uint8_t kProcessObject = 3, kThreadObject = 6;
  CrashedIds ids;
  if (!offsets.process_id || !offsets.image_name || !offsets.client_id) return ids;
  auto type_of = [](ByteView object) { return object.u8(0).value_or(0) & 0x7F; };
  auto name = image_name(triage.process, *offsets.image_name);
  auto process_id = triage.process.u64(*offsets.process_id);
  auto owner_id = triage.thread.u64(*offsets.client_id);
  auto thread_id = triage.thread.u64(*offsets.client_id + 8ull);
  if (type_of(triage.process) != kProcessObject || type_of(triage.thread) != kThreadObject ||
      !name || !process_id || !thread_id || process_id != owner_id || !is_id(*process_id) ||
      !is_id(*thread_id))
    return ids;
  ids.process = Process{*process_id, triage.process_address, std::move(*name), std::nullopt};
  ids.thread = static_cast<std::uint32_t>(*thread_id);
  return ids;
}

struct StackBounds {
  std::uint64_t low = 0, high = 0;
};

// What KTHREAD says, when the stack pointer lies there; else the captured stretch around it.
StackBounds stack_bounds(const Snapshot& snapshot, const arch::Registers& registers,
                         ByteView thread, const KernelOffsets& offsets) {
  const arch::Arch* arch = arch::find(snapshot.machine);
  auto sp = arch ? registers.get(arch->sp) : std::nullopt;
  if (!sp) return {};
  if (offsets.stack_limit && offsets.stack_base) {
    std::uint64_t low = thread.u64(*offsets.stack_limit).value_or(0);
    std::uint64_t high = thread.u64(*offsets.stack_base).value_or(0);
    constexpr std::uint64_t kPage = 0x1000, kMost = 0x100000;
    if (low != 0 && low < high && high - low <= kMost && low % kPage == 0 && high % kPage == 0 &&
        *sp >= low && *sp < high)
      return {low, high};
  }
  auto captured = snapshot.memory->range_around(*sp);
  return captured ? StackBounds{captured->start, captured->end} : StackBounds{};
}

std::string_view state_name(std::uint8_t state) {
  constexpr std::string_view kNames[] = {"initialized", "ready",      "running",
                                         "standby",     "terminated", "waiting"};
  return state < std::size(kNames) ? kNames[state] : "";
}

bool is_crashed(const dump::Triage& triage, const dump::KernelCpu& cpu,
                const std::optional<arch::Registers>& context, const arch::Arch* arch) {
  if (triage.crashed_cpu) return cpu.number == *triage.crashed_cpu;
  // The saved stack begins at the stack pointer of the CPU that wrote the dump.
  return context && arch && triage.stack_start != 0 && context->get(arch->sp) == triage.stack_start;
}

// The thread that crashed: its object is in the dump, so more is known of it.
void describe_crashed(const dump::Triage& triage, const dump::DebuggerData& kdbg,
                      const CrashedIds& ids, ThreadState& thread) {
  if (ids.thread) thread.id = fmt::to_string(*ids.thread);
  if (ids.process) thread.process = ids.process->name;
  if (thread.object == 0) thread.object = triage.thread_address;
  if (auto at = kdbg.offset16(offsetof(KdDebuggerData64, OffsetKThreadState)))
    if (auto state = triage.thread.u8(*at)) thread.state = state_name(*state);
}

// Dumps without the structures still have the CONTEXT of the header.
void thread_from_header(const dump::Dump& dump, Snapshot& snapshot) {
  auto context = registers_of(snapshot.machine, dump.kernel->header.context);
  if (!context) return;
  ThreadState thread;
  thread.id = "header";
  thread.crashed = !dump.kernel->live;
  StackBounds bounds = stack_bounds(snapshot, *context, {}, {});
  thread.stack_low = bounds.low;
  thread.stack_high = bounds.high;
  thread.context = std::move(context);
  thread.context_from = "header";
  snapshot.threads.push_back(std::move(thread));
}

} // namespace

void read_cpus(const dump::Dump& dump, Snapshot& snapshot) {
  const dump::KernelDump& kernel = *dump.kernel;
  if (kernel.cpus.empty() || !kernel.triage) return thread_from_header(dump, snapshot);
  const dump::Triage& triage = *kernel.triage;
  dump::DebuggerData kdbg(triage.debugger_data);
  KernelOffsets offsets = kernel_offsets(kernel.header.build, snapshot.machine, kdbg);
  CrashedIds ids = crashed_ids(triage, offsets);
  if (ids.process)
    snapshot.processes.push_back(*ids.process);
  else
    add_note(snapshot.notes, Severity::info, Code::absent,
             "crashed process and thread: their ids cannot be told from this dump");
  const arch::Arch* arch = arch::find(snapshot.machine);
  for (const dump::KernelCpu& from : kernel.cpus) {
    Cpu cpu;
    cpu.number = from.number;
    cpu.current_thread = from.current_thread;
    cpu.context = registers_of(snapshot.machine, from.context);
    if (cpu.context) cpu.context_from = from.context_from;
    cpu.crashed = is_crashed(triage, from, cpu.context, arch);

    ThreadState thread;
    thread.id = fmt::format("cpu {}", cpu.number);
    thread.object = from.current_thread;
    thread.cpu = cpu.number;
    thread.crashed = cpu.crashed;
    thread.context = cpu.context;
    thread.context_from = cpu.context_from;
    if (from.idle_thread != 0 && from.idle_thread == from.current_thread) thread.name = "idle";
    if (cpu.crashed) describe_crashed(triage, kdbg, ids, thread);
    if (cpu.context) {
      StackBounds bounds =
          stack_bounds(snapshot, *cpu.context, cpu.crashed ? triage.thread : ByteView{}, offsets);
      thread.stack_low = bounds.low;
      thread.stack_high = bounds.high;
    }
    snapshot.cpus.push_back(std::move(cpu));
    snapshot.threads.push_back(std::move(thread));
  }
  std::ranges::stable_partition(snapshot.threads, [](const ThreadState& t) { return t.crashed; });
}

} // namespace dumptriage::system
