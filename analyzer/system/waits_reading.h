// What the readers of the kernel's wait graph share: the view, the threads by address, the graph
// they fill.  Not for other rooms.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "system/kernel_view.h"
#include "system/snapshot.h"
#include "system/waits.h"
#include "system/waits_fields.h"

namespace dumptriage::system {

class WaitReading {
public:
  WaitReading(const KernelView& view, std::span<const ThreadState> threads, Waits& waits);

  const KernelView& view;
  const WaitFields fields;
  Waits& waits;

  // The node of a KTHREAD that owns something or is waited for.  Nothing, and a note, when none
  // stands there or when it has exited: `what` names the lock.
  std::optional<std::size_t> owner(std::uint64_t thread, const std::string& what);
  std::size_t thread_node(std::uint64_t thread);
  bool is_thread(std::uint64_t object) const;
  bool has_exited(std::uint64_t thread) const;
  // The node "KIND@ADDRESS".
  std::size_t lock_node(WaitKind kind, std::uint64_t address);

  void remark(Code code, std::string message, std::uint64_t at);
  // At most so many owner entries and stack words of all objects together.
  bool spend(std::size_t steps);

private:
  std::unordered_map<std::uint64_t, const ThreadState*> threads_;
  std::unordered_set<std::string> shared_ids_; // ids that several threads have
  std::size_t spent_ = 0;
};

// "ERESOURCE 0x8A01F3C8".
std::string lock_name(WaitKind kind, std::uint64_t address, int pointer_size);

} // namespace dumptriage::system
