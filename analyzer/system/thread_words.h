// Inside of the thread reader: names of a thread's state and wait reason, and the machine's clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "system/kernel_view.h"

namespace dumptriage::system {

std::string_view thread_state_name(std::uint8_t state); // "" = not known
// "Executive", "WrQueue"; the number where this build's names are not known.
std::string wait_reason_of_build(std::uint8_t reason, std::uint32_t build);

// The clock of KTHREAD.WaitTime, as the page that the kernel shares with programs has it.
class TickCount {
public:
  explicit TickCount(const KernelView& view);
  // Nothing when the clock, or what a tick is, cannot be read.
  std::optional<std::uint64_t> seconds_since(std::uint32_t tick) const;

private:
  std::optional<std::uint32_t> now_;
  std::uint64_t increment_ = 0; // 100 ns a tick
};

} // namespace dumptriage::system
