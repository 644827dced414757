// Where the fields of threads, wait blocks and locks lie in this dump's kernel, looked up once.
// Not for other rooms.
#pragma once

#include <cstdint>
#include <optional>

#include "system/kernel_view.h"

namespace dumptriage::system {

// Structures that no listing gives for a build get the neighbours' layout and `settled` = false:
// what is read with them must prove itself on the object.
struct WaitFields {
  bool known = false; // without the thread's own fields nothing can be followed
  std::uint32_t build = 0;
  struct {
    std::uint32_t state = 0, wait_reason = 0, wait_block_list = 0;
    // The thread's own four wait blocks; the last one is its timer's.
    std::optional<std::uint32_t> wait_block, wait_block_count, gate_object, mutant_list;
    std::optional<std::uint32_t> kernel_stack, stack_limit, stack_base;
  } thread;
  struct {
    bool settled = false;
    std::uint32_t size = 0, thread = 0, object = 0, key = 0, type = 0;
    std::optional<std::uint32_t> next; // up to Windows 7; later an array
  } block;
  struct {
    bool settled = false;
    std::uint32_t list_entry = 0, owner = 0, abandoned = 0;
  } mutant;
  struct {
    std::uint32_t owner = 0, contention = 0, event = 0;
  } fast_mutex;
  struct {
    bool settled = false;
    std::uint32_t size = 0, owner_table = 0, active_count = 0, flag = 0, shared_waiters = 0,
                  exclusive_waiters = 0, owners = 0, owner_count = 0 /* entries inline: 2 or 1 */;
    std::uint32_t shared_count = 0, exclusive_count = 0, count_bytes = 2;
    std::uint32_t entry_size = 0, entry_value = 0, entry_shift = 0;
    bool on_stack_waiters = false; // 10 and later: no semaphore and event
  } resource;
};

WaitFields wait_fields(const KernelView& view);

} // namespace dumptriage::system
