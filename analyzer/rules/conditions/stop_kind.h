// Stop codes as conditions compare them.
#pragma once

#include <cstdint>

namespace dumptriage::rules {

// The M variants (0x1000007E) count as their base code.
inline std::uint32_t base_code(std::uint64_t code) {
  const auto low = static_cast<std::uint32_t>(code);
  return (low & 0xF0000000u) == 0x10000000u ? low & 0x0FFFFFFFu : low;
}

// Stops that somebody asked for: MANUALLY_INITIATED_CRASH (keyboard, NMI tools), and the code of a
// crash forced by a debugger.
inline bool is_forced_stop(std::uint64_t code) {
  return base_code(code) == 0xE2 || code == 0xDEADDEAD;
}

} // namespace dumptriage::rules
