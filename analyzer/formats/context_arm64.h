// CONTEXT of ARM64 (ARM64_NT_CONTEXT), as winnt.h of the public SDK publishes it, up to the
// vectors.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kContextArm64 = 0x00400000;
inline constexpr std::uint32_t kContextArm64Control = 1; // Fp Lr Sp Pc Cpsr
inline constexpr std::uint32_t kContextArm64Integer = 2; // X0-X28
inline constexpr std::uint32_t kContextArm64Size = 0x390;

struct ContextArm64 {
  /* 000 */ le32 ContextFlags, Cpsr;
  /* 008 */ le64 X[29];
  /* 0F0 */ le64 Fp, Lr, Sp, Pc;
  // 110: V[32], 310: Fpcr, Fpsr, 318: Bcr, Bvr, Wcr, Wvr
};
static_assert(sizeof(ContextArm64) == 0x110);
static_assert(offsetof(ContextArm64, X) == 0x08);
static_assert(offsetof(ContextArm64, Fp) == 0xF0);
static_assert(offsetof(ContextArm64, Sp) == 0x100);
static_assert(offsetof(ContextArm64, Pc) == 0x108);

} // namespace dumptriage::formats
