#include <fmt/format.h>

#include "evidence/extractors.h"

namespace dumptriage::evidence {

std::string cpu_id(std::uint32_t number) { return fmt::format("cpu:{}", number); }

void extract_cpus(const Input& input, FactSet& set) {
  const auto& cpus = input.snapshot.cpus;
  for (const system::Cpu& cpu : cpus) {
    Fact fact;
    fact.kind = "cpu";
    fact.id = cpu_id(cpu.number);
    fact.trust = "dump";
    fact.fields["number"] = std::uint64_t{cpu.number};
    fact.fields["crashed"] = cpu.crashed;
    if (!cpu.context_from.empty()) fact.fields["context_from"] = cpu.context_from;
    if (cpu.irql) fact.fields["irql"] = std::uint64_t{*cpu.irql};
    if (cpu.current_thread != 0) fact.fields["current_thread"] = Address{cpu.current_thread};
    if (cpu.current_thread != 0 && cpu.idle_thread != 0)
      fact.fields["idle"] = cpu.current_thread == cpu.idle_thread;
    set.facts.push_back(std::move(fact));
  }
  const auto processors = input.snapshot.os.processors;
  Coverage coverage{"cpu", Coverage::Extent::complete, cpus.size(), processors.value_or(0), ""};
  if (cpus.empty()) {
    coverage.extent = Coverage::Extent::none;
    coverage.missing =
        input.snapshot.kernel ? "the dump stores no CPU" : "a process dump stores no CPU";
  } else if (!processors || cpus.size() < *processors) {
    coverage.extent = Coverage::Extent::partial;
    coverage.missing = processors
                           ? fmt::format("{} of {} CPUs are stored", cpus.size(), *processors)
                           : "the number of CPUs is not known";
  }
  set.coverage.push_back(std::move(coverage));
}

} // namespace dumptriage::evidence
