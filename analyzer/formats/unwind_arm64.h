// The function table and unwind data of ARM64, as "ARM64 exception handling" on learn.microsoft.com
// publishes them; KTRAP_FRAME as in the ARM64 unwinder of dotnet/runtime (MIT).
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

struct RuntimeFunctionArm64 {
  /* 0 */ le32 BeginAddress; // rva
  /* 4 */ le32 UnwindData;   // rva of .xdata, or with a Flag in bits 1:0 packed data
};
static_assert(sizeof(RuntimeFunctionArm64) == 8);

enum RuntimeFunctionFlagArm64 : unsigned {
  kArm64FlagXdata = 0,
  kArm64FlagPacked = 1,         // one prologue and one epilogue, at the edges of the range
  kArm64FlagPackedFragment = 2, // neither
  kArm64FlagReserved = 3,
};

// UnwindData when its Flag is not 0.
struct PackedUnwindArm64 {
  std::uint32_t value;
  constexpr unsigned flag() const { return value & 3; }
  constexpr std::uint32_t function_length() const { return (value >> 2 & 0x7FF) * 4; } // bytes
  constexpr unsigned reg_f() const { return value >> 13 & 7; } // RegF + 1 of d8 ..., 0: none
  constexpr unsigned reg_i() const { return value >> 16 & 15; }
  constexpr bool homes() const { return value >> 20 & 1; } // H: x0 ... x7 are stored
  constexpr unsigned cr() const { return value >> 21 & 3; }
  constexpr std::uint32_t frame_size() const { return (value >> 23) * 16; } // bytes
};
enum PackedReturnArm64 : unsigned {
  kArm64Unchained = 0,
  kArm64UnchainedSavesLr = 1,
  kArm64ChainedSigned = 2, // behind pacibsp
  kArm64Chained = 3,
};

// First word of .xdata.
struct XdataHeaderArm64 {
  /* 0 */ le32 Word;
  std::uint32_t function_length() const { return (Word & 0x3FFFF) * 4; } // bytes
  unsigned version() const { return Word >> 18 & 3; }
  bool has_handler() const { return Word >> 20 & 1; }         // X
  bool epilogue_in_header() const { return Word >> 21 & 1; }  // E
  unsigned epilogue_count() const { return Word >> 22 & 31; } // with E: index of its first code
  unsigned code_words() const { return Word >> 27; }
  bool extended() const { return Word >> 22 == 0; } // a second word follows
};
static_assert(sizeof(XdataHeaderArm64) == 4);

struct XdataExtensionArm64 {
  /* 0 */ le32 Word;
  unsigned epilogue_count() const { return Word & 0xFFFF; }
  unsigned code_words() const { return Word >> 16 & 0xFF; }
};
static_assert(sizeof(XdataExtensionArm64) == 4);

struct EpilogueScopeArm64 {
  /* 0 */ le32 Word;
  std::uint32_t start() const { return (Word & 0x3FFFF) * 4; } // bytes behind the begin
  unsigned code_index() const { return Word >> 22; }
};
static_assert(sizeof(EpilogueScopeArm64) == 4);

// First byte of an unwind code.  Below kArm64AllocL the operation takes only its upper bits; the
// least value is given.
enum UnwindCodeArm64 : std::uint8_t {
  kArm64AllocS = 0x00,      // 000xxxxx
  kArm64SaveR19R20X = 0x20, // 001zzzzz
  kArm64SaveFpLr = 0x40,    // 01zzzzzz
  kArm64SaveFpLrX = 0x80,   // 10zzzzzz
  kArm64AllocM = 0xC0,      // 11000xxx xxxxxxxx
  kArm64SaveRegP = 0xC8,    // 110010xx xxzzzzzz
  kArm64SaveRegPX = 0xCC,   // 110011xx xxzzzzzz
  kArm64SaveReg = 0xD0,     // 110100xx xxzzzzzz
  kArm64SaveRegX = 0xD4,    // 1101010x xxxzzzzz
  kArm64SaveLrPair = 0xD6,  // 1101011x xxzzzzzz
  kArm64SaveFRegP = 0xD8,   // 1101100x xxzzzzzz
  kArm64SaveFRegPX = 0xDA,  // 1101101x xxzzzzzz
  kArm64SaveFReg = 0xDC,    // 1101110x xxzzzzzz
  kArm64SaveFRegX = 0xDE,   // 11011110 xxxzzzzz
  kArm64AllocZ = 0xDF,      // 11011111 zzzzzzzz: in lengths of the CPU's scalable vectors
  kArm64AllocL = 0xE0,      // 11100000 and three bytes
  kArm64SetFp = 0xE1,
  kArm64AddFp = 0xE2, // and one byte
  kArm64Nop = 0xE3,
  kArm64End = 0xE4,
  kArm64EndC = 0xE5,
  kArm64SaveNext = 0xE6,
  kArm64SaveAnyReg = 0xE7, // 0pxrrrrr ffoooooo
  kArm64TrapFrame = 0xE8,
  kArm64MachineFrame = 0xE9,
  kArm64Context = 0xEA,
  kArm64EcContext = 0xEB,
  kArm64ClearUnwoundToCall = 0xEC,
  kArm64Reserved2 = 0xF8, // and one byte; F9 to FB and two to four
  kArm64PacSignLr = 0xFC,
};

struct KTrapFrameArm64 {
  /* 000 */ le8 ExceptionActive, ContextFromKFramesUnwound, DebugRegistersValid, PreviousMode;
  /* 004 */ le32 FaultStatus;
  /* 008 */ le64 FaultAddress;
  /* 010 */ le64 VfpState;
  /* 018 */ le32 Bcr[8];
  /* 038 */ le64 Bvr[8];
  /* 078 */ le32 Wcr[2];
  /* 080 */ le64 Wvr[2];
  /* 090 */ le32 Spsr, Esr;
  /* 098 */ le64 Sp;
  /* 0A0 */ le64 X[19];
  /* 138 */ le64 Lr, Fp, Pc;
};
static_assert(sizeof(KTrapFrameArm64) == 0x150);
static_assert(offsetof(KTrapFrameArm64, Bvr) == 0x38);
static_assert(offsetof(KTrapFrameArm64, Spsr) == 0x90);
static_assert(offsetof(KTrapFrameArm64, X) == 0xA0);
static_assert(offsetof(KTrapFrameArm64, Pc) == 0x148);

// MSFT_OP_MACHINE_FRAME
struct MachineFrameArm64 {
  /* 0 */ le64 Sp, Pc;
};
static_assert(sizeof(MachineFrameArm64) == 0x10);

} // namespace dumptriage::formats
