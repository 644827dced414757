// The wait graph as facts.  A thread node's fields name the thread as its own fact does; a lock's
// module is the one whose data it lies in.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "evidence/extractors.h"
#include "evidence/places.h"
#include "evidence/wait_nodes.h"

namespace dumptriage::evidence {

namespace {

using system::WaitEdge;
using system::WaitNode;
using system::WaitRelation;

Fact edge_fact(const Input& input, const WaitNodes& nodes, const WaitEdge& edge) {
  const system::Waits& waits = input.snapshot.waits;
  const bool waiting = edge.relation == WaitRelation::waits_for;
  const std::size_t thread = waiting ? edge.from : edge.to;
  const WaitNode& object = waits.nodes[waiting ? edge.to : edge.from];
  Fact fact;
  fact.kind = waiting ? "wait" : "hold";
  fact.id = nodes.edge_id(edge);
  fact.refs.push_back(nodes.fact_of_thread(thread));
  if (object.address != 0) {
    fact.where = Where::virtual_address(object.address);
    fact.fields["object"] = Address{object.address};
    if (auto place = place_of(input, object.address)) {
      fact.fields["object_module"] = place->name;
      fact.refs.push_back(module_id(input, place->module));
    }
  }
  fact.trust = std::string(system::name_of(edge.trust));
  fact.fields["trust"] = fact.trust;
  fact.fields["thread"] = nodes.thread_name(thread);
  fact.fields["object_kind"] = std::string(system::name_of(object.kind));
  if (waiting) {
    if (!edge.reason.empty()) fact.fields["reason"] = edge.reason;
    fact.fields["alternative"] = edge.alternative;
    fact.fields["timeout"] = edge.timeout;
  } else if (edge.mode != system::WaitMode::none) {
    fact.fields["mode"] = std::string(system::name_of(edge.mode));
  }
  return fact;
}

bool is_waiting(const system::ThreadState& thread) { return thread.state == "waiting"; }

// Waiting threads of the list that have no edge: what they wait for is not known.
std::size_t without_wait(const Input& input, const WaitNodes& nodes) {
  const system::Waits& waits = input.snapshot.waits;
  std::unordered_set<std::size_t> with;
  for (const WaitEdge& edge : waits.edges)
    if (edge.relation == WaitRelation::waits_for)
      if (auto thread = nodes.thread_of(edge.from)) with.insert(*thread);
  std::size_t without = 0;
  for (std::size_t i = 0; i < input.snapshot.threads.size(); ++i)
    without += is_waiting(input.snapshot.threads[i]) && !with.contains(i);
  return without;
}

Coverage coverage_of_waits(const Input& input, const WaitNodes& nodes, std::size_t seen, bool cut) {
  const system::Snapshot& snapshot = input.snapshot;
  Coverage coverage{"wait", Coverage::Extent::partial, seen, 0, ""};
  if (!snapshot.kernel) {
    coverage.missing = "of a process only waits for critical sections are told";
    if (seen == 0 && snapshot.threads.empty()) coverage.extent = Coverage::Extent::none;
    return coverage;
  }
  const std::size_t without = without_wait(input, nodes);
  if (cut)
    coverage.missing = fmt::format("only the first {} waits are kept", kMostFacts);
  else if (!snapshot.threads_complete)
    coverage.missing = "not all threads of the machine can be read from this dump";
  else if (without != 0)
    coverage.missing = fmt::format("what {} waiting threads wait for is not known", without);
  if (seen == 0 && !coverage.missing.empty()) coverage.extent = Coverage::Extent::none;
  if (!coverage.missing.empty()) return coverage;
  return {"wait", Coverage::Extent::complete, seen, seen, ""};
}

// Locks that somebody waits for and nobody is known to hold.
std::size_t ownerless_locks(const system::Waits& waits) {
  std::vector<bool> waited(waits.nodes.size()), held(waits.nodes.size());
  for (const WaitEdge& edge : waits.edges)
    (edge.relation == WaitRelation::held_by ? held[edge.from] : waited[edge.to]) = true;
  std::size_t count = 0;
  for (std::size_t i = 0; i < waits.nodes.size(); ++i)
    count += waited[i] && !held[i] && system::is_lock(waits.nodes[i].kind);
  return count;
}

Coverage coverage_of_holds(const Input& input, const Coverage& waits, std::size_t seen) {
  Coverage coverage = waits;
  coverage.kind = "hold";
  coverage.seen = seen;
  if (coverage.extent != Coverage::Extent::complete) return coverage;
  coverage.of = seen;
  if (const std::size_t count = ownerless_locks(input.snapshot.waits); count != 0) {
    coverage.extent = Coverage::Extent::partial;
    coverage.of = 0;
    coverage.missing = fmt::format("who holds {} locks that are waited for is not known", count);
  }
  return coverage;
}

} // namespace

void extract_waits(const Input& input, FactSet& set) {
  const WaitNodes nodes(input.snapshot);
  std::size_t seen[2] = {0, 0};
  bool cut = false;
  for (const WaitRelation relation : {WaitRelation::waits_for, WaitRelation::held_by}) {
    std::size_t& count = seen[relation == WaitRelation::held_by];
    for (const WaitEdge& edge : input.snapshot.waits.edges) {
      // What a thread is waited for to exit is a wait, too; a hold by no thread is none.
      if (edge.relation != relation || !nodes.has_thread(edge)) continue;
      if (count == kMostFacts) {
        cut = true;
        break;
      }
      set.facts.push_back(edge_fact(input, nodes, edge));
      ++count;
    }
  }
  Coverage waits = coverage_of_waits(input, nodes, seen[0], cut);
  Coverage holds = coverage_of_holds(input, waits, seen[1]);
  set.coverage.push_back(std::move(waits));
  set.coverage.push_back(std::move(holds));
}

} // namespace dumptriage::evidence
