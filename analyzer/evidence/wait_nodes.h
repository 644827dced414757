// The wait graph's nodes as facts name them: which thread of the snapshot a node is, and the ids of
// the facts that waits and holds become.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "system/snapshot.h"

namespace dumptriage::evidence {

class WaitNodes {
public:
  explicit WaitNodes(const system::Snapshot& snapshot);

  // Does the edge join a thread and something else (or, waiting for an exit, a thread)?
  bool has_thread(const system::WaitEdge& edge) const;
  // Index in Snapshot::threads; nothing for locks, and for threads that are not in the list.
  std::optional<std::size_t> thread_of(std::size_t node) const;
  // ThreadState::id, or the node's own name for a thread that is not in the list.
  std::string thread_name(std::size_t node) const;
  std::string fact_of_thread(std::size_t node) const;
  std::string edge_id(const system::WaitEdge& edge) const;
  bool is_thread(std::size_t node) const;

private:
  const system::Snapshot& snapshot_;
  std::unordered_map<std::uint64_t, std::size_t> by_object_;
  std::unordered_map<std::string_view, std::size_t> by_id_;
};

} // namespace dumptriage::evidence
