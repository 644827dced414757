#include <unordered_map>

#include <fmt/format.h>

#include "evidence/extractors.h"
#include "evidence/wait_nodes.h"

namespace dumptriage::evidence {

namespace {

using system::WaitEdge;

// Edges by their ends, the ones that may make a cycle.
class EdgesByEnds {
public:
  explicit EdgesByEnds(const system::Waits& waits) : waits_(waits) {
    for (std::size_t i = 0; i < waits.edges.size(); ++i) {
      const WaitEdge& edge = waits.edges[i];
      if (edge.from < kMost && edge.to < kMost) by_ends_.emplace(edge.from << 32 | edge.to, i);
    }
  }
  const WaitEdge* find(std::size_t from, std::size_t to) const {
    const auto found = by_ends_.find(from << 32 | to);
    return found == by_ends_.end() ? nullptr : &waits_.edges[found->second];
  }

private:
  static constexpr std::size_t kMost = std::size_t{1} << 32;
  const system::Waits& waits_;
  std::unordered_map<std::uint64_t, std::size_t> by_ends_;
};

Fact cycle_fact(const WaitNodes& nodes, const EdgesByEnds& edges, const system::WaitCycle& cycle,
                std::size_t number) {
  Fact fact;
  fact.kind = "wait_cycle";
  fact.id = fmt::format("wait_cycle:{}", number);
  fact.trust = std::string(system::name_of(cycle.trust));
  fact.fields["trust"] = fact.trust;
  fact.fields["timeout"] = cycle.timeout;
  std::uint64_t threads = 0;
  std::vector<std::string> joined;
  for (std::size_t i = 0; i < cycle.nodes.size(); ++i) {
    const std::size_t from = cycle.nodes[i], to = cycle.nodes[(i + 1) % cycle.nodes.size()];
    if (nodes.is_thread(from)) {
      ++threads;
      fact.refs.push_back(nodes.fact_of_thread(from));
    }
    if (const WaitEdge* edge = edges.find(from, to)) joined.push_back(nodes.edge_id(*edge));
  }
  std::move(joined.begin(), joined.end(), std::back_inserter(fact.refs));
  fact.fields["threads"] = threads;
  return fact;
}

// Threads that wait for events, messages or other threads' words wait for somebody whom no
// structure names, so a circle through one of those is never ruled out while anybody does.
bool waits_for_nobody_known(const system::Waits& waits) {
  for (const WaitEdge& edge : waits.edges) {
    if (edge.relation != system::WaitRelation::waits_for || edge.to >= waits.nodes.size()) continue;
    switch (waits.nodes[edge.to].kind) {
    case system::WaitKind::event:
    case system::WaitKind::semaphore:
    case system::WaitKind::gate:
    case system::WaitKind::queue:
    case system::WaitKind::other: return true;
    default: break;
    }
  }
  return false;
}

} // namespace

void extract_wait_cycles(const Input& input, FactSet& set) {
  const system::Waits& waits = input.snapshot.waits;
  const WaitNodes nodes(input.snapshot);
  const EdgesByEnds edges(waits);
  for (std::size_t i = 0; i < std::min(waits.cycles.size(), kMostFacts); ++i)
    set.facts.push_back(cycle_fact(nodes, edges, waits.cycles[i], i + 1));
  const Coverage* holds = set.coverage_of("hold");
  Coverage coverage = holds ? *holds : Coverage{};
  coverage.kind = "wait_cycle";
  coverage.seen = waits.cycles.size();
  if (coverage.extent == Coverage::Extent::complete && waits_for_nobody_known(waits)) {
    coverage.extent = Coverage::Extent::partial;
    coverage.missing = "who shall signal what threads wait for is in no structure";
  }
  if (coverage.extent == Coverage::Extent::none && !waits.cycles.empty())
    coverage.extent = Coverage::Extent::partial;
  coverage.of = coverage.extent == Coverage::Extent::complete ? coverage.seen : 0;
  set.coverage.push_back(std::move(coverage));
}

} // namespace dumptriage::evidence
