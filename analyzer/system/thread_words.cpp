#include "system/thread_words.h"

#include <cstddef>

#include <fmt/format.h>

#include "formats/kdbg64.h"
#include "system/shared_user_data.h"

namespace dumptriage::system {

std::string_view thread_state_name(std::uint8_t state) {
  constexpr std::string_view kNames[] = {
      "initialized", "ready",      "running",        "standby",   "terminated",
      "waiting",     "transition", "deferred ready", "gate wait", "waiting for process in-swap"};
  return state < std::size(kNames) ? kNames[state] : "";
}

// KWAIT_REASON as public headers list it (phnt); the first 21 are the same in every version, and
// what Windows before Vista calls the later ones is not settled.
std::string wait_reason_of_build(std::uint8_t reason, std::uint32_t build) {
  constexpr std::string_view kNames[] = {"Executive",
                                         "FreePage",
                                         "PageIn",
                                         "PoolAllocation",
                                         "DelayExecution",
                                         "Suspended",
                                         "UserRequest",
                                         "WrExecutive",
                                         "WrFreePage",
                                         "WrPageIn",
                                         "WrPoolAllocation",
                                         "WrDelayExecution",
                                         "WrSuspended",
                                         "WrUserRequest",
                                         "WrEventPair",
                                         "WrQueue",
                                         "WrLpcReceive",
                                         "WrLpcReply",
                                         "WrVirtualMemory",
                                         "WrPageOut",
                                         "WrRendezvous",
                                         "WrKeyedEvent",
                                         "WrTerminated",
                                         "WrProcessInSwap",
                                         "WrCpuRateControl",
                                         "WrCalloutStack",
                                         "WrKernel",
                                         "WrResource",
                                         "WrPushLock",
                                         "WrMutex",
                                         "WrQuantumEnd",
                                         "WrDispatchInt",
                                         "WrPreempted",
                                         "WrYieldExecution",
                                         "WrFastMutex",
                                         "WrGuardedMutex",
                                         "WrRundown",
                                         "WrAlertByThreadId",
                                         "WrDeferredPreempt",
                                         "WrPhysicalFault",
                                         "WrIoRing",
                                         "WrMdlCache",
                                         "WrRcu"};
  constexpr std::uint8_t kAlike = 20;
  constexpr std::uint32_t kVista = 6000;
  if (reason < std::size(kNames) && (reason <= kAlike || build >= kVista))
    return std::string(kNames[reason]);
  return fmt::format("reason {}", reason);
}

// A tick lasts KeTimeIncrement; a millisecond is TickCountMultiplier / 2^24 of it.
TickCount::TickCount(const KernelView& view) {
  constexpr std::uint32_t kServer2003 = 3790, kLongestTick = 1'000'000; // 100 ms
  const std::uint64_t shared = SharedUserData::address(view.dump.machine);
  now_ = view.u32(shared + (view.layout.build() >= kServer2003 ? SharedUserData::kTickCount
                                                               : SharedUserData::kTickCountLow));
  auto variable = view.kdbg.address(offsetof(formats::KdDebuggerData64, KeTimeIncrement));
  if (auto increment = variable ? view.u32(view.cut(*variable)) : std::nullopt)
    increment_ = *increment;
  else if (auto multiplier = view.u32(shared + SharedUserData::kTickCountMultiplier))
    increment_ = (static_cast<std::uint64_t>(*multiplier) * 10'000) >> 24;
  if (increment_ > kLongestTick) increment_ = 0;
}

std::optional<std::uint64_t> TickCount::seconds_since(std::uint32_t tick) const {
  constexpr std::uint64_t kPerSecond = 10'000'000;
  if (!now_ || increment_ == 0) return std::nullopt;
  std::uint32_t ticks = *now_ - tick; // both are the low half of a counter
  if (ticks > INT32_MAX) return std::nullopt;
  return ticks * increment_ / kPerSecond;
}

} // namespace dumptriage::system
