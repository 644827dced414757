// CONTEXT of x64 (AMD64), as winnt.h of the public SDK publishes it, up to the floating state.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kContextX64 = 0x00100000;
inline constexpr std::uint32_t kContextX64Control = 1;  // SegSs Rsp SegCs Rip EFlags
inline constexpr std::uint32_t kContextX64Integer = 2;  // Rax Rcx Rdx Rbx Rbp Rsi Rdi R8-R15
inline constexpr std::uint32_t kContextX64Segments = 4; // SegDs SegEs SegFs SegGs
inline constexpr std::uint32_t kContextX64Size = 0x4D0;

struct ContextX64 {
  /* 00 */ le64 P1Home, P2Home, P3Home, P4Home, P5Home, P6Home;
  /* 30 */ le32 ContextFlags, MxCsr;
  /* 38 */ le16 SegCs, SegDs, SegEs, SegFs, SegGs, SegSs;
  /* 44 */ le32 EFlags;
  /* 48 */ le64 Dr0, Dr1, Dr2, Dr3, Dr6, Dr7;
  /* 78 */ le64 Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi;
  /* B8 */ le64 R8, R9, R10, R11, R12, R13, R14, R15;
  /* F8 */ le64 Rip;
  // 100: FltSave (512 bytes), 300: VectorRegister, 4A0: VectorControl ... LastExceptionFromRip
};
static_assert(sizeof(ContextX64) == 0x100);
static_assert(offsetof(ContextX64, ContextFlags) == 0x30);
static_assert(offsetof(ContextX64, SegCs) == 0x38);
static_assert(offsetof(ContextX64, EFlags) == 0x44);
static_assert(offsetof(ContextX64, Rax) == 0x78);
static_assert(offsetof(ContextX64, Rsp) == 0x98);
static_assert(offsetof(ContextX64, R8) == 0xB8);
static_assert(offsetof(ContextX64, Rip) == 0xF8);

} // namespace dumptriage::formats
