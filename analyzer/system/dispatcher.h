// Dispatcher objects, and what a waiting thread waits for: KTHREAD.WaitBlockList to KWAIT_BLOCK to
// object.  Not for other rooms.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "system/kernel_view.h"
#include "system/waits.h"
#include "system/waits_fields.h"

namespace dumptriage::system {

inline constexpr std::uint8_t kNotificationEvent = 0, kSynchronizationEvent = 1, kMutant = 2,
                              kProcess = 3, kQueue = 4, kSemaphore = 5, kThread = 6, kGate = 7;
inline constexpr std::uint8_t kWrExecutive = 7, kWrResource = 27, kWrFastMutex = 34,
                              kWrGuardedMutex = 35;

bool is_waitable(std::uint8_t dispatcher_type);
WaitKind kind_of(std::uint8_t dispatcher_type);

// Whether both neighbours of a LIST_ENTRY point back at it.
enum class Linked { yes, no, unreadable };
Linked is_linked(const KernelView& view, std::uint64_t entry);

struct ThreadWait {
  std::uint64_t thread = 0;
  std::uint8_t reason = 0;
  bool timeout = false, any = true;
  struct Object {
    std::uint64_t address = 0;
    std::uint8_t type = 0; // DISPATCHER_HEADER.Type without its lock bit
  };
  std::vector<Object> objects; // those that are dispatcher objects
  WaitTrust trust = WaitTrust::read;
  // What was wrong with a wait block, and where; "" nothing.  Blocks behind it are not read.
  std::string_view broken;
  std::uint64_t broken_at = 0;
};

// Nothing when the thread does not wait, or when this kernel's layout is not known.
std::optional<ThreadWait> read_wait(const KernelView& view, const WaitFields& fields,
                                    std::uint64_t thread);

} // namespace dumptriage::system
