// What the unwinder of Itanium asks the code itself.  All answer nothing where the code is not at
// hand or is no such instruction.
#pragma once

#include <cstdint>
#include <optional>

#include "memory/address_space.h"

namespace dumptriage::arch {

// The preserved register (formats::UnwindRegisterIa64) that the instruction in a slot of the bundle
// at `address` saves: stf.spill, st8.spill, and copies of r4 ... r7 and b1 ... b5.
std::optional<std::uint8_t> ia64_saved_in(const memory::AddressSpace& memory, std::uint64_t address,
                                          unsigned slot);

// The general register that the first `alloc` of the function puts ar.pfs into.  Nothing also where
// its first bundles have none.
std::optional<unsigned> ia64_allocated_to(const memory::AddressSpace& memory, std::uint64_t begin,
                                          std::uint64_t end);

// Where the only call in the bundle before `return_address` goes, if to a fixed place.
std::optional<std::uint64_t> ia64_called_from(const memory::AddressSpace& memory,
                                              std::uint64_t return_address);

} // namespace dumptriage::arch
