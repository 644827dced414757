// KTRAP_FRAME, what the kernel saves when it is entered, and KSWITCH_FRAME, what a thread leaves at
// KTHREAD.KernelStack when it gives up its CPU.  Sources: _KTRAP_FRAME of Microsoft's public
// symbols (x86: NT 4 to Windows 10, x64: all); assembler constants of the public WDK (ksamd64.inc).
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kTrapFrameMark = 0xBADB0D00;

struct KTrapFrameX86 {
  /* 00 */ le32 DbgEbp;
  /* 04 */ le32 DbgEip;
  /* 08 */ le32 DbgArgMark;
  /* 0C */ le32 DbgArgPointer;
  /* 10 */ le32 TempSegCs;
  /* 14 */ le32 TempEsp;
  /* 18 */ le32 Dr[6];
  /* 30 */ le32 SegGs;
  /* 34 */ le32 SegEs;
  /* 38 */ le32 SegDs;
  /* 3C */ le32 Edx;
  /* 40 */ le32 Ecx;
  /* 44 */ le32 Eax;
  /* 48 */ le32 PreviousPreviousMode;
  /* 4C */ le32 ExceptionList;
  /* 50 */ le32 SegFs;
  /* 54 */ le32 Edi;
  /* 58 */ le32 Esi;
  /* 5C */ le32 Ebx;
  /* 60 */ le32 Ebp;
  /* 64 */ le32 ErrCode;
  /* 68 */ le32 Eip;
  /* 6C */ le32 SegCs;
  /* 70 */ le32 EFlags;
  // Pushed by the CPU only when it came from user mode.
  /* 74 */ le32 HardwareEsp;
  /* 78 */ le32 HardwareSegSs;
};
static_assert(sizeof(KTrapFrameX86) == 0x7C);
static_assert(offsetof(KTrapFrameX86, SegGs) == 0x30);
static_assert(offsetof(KTrapFrameX86, Edi) == 0x54);
static_assert(offsetof(KTrapFrameX86, Eip) == 0x68);
static_assert(offsetof(KTrapFrameX86, HardwareEsp) == 0x74);

struct KTrapFrameX64 {
  /* 000 */ le64 P1Home[5];
  /* 028 */ le8 PreviousMode, PreviousIrql, FaultIndicator, ExceptionActive;
  /* 02C */ le32 MxCsr;
  /* 030 */ le64 Rax, Rcx, Rdx, R8, R9, R10, R11;
  /* 068 */ le64 GsBase;
  /* 070 */ le64 Xmm[12];
  /* 0D0 */ le64 FaultAddress;
  /* 0D8 */ le64 Dr[6];
  /* 108 */ le64 DebugRegisters[5];
  /* 130 */ le16 SegDs, SegEs, SegFs, SegGs;
  /* 138 */ le64 TrapFrame;
  /* 140 */ le64 Rbx, Rdi, Rsi, Rbp;
  /* 160 */ le64 ErrorCode;
  /* 168 */ le64 Rip;
  /* 170 */ le64 SegCs; // two bytes of it
  /* 178 */ le32 EFlags, Fill;
  /* 180 */ le64 Rsp;
  /* 188 */ le64 SegSs;
};
static_assert(sizeof(KTrapFrameX64) == 0x190);
static_assert(offsetof(KTrapFrameX64, SegDs) == 0x130);
static_assert(offsetof(KTrapFrameX64, Rip) == 0x168);
static_assert(offsetof(KTrapFrameX64, Rsp) == 0x180);

struct KSwitchFrameX86 {
  /* 00 */ le32 ExceptionList;
  /* 04 */ le32 ApcBypassDisable;
  /* 08 */ le32 RetAddr; // into KiSwapContext
                         // What KiSwapContext saved, and its own return address.
  /* 0C */ le32 Ebp, Edi, Esi, Ebx;
  /* 1C */ le32 Return;
};
static_assert(sizeof(KSwitchFrameX86) == 0x20);

struct KSwitchFrameX64 { // Vista and later
  /* 00 */ le64 P1Home[5];
  /* 28 */ le64 ApcBypass; // one byte of it
  /* 30 */ le64 Rbp;
  /* 38 */ le64 Return; // into KiSwapContext
};
static_assert(sizeof(KSwitchFrameX64) == 0x40);

struct KSwitchFrameArm64 {
  /* 00 */ le64 ApcBypass; // one byte of it
  /* 08 */ le64 Tpidr;
  /* 10 */ le64 Fp;
  /* 18 */ le64 Return;
};
static_assert(sizeof(KSwitchFrameArm64) == 0x20);

} // namespace dumptriage::formats
