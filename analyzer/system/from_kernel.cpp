// A kernel dump as a snapshot: one reader a file, all on the machine's virtual memory, whether a
// dump holds it as pages or as pieces.
#include <fmt/format.h>

#include "base/text.h"
#include "formats/bugchecks.h"
#include "system/debugger_data.h"
#include "system/kernel_snapshot.h"
#include "system/layout_check.h"
#include "system/sources.h"

namespace dumptriage::system {
namespace {

// The IRQL of the CPU that stopped, as the stop itself tells it.  Other codes carry an IRQL as
// well, but not that of the fault.
void read_irql(Snapshot& snapshot) {
  constexpr std::uint32_t kIrqlNotLessOrEqual = 0xA, kDriverIrqlNotLessOrEqual = 0xD1;
  constexpr std::uint64_t kHighest = 31; // x86 HIGH_LEVEL; 15 elsewhere
  const std::uint32_t code = formats::normalized_bugcheck(snapshot.stop.code);
  if (snapshot.stop.kind != StopKind::bugcheck || snapshot.stop.parameters.size() < 2 ||
      (code != kIrqlNotLessOrEqual && code != kDriverIrqlNotLessOrEqual) ||
      snapshot.stop.parameters[1] > kHighest)
    return;
  for (Cpu& cpu : snapshot.cpus)
    if (cpu.crashed) cpu.irql = static_cast<std::uint32_t>(snapshot.stop.parameters[1]);
}

// The layout of this kernel's structures, proved on this dump as far as it can be.  CPUs are read
// first, because their threads are what proves it.
void choose(const dump::Dump& dump, const RawObjects& objects, const dump::DebuggerData& kdbg,
            std::shared_ptr<const symbols::PdbTypes> types, Snapshot& snapshot) {
  auto basis = std::make_shared<KernelBasis>();
  basis->kdbg = kdbg;
  basis->layout = choose_layout(dump.machine, snapshot.os.build, snapshot.os.service_pack, kdbg);
  basis->layout.use_symbols(std::move(types));
  KernelView view(dump, *snapshot.memory, kdbg, basis->layout, snapshot.notes);
  KernelView raw(dump, objects.memory(), kdbg, basis->layout, snapshot.notes);
  read_cpus(view, raw, objects, snapshot);
  judge_layout(basis->layout, check_layout(view, raw, objects, snapshot.cpus), snapshot);
  snapshot.basis = std::move(basis);
}

} // namespace

Snapshot from_kernel(const dump::Dump& dump,
                     std::shared_ptr<const symbols::PdbTypes> kernel_types) {
  constexpr std::uint64_t kTicksPerSecond = 10'000'000;
  const dump::KernelDump& kernel = *dump.kernel;
  Snapshot snapshot;
  snapshot.machine = dump.machine;
  snapshot.kernel = true;
  snapshot.memory = dump.memory;
  const dump::DebuggerData kdbg = find_debugger_data(dump, snapshot.memory, snapshot.notes);
  snapshot.os = read_os(dump, *snapshot.memory, kdbg);
  if (kernel.header.system_time)
    snapshot.crash_time = iso_time_from_filetime(*kernel.header.system_time);
  if (kernel.header.system_up_time && *kernel.header.system_up_time != 0)
    snapshot.uptime_seconds = *kernel.header.system_up_time / kTicksPerSecond;
  read_stop(dump, snapshot);

  RawObjects objects(dump);
  choose(dump, objects, kdbg, std::move(kernel_types), snapshot);
  KernelView view = view_of(dump, snapshot, snapshot.notes);
  KernelView raw(dump, objects.memory(), kdbg, snapshot.basis->layout, snapshot.notes);
  read_modules(view, snapshot);
  read_unloaded_drivers(view, snapshot);
  read_processes(view, raw, objects, snapshot);
  read_threads(view, raw, objects, snapshot);
  read_irql(snapshot);
  return snapshot;
}

} // namespace dumptriage::system
