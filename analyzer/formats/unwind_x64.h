// RUNTIME_FUNCTION and UNWIND_INFO of x64, as "x64 exception handling" on learn.microsoft.com
// publishes them; version 2 adds the operation EPILOG (LLVM's Win64EH.h).
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

struct RuntimeFunctionX64 {
  /* 0 */ le32 BeginAddress, EndAddress, UnwindData; // rvas
};
static_assert(sizeof(RuntimeFunctionX64) == 12);
// Set in UnwindData: it is the rva (less 1) of another RUNTIME_FUNCTION, whose data counts.
inline constexpr std::uint32_t kRuntimeFunctionIndirect = 1;

struct UnwindInfoX64 {
  /* 0 */ std::uint8_t VersionFlags; // version in bits 2:0, flags in bits 7:3
  /* 1 */ std::uint8_t SizeOfProlog;
  /* 2 */ std::uint8_t CountOfCodes; // slots of two bytes; the array is padded to an even number
  /* 3 */ std::uint8_t Frame;        // register in bits 3:0 (0 = none), offset / 16 in bits 7:4
  // 4: UNWIND_CODE[CountOfCodes], then a handler rva or the RUNTIME_FUNCTION of the chained info
  int version() const { return VersionFlags & 7; }
  int flags() const { return VersionFlags >> 3; }
  int frame_register() const { return Frame & 15; }
  std::uint32_t frame_offset() const { return (Frame >> 4) * 16u; }
};
static_assert(sizeof(UnwindInfoX64) == 4);

inline constexpr int kUnwindFlagExceptionHandler = 1;
inline constexpr int kUnwindFlagTerminationHandler = 2;
inline constexpr int kUnwindFlagChained = 4;

struct UnwindCodeX64 {
  /* 0 */ std::uint8_t CodeOffset; // of the end of the instruction that does it
  /* 1 */ std::uint8_t OpInfo;     // operation in bits 3:0, its argument in bits 7:4
};
static_assert(sizeof(UnwindCodeX64) == 2);

enum UnwindOperationX64 {
  kUwopPushNonvol = 0,
  kUwopAllocLarge = 1,
  kUwopAllocSmall = 2,
  kUwopSetFpreg = 3,
  kUwopSaveNonvol = 4,
  kUwopSaveNonvolFar = 5,
  // Version 2 only, in front of all others.  The first: length of every epilogue in CodeOffset, bit
  // 0 of the argument: one ends with the function.  The others: 12 bits of the distance of an
  // epilogue's begin from the function's end, 0 = padding.
  kUwopEpilog = 6,
  kUwopSaveXmm128 = 8,
  kUwopSaveXmm128Far = 9,
  kUwopPushMachframe = 10,
};

} // namespace dumptriage::formats
