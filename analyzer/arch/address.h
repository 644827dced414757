// A register as an address: cut to what the CPU's addresses have (Alpha's registers hold 32-bit
// addresses sign-extended, ARM64's may carry authentication codes).
#pragma once

#include "arch/arch.h"

namespace dumptriage::arch {

inline std::optional<std::uint64_t> address_in(const Arch& arch, const Registers& registers,
                                               int index) {
  const auto value = registers.get(index);
  return value && arch.strip ? std::optional(arch.strip(*value)) : value;
}
inline std::optional<std::uint64_t> pc_of(const Arch& arch, const Registers& registers) {
  return address_in(arch, registers, arch.pc);
}
inline std::optional<std::uint64_t> sp_of(const Arch& arch, const Registers& registers) {
  return address_in(arch, registers, arch.sp);
}

} // namespace dumptriage::arch
