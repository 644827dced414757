// ERESOURCEs: the system's list of them, or those that waiting threads lead to; owners; waiters.
// Not for other rooms.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "system/dispatcher.h"
#include "system/waits_reading.h"

namespace dumptriage::system {

struct Resource {
  std::uint64_t address = 0, owner_table = 0, shared_waiters = 0, exclusive_waiters = 0;
  std::int16_t active_count = 0;
  std::uint16_t flag = 0;
  std::uint32_t shared_count = 0, exclusive_count = 0; // waiting threads
  struct Owner {
    std::uint64_t thread = 0; // OwnerThread as it stands
    std::uint32_t count = 0;
  };
  std::vector<Owner> owners; // the entries inside; the table's are read when they are needed
  WaitTrust trust = WaitTrust::read;
  bool exclusive() const;
  bool held() const { return active_count > 0; }
  bool waited_for() const { return shared_count != 0 || exclusive_count != 0; }
};

// The fields as they stand; nothing when the memory is not captured.
std::optional<Resource> read_resource(const WaitReading& reading, std::uint64_t address);
// All owners with a count: the exclusive one, or the shared ones with those of the table.
std::vector<Resource::Owner> owners_of(WaitReading& reading, const Resource& resource);

class Resources {
public:
  // Walks the system's list, or starts at the waiting threads where its head is not known.
  Resources(WaitReading& reading, std::span<const ThreadWait> waits);
  // The resource whose semaphore or event `object` is, joined to its owners.
  struct Found {
    std::size_t node;
    WaitMode mode;
    WaitTrust trust;
  };
  std::optional<Found> waited_on(std::uint64_t object);
  // Windows 10 and later, where waiters stand on the waiting thread's stack.
  std::optional<Found> waited_on_stack(const ThreadWait& wait);
  // Waiters that are not among the threads of the snapshot.
  void connect_other_waiters();
  // Every resource that somebody holds.
  void connect_all_held();

private:
  struct Waiter {
    std::size_t resource;
    WaitMode mode;
  };
  void keep(Resource resource);
  bool from_list(std::uint64_t head); // true: to its end
  void from_stacks(std::span<const ThreadWait> waits, bool neighbours);
  std::optional<Resource> on_stack_of(const ThreadWait& wait, std::uint64_t object);
  std::optional<std::size_t> named_on_stack(const ThreadWait& wait);
  void from_neighbours(std::uint64_t first);
  std::size_t connect(std::size_t index);

  WaitReading& reading_;
  std::vector<Resource> all_;
  std::unordered_map<std::uint64_t, std::size_t> by_address_;
  std::map<std::uint64_t, Waiter> by_waiter_; // ordered: stacks are looked up as ranges
  std::unordered_map<std::size_t, std::size_t> nodes_;
};

} // namespace dumptriage::system
