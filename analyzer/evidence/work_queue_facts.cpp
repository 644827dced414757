#include <fmt/format.h>

#include "evidence/extractors.h"

namespace dumptriage::evidence {

void extract_work_queues(const Input& input, FactSet& set) {
  const system::WorkQueues& queues = input.snapshot.work_queues;
  for (const system::WorkQueue& queue : queues.queues) {
    Fact fact;
    fact.kind = "work_queue";
    fact.id = "work_queue:" + queue.name;
    if (queue.address != 0) fact.where = Where::virtual_address(queue.address);
    fact.trust = queue.trust;
    fact.fields["queue"] = queue.name;
    fact.fields["workers"] = std::uint64_t{queue.workers.size()};
    fact.fields["idle"] = std::uint64_t{queue.idle};
    fact.fields["blocked"] = std::uint64_t{queue.blocked};
    fact.fields["pending"] = std::uint64_t{queue.pending};
    for (const std::string& worker : queue.workers) fact.refs.push_back("thread:" + worker);
    set.facts.push_back(std::move(fact));
  }
  Coverage coverage{"work_queue", Coverage::Extent::complete, queues.queues.size(), 0, ""};
  if (!input.snapshot.kernel) {
    coverage.extent = Coverage::Extent::none;
    coverage.missing = "a process dump holds no work queues of the system";
  } else if (!queues.complete) {
    coverage.extent = queues.queues.empty() ? Coverage::Extent::none : Coverage::Extent::partial;
    coverage.missing =
        queues.missing.empty() ? "not every work queue could be read" : queues.missing;
  }
  set.coverage.push_back(std::move(coverage));
}

} // namespace dumptriage::evidence
