// CONTEXT of Itanium (IA64), in the order of winnt.h of the public SDK.  Registers r32 and up are
// not in it: they lie in the register backing store.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kContextIa64 = 0x00080000;
inline constexpr std::uint32_t kContextIa64Control = 1;
inline constexpr std::uint32_t kContextIa64LowerFloat = 2;  // f2 ... f31
inline constexpr std::uint32_t kContextIa64HigherFloat = 4; // f32 ... f127
inline constexpr std::uint32_t kContextIa64Integer = 8;
inline constexpr std::uint32_t kContextIa64Size = 0xA70;

struct ContextIa64 {
  /* 000 */ le32 ContextFlags, Fill1[3];
  /* 010 */ le64 DbI[8], DbD[8];
  /* 090 */ std::uint8_t Flt[126 * 16]; // f2 ... f127
  /* 870 */ le64 StFPSR;
  /* 878 */ le64 Int[31]; // r1 ... r31, in order of number
  /* 970 */ le64 IntNats, Preds;
  /* 980 */ le64 Br[8]; // b0 (rp) ... b7
  /* 9C0 */ le64 ApUNAT, ApLC, ApEC, ApCCV, ApDCR;
  /* 9E8 */ le64 RsPFS, RsBSP, RsBSPSTORE, RsRSC, RsRNAT;
  /* A10 */ le64 StIPSR, StIIP, StIFS;
  /* A28 */ le64 StFCR, Eflag, SegCSD, SegSSD, Cflag, StFSR, StFIR, StFDR, UnusedPack;
};
static_assert(sizeof(ContextIa64) == kContextIa64Size);
static_assert(offsetof(ContextIa64, Flt) == 0x90);
static_assert(offsetof(ContextIa64, StFPSR) == 0x870);
static_assert(offsetof(ContextIa64, Br) == 0x980);
static_assert(offsetof(ContextIa64, RsPFS) == 0x9E8);
static_assert(offsetof(ContextIa64, StIIP) == 0xA18);

} // namespace dumptriage::formats
