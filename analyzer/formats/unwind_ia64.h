// UNWIND_INFO of Itanium under Windows, and the unwind descriptors in it.
//
// The head is measured on images of MSVC 8 to 10 (64 images, 9,544 functions); the descriptors are
// those of the Itanium Software Conventions and Runtime Architecture Guide (Intel 245358), appendix
// B, which ELF systems use with the same bytes behind a head of their own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/wire.h"

namespace dumptriage::formats {

struct UnwindInfoIa64 {
  /* 0 */ le16 Version;
  /* 2 */ le16 Flags;
  /* 4 */ le32 Length; // of the descriptors, in words of 8 bytes; zeros fill the last
  // 8: descriptors, then, with a handler, its rva and language data
};
static_assert(sizeof(UnwindInfoIa64) == 8);
static_assert(offsetof(UnwindInfoIa64, Length) == 4);

inline constexpr unsigned kUnwindVersionIa64 = 3;
inline constexpr unsigned kUnwindIa64ExceptionHandler = 1;
inline constexpr unsigned kUnwindIa64TerminationHandler = 2;

// First bytes.  Where the lower bits are part of the operands, the least value is given; which of
// the tables P and B holds depends on the region that the descriptor stands in.
enum DescriptorIa64 : std::uint8_t {
  // Regions
  kIa64R1 = 0x00, // 00r rlen(5)
  kIa64R2 = 0x40, // 01000 mask(3 of 4) | mask(1) gr(7) | ULEB rlen
  kIa64R3 = 0x60, // 0110000r | ULEB rlen
  // In prologues
  kIa64P1 = 0x80,  // 100 brmask(5)
  kIa64P2 = 0xA0,  // 1010 brmask(4 of 5) | brmask(1) gr(7)
  kIa64P3 = 0xB0,  // 10110 r(3 of 4) | r(1) gr or br(7)
  kIa64P4 = 0xB8,  // | two bits for each slot of the region
  kIa64P5 = 0xB9,  // | grmask(4) frmask(20)
  kIa64P6 = 0xC0,  // 110r mask(4)
  kIa64P7 = 0xE0,  // 1110 r(4) | ULEB t or offset | ULEB size where r = 0
  kIa64P8 = 0xF0,  // | r(8) | ULEB t or offset
  kIa64P9 = 0xF1,  // | 0000 grmask(4) | 0 gr(7)
  kIa64P10 = 0xFF, // | abi(8) | context(8)
  // In bodies
  kIa64B1 = 0x80, // 10r label(5)
  kIa64B2 = 0xC0, // 110 ecount(5) | ULEB t
  kIa64B3 = 0xE0, // | ULEB t | ULEB ecount
  kIa64B4 = 0xF0, // 1111r000 | ULEB label
  // In both
  kIa64X1 = 0xF9, // | r(1) reg(7) | ULEB t | ULEB offset
  kIa64X2 = 0xFA, // | x(1) reg(7) | y(1) treg(7) | ULEB t
  kIa64X3 = 0xFB, // | r(1) 0 qp(6) | 0 reg(7) | ULEB t | ULEB offset
  kIa64X4 = 0xFC, // | 00 qp(6) | x(1) reg(7) | y(1) treg(7) | ULEB t
};

// Two bits of P4, for one slot: a register of which class is saved there.
enum SpillMaskIa64 : unsigned {
  kIa64SpillNone = 0,
  kIa64SpillFloat = 1,
  kIa64SpillGeneral = 2,
  kIa64SpillBranch = 3,
};

// The field `reg` of X1 ... X4: a class in bits 6:5 and a number.
enum UnwindRegisterIa64 : std::uint8_t {
  kIa64UnwindGr = 0x00,
  kIa64UnwindFr = 0x20,
  kIa64UnwindBr = 0x40,
  kIa64UnwindPreds = 0x60,
  kIa64UnwindPsp,
  kIa64UnwindPriunat,
  kIa64UnwindRp,
  kIa64UnwindBsp,
  kIa64UnwindBspStore,
  kIa64UnwindRnat,
  kIa64UnwindUnat,
  kIa64UnwindFpsr,
  kIa64UnwindPfs,
  kIa64UnwindLc,
  kIa64UnwindRegisters,
};

} // namespace dumptriage::formats
