#include <unordered_set>

#include <fmt/format.h>

#include "evidence/extractors.h"

namespace dumptriage::evidence {

namespace {

using Extractor = void (*)(const Input&, FactSet&);

// In the order of the facts in a set.
constexpr Extractor kExtractors[] = {
    extract_stop,        extract_parameters, extract_status_text,   extract_os,
    extract_modules,     extract_cpus,       extract_processes,     extract_threads,
    extract_frames,      extract_fault,      extract_stack_limit,   extract_touched_blocks,
    extract_pool_blocks, extract_irps,       extract_corruptions,   extract_waits,
    extract_wait_cycles, // behind the waits: it goes by their coverage
    extract_work_queues, extract_pool_usage, extract_network_peers,
};

void make_ids_unique(FactSet& set) {
  std::unordered_set<std::string> seen;
  for (std::size_t i = 0; i < set.facts.size(); ++i) {
    if (!seen.insert(set.facts[i].id).second) {
      set.facts[i].id = fmt::format("{}#{}", set.facts[i].id, i);
      seen.insert(set.facts[i].id);
    }
  }
}

} // namespace

FactSet extract(const Input& input) {
  FactSet set;
  for (Extractor extractor : kExtractors) extractor(input, set);
  make_ids_unique(set);
  return set;
}

} // namespace dumptriage::evidence
