// The layout of an ERESOURCE and of its OWNER_ENTRYs, and what !locks of the debuggers shows of
// them: OwnerThreads[0] (later OwnerEntry) is the exclusive owner when Flag has 0x80; else every
// entry with a count is a shared one, those of OwnerTable from its slot 1 up to the TableSize in
// slot 0.  Low bits of an owner are marks of the system; a value that is no thread then was set by
// a driver (ExSetResourceOwnerPointer).
#include "system/resources.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace dumptriage::system {
namespace {

constexpr std::uint16_t kOwnedExclusive = 0x80;
constexpr std::uint64_t kOwnerMarks = 3;
constexpr std::uint32_t kMostTable = 4096;

std::uint64_t pointer_in(ByteView bytes, std::uint32_t at, int size) {
  return size == 4 ? bytes.u32(at).value_or(0) : bytes.u64(at).value_or(0);
}

} // namespace

bool Resource::exclusive() const { return (flag & kOwnedExclusive) != 0; }

std::optional<Resource> read_resource(const WaitReading& reading, std::uint64_t address) {
  const auto& f = reading.fields.resource;
  const int size = reading.view.pointer_size;
  std::array<std::byte, 0x80> buffer{};
  auto bytes = std::span(buffer).first(std::min<std::size_t>(f.size, buffer.size()));
  if (!reading.view.memory.copy(address, bytes)) return std::nullopt;
  ByteView view(bytes);
  Resource r;
  r.address = address;
  r.owner_table = pointer_in(view, f.owner_table, size);
  r.active_count = static_cast<std::int16_t>(view.u16(f.active_count).value_or(0));
  r.flag = view.u16(f.flag).value_or(0);
  r.shared_waiters = pointer_in(view, f.shared_waiters, size);
  r.exclusive_waiters = pointer_in(view, f.exclusive_waiters, size);
  auto count = [&](std::uint32_t at) {
    return f.count_bytes == 2 ? view.u16(at).value_or(0) : view.u32(at).value_or(0);
  };
  r.shared_count = count(f.shared_count);
  r.exclusive_count = count(f.exclusive_count);
  for (std::uint32_t i = 0; i < f.owner_count; ++i) {
    std::uint32_t at = f.owners + i * f.entry_size;
    std::uint32_t value = view.u32(at + f.entry_value).value_or(0);
    r.owners.push_back({pointer_in(view, at, size), value >> f.entry_shift});
  }
  return r;
}

std::vector<Resource::Owner> owners_of(WaitReading& reading, const Resource& r) {
  const auto& f = reading.fields.resource;
  const KernelView& view = reading.view;
  std::vector<Resource::Owner> owners;
  auto add = [&](Resource::Owner owner) {
    if (owner.thread != 0 && owner.count != 0) owners.push_back(owner);
  };
  if (!r.held()) return owners;
  if (r.exclusive()) {
    if (!r.owners.empty()) add(r.owners.front());
    return owners;
  }
  for (const Resource::Owner& owner : r.owners) add(owner);
  if (r.owner_table == 0 || !view.is_kernel_address(r.owner_table)) return owners;
  std::uint32_t slots = view.u32(r.owner_table + f.entry_value).value_or(0);
  if (slots > kMostTable) {
    reading.remark(Code::bad_value,
                   fmt::format("{}: its owner table claims {} slots",
                               lock_name(WaitKind::resource, r.address, view.pointer_size), slots),
                   r.owner_table);
    return owners;
  }
  if (!reading.spend(slots)) return owners;
  for (std::uint32_t i = 1; i < slots; ++i) {
    std::uint64_t at = r.owner_table + static_cast<std::uint64_t>(i) * f.entry_size;
    auto thread = view.pointer(at);
    auto value = view.u32(at + f.entry_value);
    if (!thread || !value) break;
    add({*thread, *value >> f.entry_shift});
  }
  return owners;
}

void Resources::keep(Resource resource) {
  auto [place, is_new] = by_address_.emplace(resource.address, all_.size());
  if (!is_new) return;
  if (resource.shared_waiters != 0 && resource.shared_count != 0)
    by_waiter_.emplace(resource.shared_waiters, Waiter{all_.size(), WaitMode::shared});
  if (resource.exclusive_waiters != 0 && resource.exclusive_count != 0)
    by_waiter_.emplace(resource.exclusive_waiters, Waiter{all_.size(), WaitMode::exclusive});
  all_.push_back(std::move(resource));
}

// The node of a resource; the first call joins it to its owners.
std::size_t Resources::connect(std::size_t index) {
  if (auto known = nodes_.find(index); known != nodes_.end()) return known->second;
  const Resource& r = all_[index];
  std::size_t node = reading_.lock_node(WaitKind::resource, r.address);
  nodes_.emplace(index, node);
  std::string what = reading_.waits.nodes[node].label;
  auto owners = owners_of(reading_, r);
  std::size_t gone = 0;
  for (const Resource::Owner& owner : owners) {
    std::uint64_t thread = owner.thread;
    if (!reading_.is_thread(thread)) thread &= ~kOwnerMarks;
    auto held_by = reading_.owner(thread, what);
    if (!held_by) {
      ++gone;
      continue;
    }
    WaitEdge edge;
    edge.from = node;
    edge.to = *held_by;
    edge.relation = WaitRelation::held_by;
    edge.mode = r.exclusive() ? WaitMode::exclusive : WaitMode::shared;
    edge.count = owner.count;
    edge.trust = r.trust;
    edge.why = r.exclusive() ? "the ERESOURCE's exclusive owner (Flag 0x80)"
                             : "an owner entry of the ERESOURCE";
    reading_.waits.connect(std::move(edge));
  }
  std::string state = "free";
  if (r.held())
    state = r.exclusive() ? "owned exclusive" : fmt::format("owned shared by {}", owners.size());
  if (gone != 0) state += gone == owners.size() ? ", its owner is gone" : ", some owners are gone";
  if (r.waited_for())
    state += fmt::format("; waiting: {} exclusive, {} shared", r.exclusive_count, r.shared_count);
  reading_.waits.nodes[node].state = std::move(state);
  return node;
}

std::optional<Resources::Found> Resources::waited_on(std::uint64_t object) {
  auto waiter = by_waiter_.find(object);
  if (waiter == by_waiter_.end()) return std::nullopt;
  std::size_t node = connect(waiter->second.resource);
  return Found{node, waiter->second.mode, all_[waiter->second.resource].trust};
}

void Resources::connect_all_held() {
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (all_[i].held() || all_[i].waited_for()) connect(i);
}

// The thread list may be torn; the lists of waiters lead to threads that it lost.
void Resources::connect_other_waiters() {
  constexpr std::size_t kMostWaiters = 100'000;
  const auto& fields = reading_.fields;
  if (fields.resource.on_stack_waiters) return;
  const KernelView& view = reading_.view;
  auto follow = [&](std::size_t index, std::uint64_t object, std::uint8_t type, WaitMode mode) {
    if (object == 0 || view.dispatcher_type(object) != type) return;
    std::uint64_t head = object + 8; // DISPATCHER_HEADER.WaitListHead
    walk_list(view, head, kMostWaiters, "list of an ERESOURCE's waiters", [&](std::uint64_t block) {
      auto thread = view.pointer(block + fields.block.thread);
      if (!thread || !reading_.spend(1)) return false;
      if (view.pointer(block + fields.block.object) != object || !reading_.is_thread(*thread))
        return true;
      WaitEdge edge;
      edge.from = reading_.thread_node(*thread);
      edge.to = connect(index);
      edge.mode = mode;
      edge.trust = all_[index].trust;
      edge.why = "in the list of the ERESOURCE's waiters";
      reading_.waits.connect(std::move(edge));
      return true;
    });
  };
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (!all_[i].waited_for()) continue;
    if (all_[i].shared_count != 0) follow(i, all_[i].shared_waiters, kSemaphore, WaitMode::shared);
    if (all_[i].exclusive_count != 0)
      follow(i, all_[i].exclusive_waiters, kSynchronizationEvent, WaitMode::exclusive);
  }
}

} // namespace dumptriage::system
