// Itanium's registers by number, and what its code addresses mean.  Private to this room and to
// tests.
//
// A code address names a bundle of 16 bytes; bits 3:2 of one that names an instruction are its slot
// (0, 4, 8), as debuggers write it.  `iip` holds the address in this form, taken together from
// StIIP and bits 42:41 of StIPSR.  For every frame, `ifs` is its current frame marker (bits 37:0;
// the valid bit 63 is dropped), `pfs` its ar.pfs, and `bsp` where its r32 lies in the backing
// store. Sources: Intel Itanium Architecture Software Developer's Manual; CONTEXT of the SDK's
// winnt.h.
#pragma once

#include <cstdint>

#include "arch/arch.h"

namespace dumptriage::arch {

enum Ia64Register {
  kIa64Gp = 1,
  kIa64R4 = 4, // r4 ... r7 are preserved
  kIa64Sp = 12,
  kIa64Teb = 13,
  kIa64Rp = 32, // b0; b1 ... b7 follow, b1 ... b5 are preserved
  kIa64Pfs = 40,
  kIa64Bsp,
  kIa64BspStore,
  kIa64Rnat,
  kIa64Ipsr,
  kIa64Iip,
  kIa64Ifs,
  kIa64Preds,
  kIa64Unat,
  kIa64Lc,
  kIa64Ec,
  kIa64Fpsr,
  kIa64Nats,    // IntNats: the NaT bits of r1 ... r31 (bit n: rn)
  kIa64F2 = 64, // the preserved f2 ... f5, then f16 ... f31: two words each, significand first
  kIa64Registers = 104,
};
// The low word of a preserved floating register (the high one follows); -1 for the others.
constexpr int ia64_float(int n) {
  if (n >= 2 && n <= 5) return kIa64F2 + 2 * (n - 2);
  if (n >= 16 && n <= 31) return kIa64F2 + 2 * (n - 12);
  return -1;
}
static_assert(ia64_float(31) + 2 == kIa64Registers);

constexpr std::uint64_t ia64_bundle(std::uint64_t pc) { return pc & ~std::uint64_t{15}; }
constexpr unsigned ia64_slot(std::uint64_t pc) { return (pc >> 2) & 3; }

// ia64_unwind.cpp
UnwindResult unwind_ia64(const UnwindInput& input);
std::optional<Settled> settle_ia64(const UnwindInput& input);
// ia64_bundle.cpp: is there a br.call in the bundle before `address`?
std::optional<bool> call_before_ia64(const memory::AddressSpace& memory, std::uint64_t address);
std::optional<CodeLine> code_line_ia64(std::span<const std::byte> code, std::uint64_t pc);

} // namespace dumptriage::arch
