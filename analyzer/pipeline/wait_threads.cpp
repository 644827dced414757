// Whose stacks tell about a hang: known issues of that kind are threads of two drivers in one
// cycle, none of which runs on a CPU.
#include <string_view>
#include <unordered_map>

#include "pipeline/objects.h"
#include "pipeline/parts.h"

namespace dumptriage::pipeline {
namespace {

using system::WaitEdge;
using system::WaitKind;
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

class ThreadsOfNodes {
public:
  explicit ThreadsOfNodes(const system::Snapshot& snapshot)
      : nodes_(snapshot.waits.nodes), taken_(snapshot.threads.size()) {
    for (std::size_t i = 0; i < snapshot.threads.size(); ++i) {
      if (snapshot.threads[i].object != 0) by_object_.emplace(snapshot.threads[i].object, i);
      by_id_.emplace(snapshot.threads[i].id, i);
    }
  }
  // Adds the node's thread to `order`, once.
  void take(std::size_t node) {
    if (node >= nodes_.size() || nodes_[node].kind != WaitKind::thread) return;
    const auto thread = thread_of(nodes_[node]);
    if (!thread || taken_[*thread] || order.size() == kMostWaiting) return;
    taken_[*thread] = true;
    order.push_back(*thread);
  }
  std::vector<std::size_t> order;

private:
  std::optional<std::size_t> thread_of(const system::WaitNode& node) const {
    constexpr std::string_view kThread = "thread:";
    if (node.address != 0) {
      const auto found = by_object_.find(node.address);
      return found == by_object_.end() ? std::nullopt : std::optional(found->second);
    }
    if (!node.id.starts_with(kThread)) return std::nullopt;
    const auto found = by_id_.find(std::string_view(node.id).substr(kThread.size()));
    return found == by_id_.end() ? std::nullopt : std::optional(found->second);
  }

  const std::vector<system::WaitNode>& nodes_;
  std::vector<bool> taken_;
  std::unordered_map<std::uint64_t, std::size_t> by_object_;
  std::unordered_map<std::string_view, std::size_t> by_id_;
};

} // namespace

std::vector<std::size_t> waiting_threads(const system::Snapshot& snapshot) {
  const system::Waits& waits = snapshot.waits;
  ThreadsOfNodes threads(snapshot);
  for (const system::WaitCycle& cycle : waits.cycles)
    for (const std::size_t node : cycle.nodes) threads.take(node);
  for (const WaitEdge& edge : waits.edges) {
    if (edge.from >= waits.nodes.size() || edge.to >= waits.nodes.size()) continue;
    const bool waiting = edge.relation == WaitRelation::waits_for;
    if (!system::is_lock(waits.nodes[waiting ? edge.to : edge.from].kind)) continue;
    threads.take(waiting ? edge.from : edge.to);
  }
  if (is_hang(snapshot))
    for (const WaitEdge& edge : waits.edges)
      if (edge.relation == WaitRelation::waits_for) threads.take(edge.from);
  return std::move(threads.order);
}

} // namespace dumptriage::pipeline
