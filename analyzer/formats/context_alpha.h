// CONTEXT of Alpha (Windows NT 3.x, 4.0), as old public SDK headers and Wine's winnt.h publish it.
// The flags stand at the end, so x86 and Alpha contexts can be told apart in a dump header.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kContextAlpha = 0x00020000;
inline constexpr std::uint32_t kContextAlphaControl = 1;
inline constexpr std::uint32_t kContextAlphaFloat = 2;
inline constexpr std::uint32_t kContextAlphaInteger = 4;
inline constexpr std::uint32_t kContextAlphaSize = 0x230;

struct ContextAlpha {
  /* 000 */ le64 FltF[32];
  /* 100 */ le64 Int[32]; // r0 ... r31: V0 T0-T7 S0-S5 Fp A0-A5 T8-T11 Ra T12 At Gp Sp Zero
  /* 200 */ le64 Fpcr, SoftFpcr, Fir;
  /* 218 */ le32 Psr, ContextFlags;
  /* 220 */ le32 Fill[4];
};
static_assert(sizeof(ContextAlpha) == kContextAlphaSize);
static_assert(offsetof(ContextAlpha, Int) == 0x100);
static_assert(offsetof(ContextAlpha, Fir) == 0x210);
static_assert(offsetof(ContextAlpha, ContextFlags) == 0x21C);

} // namespace dumptriage::formats
