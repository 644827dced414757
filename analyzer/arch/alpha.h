// Alpha's registers by number.  Private to this room and to tests.
// Sources: "Windows NT for Alpha Systems Calling Standard" (MSDN Library, April 2000); CONTEXT for
// Alpha of old public headers, kept in Wine's winnt.h.
#pragma once

#include <cstdint>

#include "arch/arch.h"

namespace dumptriage::arch {

enum AlphaRegister {
  kAlphaV0 = 0,
  kAlphaS0 = 9, // s0 ... s5 are 9 ... 14, preserved
  kAlphaFp = 15,
  kAlphaA0 = 16,
  kAlphaRa = 26,
  kAlphaT12 = 27,
  kAlphaGp = 29,
  kAlphaSp = 30,
  kAlphaZero = 31,
  kAlphaFir = 32,
  kAlphaPsr = 33,
  kAlphaF2 = 34, // f2 ... f9, preserved
  kAlphaRegisters = 42,
};

// alpha_unwind.cpp.  The first cuts addresses to 32 bits, the second has 64 (Alpha64).
UnwindResult unwind_alpha(const UnwindInput& input);
UnwindResult unwind_alpha64(const UnwindInput& input);
// alpha_decode.cpp
std::optional<bool> call_before_alpha(const memory::AddressSpace& memory, std::uint64_t address);
std::optional<CodeLine> code_line_alpha(std::span<const std::byte> code, std::uint64_t pc);

} // namespace dumptriage::arch
