#include "system/mutexes.h"

#include <fmt/format.h>

namespace dumptriage::system {
namespace {

constexpr std::uint32_t kSignalState = 4; // in DISPATCHER_HEADER
constexpr std::size_t kMostMutants = 4096;

// Walks the owner's list of mutants without a word: it is a cross-check, not a reading.
bool in_list_of(WaitReading& reading, std::uint64_t thread, std::uint64_t entry) {
  if (!reading.fields.thread.mutant_list) return false;
  const KernelView& view = reading.view;
  std::uint64_t head = thread + *reading.fields.thread.mutant_list, at = head;
  for (std::size_t i = 0; i < kMostMutants; ++i) {
    auto next = view.pointer(at);
    if (!next || *next == head || !reading.spend(1)) return false;
    if (*next == entry) return true;
    at = *next;
  }
  return false;
}

std::int32_t signal_of(const KernelView& view, std::uint64_t object) {
  return static_cast<std::int32_t>(view.u32(object + kSignalState).value_or(1));
}

// A mutant is owned when its signal state is 0 or less: 1 - state times.
void connect_mutant(WaitReading& reading, std::uint64_t address, std::size_t node) {
  const auto& fields = reading.fields.mutant;
  const KernelView& view = reading.view;
  std::int32_t signal = signal_of(view, address);
  auto owner = view.pointer(address + fields.owner);
  if (signal > 0 || !owner || *owner == 0) {
    reading.waits.nodes[node].state = signal > 0 ? "free" : "no owner";
    return;
  }
  std::string what = lock_name(WaitKind::mutant, address, view.pointer_size);
  auto held_by = reading.owner(*owner, what);
  if (!held_by) {
    reading.waits.nodes[node].state = "its owner is gone";
    return;
  }
  std::uint64_t entry = address + fields.list_entry;
  Linked linked = is_linked(view, entry);
  bool listed = linked != Linked::no && in_list_of(reading, *owner, entry);
  if (!listed && linked == Linked::no)
    reading.remark(Code::bad_value, what + ": it is not in its owner's list of mutants, torn links",
                   entry);
  WaitEdge edge;
  edge.from = node;
  edge.to = *held_by;
  edge.relation = WaitRelation::held_by;
  edge.mode = WaitMode::exclusive;
  // Recursion beyond this is no count, but another field.
  constexpr std::int32_t kDeepest = 0x10000;
  edge.count = signal > -kDeepest ? static_cast<std::uint32_t>(1 - signal) : 0;
  edge.trust = !listed && linked != Linked::unreadable ? WaitTrust::inferred
               : fields.settled                        ? WaitTrust::read
                                : (listed ? WaitTrust::self_checked : WaitTrust::inferred);
  edge.why = listed ? "KMUTANT.OwnerThread; in the owner's MutantListHead" : "KMUTANT.OwnerThread";
  reading.waits.nodes[node].state = "owned";
  reading.waits.connect(std::move(edge));
}

bool may_be_mutex(const ThreadWait& wait, const ThreadWait::Object& object) {
  if (object.type == kGate) return true;
  return object.type == kSynchronizationEvent &&
         (wait.reason == 0 || wait.reason == kWrExecutive || wait.reason == kWrFastMutex ||
          wait.reason == kWrGuardedMutex);
}

// Count is 1 when free.  First form: each taker counts down.  Later form: bit 0 is cleared, and
// every waiter adds 4.
bool owned(std::int32_t count) {
  constexpr std::int32_t kMost = 0x10000;
  if (count < -kMost || count > kMost) return false;
  return count <= 0 || count % 4 == 0 || count % 4 == 2;
}

} // namespace

std::size_t mutant_node(WaitReading& reading, std::uint64_t address) {
  std::size_t before = reading.waits.nodes.size();
  std::size_t node = reading.lock_node(WaitKind::mutant, address);
  if (node == before) connect_mutant(reading, address, node);
  return node;
}

void connect_held_mutants(WaitReading& reading, std::span<const ThreadState> threads) {
  if (!reading.fields.thread.mutant_list) return;
  const KernelView& view = reading.view;
  for (const ThreadState& thread : threads) {
    std::uint64_t head = thread.object + *reading.fields.thread.mutant_list;
    // Of a list that was never made or not captured nothing can be said.
    if (thread.object == 0 || view.pointer(head).value_or(0) == 0) continue;
    walk_list(view, head, kMostMutants, "MutantListHead", [&](std::uint64_t entry) {
      std::uint64_t mutant = entry - reading.fields.mutant.list_entry;
      bool held = view.dispatcher_type(mutant) == kMutant &&
                  view.pointer(mutant + reading.fields.mutant.owner) == thread.object;
      if (held) mutant_node(reading, mutant);
      return reading.spend(1);
    });
  }
}

std::optional<std::size_t> mutex_node(WaitReading& reading, const ThreadWait& wait,
                                      const ThreadWait::Object& object) {
  const auto& fields = reading.fields.fast_mutex;
  const KernelView& view = reading.view;
  if (!may_be_mutex(wait, object) || object.address < fields.event) return std::nullopt;
  std::uint64_t address = object.address - fields.event;
  auto count = view.u32(address), contention = view.u32(address + fields.contention);
  auto owner = view.pointer(address + fields.owner);
  if (!count || !owner || *owner == 0 || !contention || *contention == 0) return std::nullopt;
  auto signed_count = static_cast<std::int32_t>(*count);
  // Windows 8 and later keep flags in the owner's low bits.
  std::uint64_t thread = *owner & ~std::uint64_t{7};
  if (!owned(signed_count) || !reading.is_thread(thread)) return std::nullopt;
  bool guarded = wait.reason == kWrGuardedMutex || object.type == kGate;
  WaitKind kind = guarded ? WaitKind::guarded_mutex : WaitKind::fast_mutex;
  std::size_t before = reading.waits.nodes.size();
  std::size_t node = reading.lock_node(kind, address);
  if (node != before) return node;
  auto held_by = reading.owner(thread, lock_name(kind, address, view.pointer_size));
  if (!held_by) {
    reading.waits.nodes[node].state = "its owner is gone";
    return node;
  }
  reading.waits.nodes[node].state = "owned";
  WaitEdge edge;
  edge.from = node;
  edge.to = *held_by;
  edge.relation = WaitRelation::held_by;
  edge.mode = WaitMode::exclusive;
  edge.count = 1;
  // The event could be one of its own, with a thread's address before it by chance; a wait for
  // exactly such a mutex, or a count of waiters that fits, tells.
  bool told = wait.reason == kWrFastMutex || wait.reason == kWrGuardedMutex || signed_count < 0;
  edge.trust = told ? WaitTrust::read : WaitTrust::inferred;
  edge.why =
      fmt::format("{}.Owner, Count {}", guarded ? "KGUARDED_MUTEX" : "FAST_MUTEX", signed_count);
  reading.waits.connect(std::move(edge));
  return node;
}

} // namespace dumptriage::system
