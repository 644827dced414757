// Where ERESOURCEs are found: in the list that KDBG's ExpSystemResourcesList heads; without one
// (NT 4 has no KDBG) on the stacks of threads that wait for their semaphore or event.
#include <algorithm>
#include <cstddef>
#include <set>

#include "formats/kdbg64.h"
#include "system/resources.h"

namespace dumptriage::system {
namespace {

constexpr std::size_t kMostResources = 100'000;
// A kernel stack is 12 KiB on x86 and 24 on x64; the call that waits is near its end.
constexpr std::size_t kMostStackWords = 1024;

bool may_be_resource_wait(const ThreadWait& wait, const ThreadWait::Object& object) {
  return (object.type == kSynchronizationEvent || object.type == kSemaphore) &&
         (wait.reason == 0 || wait.reason == kWrExecutive || wait.reason == kWrResource);
}

struct Stack {
  std::uint64_t low = 0, high = 0; // what the thread had pushed when it began to wait
};

Stack stack_of(const WaitReading& reading, std::uint64_t thread) {
  const auto& t = reading.fields.thread;
  if (!t.kernel_stack) return {};
  const KernelView& view = reading.view;
  std::uint64_t low = view.pointer(thread + *t.kernel_stack).value_or(0);
  std::uint64_t most = low + kMostStackWords * view.pointer_size;
  std::uint64_t high = t.stack_base ? view.pointer(thread + *t.stack_base).value_or(0) : most;
  if (!view.is_kernel_address(low) || low % view.pointer_size != 0 || high <= low) return {};
  return {low, std::min(high, most)};
}

// What a stack holds, as far as it is captured.
std::vector<std::uint64_t> words_of(WaitReading& reading, const Stack& stack) {
  std::vector<std::uint64_t> words;
  const int size = reading.view.pointer_size;
  std::vector<std::byte> bytes(stack.high - stack.low);
  if (bytes.empty() || !reading.spend(bytes.size() / size)) return words;
  std::size_t got = reading.view.memory.read(stack.low, bytes).got;
  ByteView view(bytes.data(), got);
  for (std::size_t at = 0; at + size <= got; at += size)
    words.push_back(size == 4 ? view.u32(at).value_or(0) : view.u64(at).value_or(0));
  return words;
}

// At least three things that must agree, on a structure whose address was only guessed.
bool proves_itself(WaitReading& reading, const Resource& r, std::uint64_t object) {
  const KernelView& view = reading.view;
  bool exclusive = r.exclusive_waiters == object;
  if (!exclusive && r.shared_waiters != object) return false;
  if (view.dispatcher_type(object) != (exclusive ? kSynchronizationEvent : kSemaphore))
    return false;
  if (is_linked(view, r.address) != Linked::yes) return false;
  if ((exclusive ? r.exclusive_count : r.shared_count) == 0 || !r.held()) return false;
  auto owners = owners_of(reading, r);
  return !owners.empty() && std::ranges::all_of(owners, [&](const Resource::Owner& owner) {
    return reading.is_thread(owner.thread) || reading.is_thread(owner.thread & ~std::uint64_t{3});
  });
}

} // namespace

Resources::Resources(WaitReading& reading, std::span<const ThreadWait> waits) : reading_(reading) {
  if (!reading.fields.known) return;
  auto head =
      reading.view.kdbg.valid()
          ? reading.view.kdbg.address(offsetof(formats::KdDebuggerData64, ExpSystemResourcesList))
          : std::nullopt;
  if (!head || !reading.fields.resource.settled || !from_list(reading.view.cut(*head)))
    from_stacks(waits, !head);
}

bool Resources::from_list(std::uint64_t head) {
  if (!reading_.view.pointer(head)) return false; // small dumps do not hold it
  return walk_list(reading_.view, head, kMostResources, "list of ERESOURCEs",
                   [&](std::uint64_t entry) {
                     if (auto resource = read_resource(reading_, entry)) keep(std::move(*resource));
                     return true;
                   });
}

void Resources::from_stacks(std::span<const ThreadWait> waits, bool neighbours) {
  for (const ThreadWait& wait : waits)
    for (const ThreadWait::Object& object : wait.objects) {
      if (!may_be_resource_wait(wait, object) || by_waiter_.contains(object.address)) continue;
      auto found = on_stack_of(wait, object.address);
      if (!found) continue;
      std::uint64_t address = found->address;
      keep(std::move(*found));
      if (neighbours) from_neighbours(address);
    }
}

std::optional<Resource> Resources::on_stack_of(const ThreadWait& wait, std::uint64_t object) {
  const KernelView& view = reading_.view;
  std::set<std::uint64_t> tried;
  for (std::uint64_t word : words_of(reading_, stack_of(reading_, wait.thread))) {
    if (!view.is_kernel_address(word) || word % view.pointer_size != 0) continue;
    if (!tried.insert(word).second) continue;
    auto resource = read_resource(reading_, word);
    if (!resource || !proves_itself(reading_, *resource, object)) continue;
    resource->trust = WaitTrust::self_checked;
    return resource;
  }
  return std::nullopt;
}

// The others in the same list.  One entry of the ring is the list's head, which is none: only those
// that somebody waits for, and that prove it, are taken.
void Resources::from_neighbours(std::uint64_t first) {
  const KernelView& view = reading_.view;
  walk_list(view, first, kMostResources, "list of ERESOURCEs", [&](std::uint64_t entry) {
    if (!reading_.spend(1)) return false;
    auto resource = read_resource(reading_, entry);
    if (!resource || by_address_.contains(entry)) return true;
    for (std::uint64_t object : {resource->exclusive_waiters, resource->shared_waiters})
      if (object != 0 && proves_itself(reading_, *resource, object)) {
        resource->trust = WaitTrust::self_checked;
        keep(std::move(*resource));
        break;
      }
    return true;
  });
}

// From Windows 10 on a resource's waiters are nodes on the stacks of the waiting threads, whose
// layout is not published.  Nearly all of it can be checked: the reason of the wait, the address of
// a resource that somebody waits for on the stack, and that a pointer of that resource leads into
// this very stack (it does for the first waiter of each kind).
std::optional<Resources::Found> Resources::waited_on_stack(const ThreadWait& wait) {
  if (!reading_.fields.resource.on_stack_waiters || wait.reason != kWrResource) return std::nullopt;
  Stack stack = stack_of(reading_, wait.thread);
  auto inside = by_waiter_.lower_bound(stack.low);
  if (inside != by_waiter_.end() && inside->first < stack.high)
    return Found{connect(inside->second.resource), inside->second.mode, WaitTrust::self_checked};
  auto index = named_on_stack(wait);
  if (!index) return std::nullopt;
  const Resource& r = all_[*index];
  WaitMode mode = r.shared_count == 0      ? WaitMode::exclusive
                  : r.exclusive_count == 0 ? WaitMode::shared
                                           : WaitMode::none;
  return Found{connect(*index), mode, WaitTrust::inferred};
}

// The only contended resource whose address the stack holds, not counting those that the thread
// owns exclusively itself: it would not have to wait for one.
std::optional<std::size_t> Resources::named_on_stack(const ThreadWait& wait) {
  std::set<std::size_t> found;
  for (std::uint64_t word : words_of(reading_, stack_of(reading_, wait.thread))) {
    auto known = by_address_.find(word);
    if (known == by_address_.end()) continue;
    const Resource& r = all_[known->second];
    bool mine = r.exclusive() && !r.owners.empty() &&
                (r.owners.front().thread & ~std::uint64_t{3}) == wait.thread;
    if (r.waited_for() && !mine) found.insert(known->second);
  }
  if (found.size() == 1) return *found.begin();
  if (found.size() > 1)
    reading_.remark(Code::mismatch,
                    "a thread waits for an ERESOURCE, and its stack names several that are waited "
                    "for",
                    wait.thread);
  return std::nullopt;
}

} // namespace dumptriage::system
