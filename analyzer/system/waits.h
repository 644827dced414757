// Who waits for what, and who holds it: one graph for kernel and user dumps.  Types only, and the
// small builder that keeps node ids unique; readers are one file each (dispatcher.cpp,
// resources.cpp, mutexes.cpp; critical_sections.cpp of user dumps), cycles: wait_graph.h.
//
//   thread --waits_for--> lock --held_by--> thread ...
//
// A lock that nobody is known to hold ends the chain.  Nothing is an edge unless the object it came
// from was recognised; what looked like one and was not is a note.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace dumptriage::system {

enum class WaitKind {
  thread,
  process,
  resource, // ERESOURCE
  mutant,
  fast_mutex,
  guarded_mutex,
  critical_section,
  event,
  semaphore,
  gate,
  queue,
  timer,
  other,
};
std::string_view name_of(WaitKind kind); // "fast_mutex"
bool is_lock(WaitKind kind);             // something that a thread can hold

// How sure an edge is, best first.
enum class WaitTrust {
  read,         // fields of a layout that a source settles, consistent with each other
  self_checked, // the layout is inferred, and this object proved it by at least three invariants
  inferred,     // fits, but something else could look the same; such an owner makes no cycle
};
std::string_view name_of(WaitTrust trust); // "self_checked"

struct WaitNode {
  // "thread:1234" (ThreadState::id), "ERESOURCE@8A01F3C8", "mutant@...", ...
  std::string id;
  WaitKind kind = WaitKind::other;
  std::uint64_t address = 0; // of the object; 0 unknown
  std::string label; // for people: "thread 1234 of System", "ERESOURCE 0x8A01F3C8 (CcMaster)"
  std::string state; // "owned exclusive", "owned shared by 3", "signalled", ""; as read
};

enum class WaitRelation { waits_for, held_by };
enum class WaitMode { none, exclusive, shared };
std::string_view name_of(WaitRelation relation); // "waits_for"
std::string_view name_of(WaitMode mode);         // "exclusive"; "" for none

struct WaitEdge {
  std::size_t from = 0, to = 0; // indexes into Waits::nodes
  WaitRelation relation = WaitRelation::waits_for;
  WaitMode mode = WaitMode::none;
  std::string reason; // waits_for: the thread's wait reason ("WrResource"); "" unknown
  // waits_for: one of several objects of which any ends the wait, so that no cycle goes through it;
  // the wait ends by itself after some time.
  bool alternative = false, timeout = false;
  std::uint32_t count = 0; // held_by: how often the owner has it; 0 unknown
  WaitTrust trust = WaitTrust::read;
  std::string why; // "KMUTANT.OwnerThread, in the owner's MutantListHead"
};

// Threads and locks in waiting order: thread, lock, thread, lock, ...; it starts at the thread with
// the smallest id, and the last lock is held by the first thread.  A thread that another one waits
// for directly (to exit) follows it without a lock between them.
struct WaitCycle {
  std::vector<std::size_t> nodes;
  WaitTrust trust = WaitTrust::read; // of its weakest edge
  bool timeout = false;              // some wait in it ends by itself
};

class Waits {
public:
  std::vector<WaitNode> nodes;
  std::vector<WaitEdge> edges;
  std::vector<WaitCycle> cycles;

  // The node with this id; `node` is taken when there is none yet.
  std::size_t add(WaitNode node);
  // Once only for the same ends, relation and mode.
  void connect(WaitEdge edge);
  const std::size_t* find(std::string_view id) const; // null: none
  bool empty() const { return nodes.empty(); }

private:
  std::unordered_map<std::string, std::size_t> by_id_;
  std::unordered_set<std::uint64_t> known_edges_;
};

} // namespace dumptriage::system
