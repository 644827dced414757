// Whose stacks tell about a hang: known issues of that kind are threads of two drivers in one
// cycle, none of which runs on a CPU.
#include "evidence/wait_nodes.h"
#include "pipeline/parts.h"

namespace dumptriage::pipeline {
namespace {

using system::WaitEdge;
using system::WaitRelation;

constexpr std::size_t kMostWaiting = 512;

// Somebody asked for this dump because the machine hung, or of one that goes on running.
bool is_hang(const system::Snapshot& snapshot) {
  constexpr std::uint32_t kManual = 0xE2, kManualOther = 0xDEADDEAD;
  const system::Stop& stop = snapshot.stop;
  if (stop.live || stop.kind == system::StopKind::none || stop.kind == system::StopKind::hang)
    return true;
  return stop.kind == system::StopKind::bugcheck &&
         (stop.code == kManual || stop.code == kManualOther);
}

class Order {
public:
  explicit Order(const system::Snapshot& snapshot)
      : nodes_(snapshot), taken_(snapshot.threads.size()) {}
  // Adds the node's thread, once.
  void take(std::size_t node) {
    const auto thread = nodes_.thread_of(node);
    if (!thread || taken_[*thread] || threads.size() == kMostWaiting) return;
    taken_[*thread] = true;
    threads.push_back(*thread);
  }
  std::vector<std::size_t> threads;

private:
  const evidence::WaitNodes nodes_;
  std::vector<bool> taken_;
};

} // namespace

std::vector<std::size_t> waiting_threads(const system::Snapshot& snapshot) {
  const system::Waits& waits = snapshot.waits;
  Order order(snapshot);
  for (const system::WaitCycle& cycle : waits.cycles)
    for (const std::size_t node : cycle.nodes) order.take(node);
  for (const WaitEdge& edge : waits.edges) {
    if (edge.from >= waits.nodes.size() || edge.to >= waits.nodes.size()) continue;
    const bool waiting = edge.relation == WaitRelation::waits_for;
    if (!system::is_lock(waits.nodes[waiting ? edge.to : edge.from].kind)) continue;
    order.take(waiting ? edge.from : edge.to);
  }
  if (is_hang(snapshot))
    for (const WaitEdge& edge : waits.edges)
      if (edge.relation == WaitRelation::waits_for) order.take(edge.from);
  return std::move(order.threads);
}

} // namespace dumptriage::pipeline
