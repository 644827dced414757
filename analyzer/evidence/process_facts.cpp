#include <fmt/format.h>

#include "base/text.h"
#include "evidence/extractors.h"

namespace dumptriage::evidence {

namespace {

// The process that owns the crashed thread; null when that is not known.
const system::Process* crashed_process(const Input& input) {
  const auto crashed = crashed_thread(input);
  if (!crashed) return nullptr;
  const system::Snapshot& snapshot = input.snapshot;
  if (!snapshot.kernel) return snapshot.processes.size() == 1 ? snapshot.processes.data() : nullptr;
  const std::uint64_t object = snapshot.threads[*crashed].process_object;
  for (const system::Process& process : snapshot.processes)
    if (object != 0 && process.object == object) return &process;
  return nullptr;
}

Coverage coverage_of(const system::Snapshot& snapshot, std::size_t seen) {
  const std::size_t all = snapshot.processes.size();
  if (all == 0) return {"process", Coverage::Extent::none, 0, 0, "the dump lists no processes"};
  if (seen < all)
    return {"process", Coverage::Extent::partial, seen, all,
            fmt::format("only the first {} processes are kept", seen)};
  if (snapshot.kernel && !snapshot.processes_complete)
    return {"process", Coverage::Extent::partial, seen, 0,
            "not all processes of the machine can be read from this dump"};
  return {"process", Coverage::Extent::complete, seen, all, ""};
}

} // namespace

std::string process_id(const system::Process& process) {
  return fmt::format("process:{}", process.id);
}

void extract_processes(const Input& input, FactSet& set) {
  const auto& processes = input.snapshot.processes;
  const system::Process* crashed = crashed_process(input);
  const std::size_t seen = std::min(processes.size(), kMostFacts);
  for (std::size_t i = 0; i < seen; ++i) {
    const system::Process& process = processes[i];
    Fact fact;
    fact.kind = "process";
    fact.id = process_id(process);
    fact.trust = "dump";
    if (input.snapshot.kernel || process.id != 0)
      fact.fields["process"] = fmt::format("{}", process.id);
    if (!process.name.empty()) fact.fields["name"] = lower(base_name(process.name));
    if (process.object != 0) {
      fact.fields["object"] = Address{process.object};
      fact.where = Where::virtual_address(process.object);
    }
    if (process.session) fact.fields["session"] = std::uint64_t{*process.session};
    if (process.exited) fact.fields["exited"] = *process.exited;
    if (crashed_thread(input) && (crashed || !input.snapshot.kernel))
      fact.fields["crashed"] = crashed == &process;
    set.facts.push_back(std::move(fact));
  }
  set.coverage.push_back(coverage_of(input.snapshot, seen));
}

} // namespace dumptriage::evidence
