// CONTEXT of 32-bit x86, as winnt.h of the public SDK publishes it.  NT 3.x and 4.0 end it at 0xCC,
// before ExtendedRegisters; the part up to there never changed, and WOW64_CONTEXT is the same.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kContextX86 = 0x00010000;
inline constexpr std::uint32_t kContextX86Control = 1;  // SegSs Esp EFlags SegCs Eip Ebp
inline constexpr std::uint32_t kContextX86Integer = 2;  // Edi Esi Ebx Edx Ecx Eax
inline constexpr std::uint32_t kContextX86Segments = 4; // SegGs SegFs SegEs SegDs
inline constexpr std::uint32_t kContextX86Nt4Size = 0xCC;
inline constexpr std::uint32_t kContextX86Size = 0x2CC;

struct ContextX86 {
  /* 00 */ le32 ContextFlags;
  /* 04 */ le32 Dr0, Dr1, Dr2, Dr3, Dr6, Dr7;
  /* 1C */ std::uint8_t FloatSave[0x70];
  /* 8C */ le32 SegGs, SegFs, SegEs, SegDs;
  /* 9C */ le32 Edi, Esi, Ebx, Edx, Ecx, Eax;
  /* B4 */ le32 Ebp, Eip, SegCs, EFlags, Esp, SegSs;
};
static_assert(sizeof(ContextX86) == kContextX86Nt4Size);
static_assert(offsetof(ContextX86, SegGs) == 0x8C);
static_assert(offsetof(ContextX86, Edi) == 0x9C);
static_assert(offsetof(ContextX86, Ebp) == 0xB4);
static_assert(offsetof(ContextX86, Eip) == 0xB8);
static_assert(offsetof(ContextX86, Esp) == 0xC4);

} // namespace dumptriage::formats
