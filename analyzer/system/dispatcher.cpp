#include "system/dispatcher.h"

#include <algorithm>

#include "base/budget.h"

namespace dumptriage::system {
namespace {

constexpr std::uint8_t kStateWaiting = 5, kStateGateWait = 8;
constexpr std::size_t kMostWaitObjects = 64; // MAXIMUM_WAIT_OBJECTS
constexpr std::uint16_t kTimeoutKey = 0x102; // the timer's block answers STATUS_TIMEOUT
constexpr std::uint8_t kWaitAll = 0;

class WaitReader {
public:
  WaitReader(const KernelView& view, const WaitFields& fields, ThreadWait& wait)
      : view_(view), fields_(fields), block_(fields.block), wait_(wait) {}

  // Up to Windows 7 the blocks form a ring, the timer's among them.
  void ring(std::uint64_t first) {
    Budget budget(kMostWaitObjects + 1);
    std::uint64_t at = first;
    do {
      if (budget.step(at) != Budget::Answer::go_on)
        return broken("the ring of wait blocks does not come back to its start", at);
      auto mine = ours(at);
      if (!mine) return; // not captured
      if (!*mine) return broken("a wait block is not this thread's", at);
      if (!take(at)) return;
      auto next = view_.pointer(at + *block_.next);
      if (!next) return broken("the next wait block cannot be read", at);
      at = *next;
    } while (at != first);
  }

  // Windows 8 and later: an array; its length is a field of some builds only, and blocks behind the
  // last one may be left from an earlier wait.  Those are in no list.
  void array(std::uint64_t first) {
    std::optional<std::size_t> count;
    if (fields_.thread.wait_block_count)
      count = view_.u8(wait_.thread + *fields_.thread.wait_block_count);
    std::size_t most = std::min(count.value_or(kMostWaitObjects), kMostWaitObjects);
    for (std::size_t i = 0; i < most; ++i) {
      std::uint64_t at = first + i * block_.size;
      if (is_timer(at)) break;
      auto mine = ours(at);
      if (!mine) break; // not captured
      if (!*mine) {
        if (count || i == 0) broken("a wait block is not this thread's", at);
        break;
      }
      if (!count && i > 0 && is_linked(view_, at) != Linked::yes) break;
      if (!take(at)) return;
    }
    timer_beside();
  }

  void gate() {
    auto object = view_.pointer(wait_.thread + *fields_.thread.gate_object);
    if (!object) return;
    auto type = view_.dispatcher_type(*object);
    if (type == kGate)
      wait_.objects.push_back({*object, *type});
    else if (type)
      broken("the gate is none", *object);
  }

private:
  void broken(std::string_view why, std::uint64_t at) {
    wait_.broken = why;
    wait_.broken_at = at;
  }
  std::optional<bool> ours(std::uint64_t block) const {
    auto thread = view_.pointer(block + block_.thread);
    if (!thread) return std::nullopt;
    return *thread == wait_.thread;
  }
  bool is_timer(std::uint64_t block) const {
    return fields_.thread.wait_block &&
           block == wait_.thread + *fields_.thread.wait_block + 3ull * block_.size;
  }
  // The timer's block is in no array, but in its timer's list while the wait may time out.
  void timer_beside() {
    if (!fields_.thread.wait_block) return;
    std::uint64_t block = wait_.thread + *fields_.thread.wait_block + 3ull * block_.size;
    if (ours(block) == true && view_.u16(block + block_.key) == kTimeoutKey &&
        is_linked(view_, block) == Linked::yes)
      wait_.timeout = true;
  }

  bool take(std::uint64_t block) {
    auto object = view_.pointer(block + block_.object);
    auto key = view_.u16(block + block_.key);
    if (!object || !key) {
      broken("a wait block cannot be read", block);
      return false;
    }
    if (is_timer(block) || *key == kTimeoutKey) {
      wait_.timeout = true;
      return true;
    }
    Linked linked = is_linked(view_, block);
    if (linked == Linked::no) {
      broken("a wait block's list is torn", block);
      return false;
    }
    auto type = view_.dispatcher_type(*object);
    if (!type) return true; // not captured
    // A layout that no source settles must prove itself: whose block it is, its links, the object.
    if (!is_waitable(*type) || (!block_.settled && linked != Linked::yes)) {
      broken("a wait block names no dispatcher object", block);
      return false;
    }
    if (wait_.objects.empty()) wait_.any = view_.u8(block + block_.type) != kWaitAll;
    wait_.objects.push_back({*object, *type});
    return true;
  }

  const KernelView& view_;
  const WaitFields& fields_;
  const decltype(WaitFields::block)& block_;
  ThreadWait& wait_;
};

} // namespace

bool is_waitable(std::uint8_t type) {
  // Events, mutant, process, queue, semaphore, thread, gate, timers; later priority queues and
  // second timers.
  return type <= 9 || type == 0x15 || type == 0x18 || type == 0x19;
}

WaitKind kind_of(std::uint8_t type) {
  switch (type) {
  case kNotificationEvent:
  case kSynchronizationEvent: return WaitKind::event;
  case kMutant: return WaitKind::mutant;
  case kProcess: return WaitKind::process;
  case kQueue:
  case 0x15: return WaitKind::queue;
  case kSemaphore: return WaitKind::semaphore;
  case kThread: return WaitKind::thread;
  case kGate: return WaitKind::gate;
  case 8:
  case 9:
  case 0x18:
  case 0x19: return WaitKind::timer;
  default: return WaitKind::other;
  }
}

Linked is_linked(const KernelView& view, std::uint64_t entry) {
  const int size = view.pointer_size;
  auto next = view.pointer(entry), before = view.pointer(entry + size);
  if (!next || !before) return Linked::unreadable;
  if (*next == entry || *before == entry) return Linked::no;
  auto back = view.pointer(*next + size), forth = view.pointer(*before);
  if ((back && *back != entry) || (forth && *forth != entry)) return Linked::no;
  return back && forth ? Linked::yes : Linked::unreadable;
}

std::optional<ThreadWait> read_wait(const KernelView& view, const WaitFields& fields,
                                    std::uint64_t thread) {
  if (!fields.known) return std::nullopt;
  auto state = view.u8(thread + fields.thread.state);
  bool gate = state == kStateGateWait && fields.thread.gate_object;
  if (state != kStateWaiting && !gate) return std::nullopt;
  ThreadWait wait;
  wait.thread = thread;
  wait.trust = fields.block.settled || gate ? WaitTrust::read : WaitTrust::self_checked;
  if (fields.thread.wait_reason != 0)
    wait.reason = view.u8(thread + fields.thread.wait_reason).value_or(0);
  WaitReader reader(view, fields, wait);
  if (gate) {
    reader.gate();
    return wait;
  }
  auto first = view.pointer(thread + fields.thread.wait_block_list);
  if (!first || *first == 0) return wait; // waits without an object: DelayExecution on some builds
  if (fields.block.next)
    reader.ring(*first);
  else
    reader.array(*first);
  return wait;
}

} // namespace dumptriage::system
