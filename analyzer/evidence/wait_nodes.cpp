#include "evidence/wait_nodes.h"

#include <fmt/format.h>

namespace dumptriage::evidence {

namespace {

constexpr std::string_view kThread = "thread:";

} // namespace

WaitNodes::WaitNodes(const system::Snapshot& snapshot) : snapshot_(snapshot) {
  const auto& threads = snapshot.threads;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    if (threads[i].object != 0) by_object_.emplace(threads[i].object, i);
    by_id_.emplace(threads[i].id, i);
  }
}

bool WaitNodes::is_thread(std::size_t node) const {
  const auto& nodes = snapshot_.waits.nodes;
  return node < nodes.size() && nodes[node].kind == system::WaitKind::thread;
}

bool WaitNodes::has_thread(const system::WaitEdge& edge) const {
  const std::size_t count = snapshot_.waits.nodes.size();
  if (edge.from >= count || edge.to >= count) return false;
  return is_thread(edge.relation == system::WaitRelation::held_by ? edge.to : edge.from);
}

std::optional<std::size_t> WaitNodes::thread_of(std::size_t node) const {
  if (!is_thread(node)) return std::nullopt;
  const system::WaitNode& row = snapshot_.waits.nodes[node];
  if (row.address != 0) {
    const auto found = by_object_.find(row.address);
    return found == by_object_.end() ? std::nullopt : std::optional(found->second);
  }
  if (!row.id.starts_with(kThread)) return std::nullopt;
  const auto found = by_id_.find(std::string_view(row.id).substr(kThread.size()));
  return found == by_id_.end() ? std::nullopt : std::optional(found->second);
}

std::string WaitNodes::thread_name(std::size_t node) const {
  if (const auto thread = thread_of(node)) return snapshot_.threads[*thread].id;
  const std::string& id = snapshot_.waits.nodes[node].id;
  return id.starts_with(kThread) ? id.substr(kThread.size()) : id;
}

std::string WaitNodes::fact_of_thread(std::size_t node) const {
  return std::string(kThread) + thread_name(node);
}

std::string WaitNodes::edge_id(const system::WaitEdge& edge) const {
  const bool waiting = edge.relation == system::WaitRelation::waits_for;
  const std::size_t thread = waiting ? edge.from : edge.to;
  const std::size_t object = waiting ? edge.to : edge.from;
  const std::string name =
      is_thread(object) ? fact_of_thread(object) : snapshot_.waits.nodes[object].id;
  const std::string_view mode = system::name_of(edge.mode);
  return fmt::format("{}:{}:{}{}{}", waiting ? "wait" : "hold", thread_name(thread), name,
                     mode.empty() ? "" : ":", mode);
}

} // namespace dumptriage::evidence
