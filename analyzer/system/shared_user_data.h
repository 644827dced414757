// KUSER_SHARED_DATA: the page that the kernel shares with programs, at a fixed address since
// NT 3.5. Source: the structure's declaration in the WDK and in public headers (phnt).
#pragma once

#include <cstdint>

#include "arch/arch.h"

namespace dumptriage::system {

struct SharedUserData {
  static constexpr std::uint64_t kTickCountLow = 0x0, kTickCountMultiplier = 0x4;
  static constexpr std::uint64_t kProductType = 0x264, kProductTypeIsValid = 0x268;
  static constexpr std::uint64_t kMajorVersion = 0x26C, kMinorVersion = 0x270, kSuiteMask = 0x2D0;
  static constexpr std::uint64_t kTickCount = 0x320; // Server 2003 and later

  static std::uint64_t address(arch::Machine machine) {
    if (machine == arch::Machine::ia64) return 0xE0000000FFFE0000;
    return arch::pointer_size_of(machine) == 4 ? 0xFFDF0000 : 0xFFFFF78000000000;
  }
};

} // namespace dumptriage::system
