// CodeView symbol records of all times (16-bit types of CodeView 4, length-prefixed names of
// CodeView 5, zero-terminated ones of PDB 7) and the line tables before C13.  Sources:
// microsoft/microsoft-pdb (MIT): cvinfo.h, cvdump; "Visual C++ 5.0 Symbolic Debug Information
// Specification".  Layouts only.
#pragma once

#include <cstddef>

#include "base/wire.h"
#include "formats/pdb7.h"

namespace dumptriage::formats {

// Names behind these records have their length in front, as the suffix _ST says, unless said
// otherwise.  "16t": the type's index has 16 bits.
enum CvOldRecordKind : std::uint16_t {
  kCvCompile = 0x0001,
  kCvPublic32Type16 = 0x0203,
  kCvLocalProc32Type16 = 0x0204,
  kCvGlobalProc32Type16 = 0x0205,
  kCvThunk32St = 0x0206,
  kCvLocalProcMipsType16 = 0x0300,
  kCvGlobalProcMipsType16 = 0x0301,
  // References have a name behind them that their length does not count.
  kCvProcRefSt = 0x0400,
  kCvDataRefSt = 0x0401,
  kCvAlign = 0x0402,
  kCvLocalProcRefSt = 0x0403,
  kCvPublic32St = 0x1009,
  kCvLocalProc32St = 0x100A,
  kCvGlobalProc32St = 0x100B,
  kCvLocalProcMipsSt = 0x1010,
  kCvGlobalProcMipsSt = 0x1011,
  kCvLocalProcIa64St = 0x1015,
  kCvGlobalProcIa64St = 0x1016,
  // Zero-terminated names.
  kCvLocalProcMips = 0x1114,
  kCvGlobalProcMips = 0x1115,
  kCvLocalProcIa64 = 0x1118,
  kCvGlobalProcIa64 = 0x1119,
};

// S_PUB32_16t with its prefix.
struct CvPublic32Type16 {
  /* 00 */ CvRecordPrefix Prefix;
  /* 04 */ le32 off;
  /* 08 */ le16 seg;
  /* 0A */ le16 typind;
};
static_assert(sizeof(CvPublic32Type16) == 0x0C);

// S_GPROC32_16t, S_LPROC32_16t.
struct CvProc32Type16 {
  /* 00 */ CvRecordPrefix Prefix;
  /* 04 */ le32 pParent;
  /* 08 */ le32 pEnd;
  /* 0C */ le32 pNext;
  /* 10 */ le32 len;
  /* 14 */ le32 DbgStart;
  /* 18 */ le32 DbgEnd;
  /* 1C */ le32 off;
  /* 20 */ le16 seg;
  /* 22 */ le16 typind;
  /* 24 */ le8 flags;
};
static_assert(sizeof(CvProc32Type16) == 0x25);
static_assert(offsetof(CvProc32Type16, off) == 0x1C);

// S_GPROCMIPS_16t, S_LPROCMIPS_16t.
struct CvProcMipsType16 {
  /* 00 */ CvRecordPrefix Prefix;
  /* 04 */ le32 pParent;
  /* 08 */ le32 pEnd;
  /* 0C */ le32 pNext;
  /* 10 */ le32 len;
  /* 14 */ le32 DbgStart;
  /* 18 */ le32 DbgEnd;
  /* 1C */ le32 regSave;
  /* 20 */ le32 fpSave;
  /* 24 */ le32 intOff;
  /* 28 */ le32 fpOff;
  /* 2C */ le32 off;
  /* 30 */ le16 seg;
  /* 32 */ le16 typind;
  /* 34 */ le8 retReg;
  /* 35 */ le8 frameReg;
};
static_assert(sizeof(CvProcMipsType16) == 0x36);
static_assert(offsetof(CvProcMipsType16, off) == 0x2C);

// S_GPROCMIPS and S_LPROCMIPS with types of 32 bits, both kinds of names.
struct CvProcMips {
  /* 00 */ CvRecordPrefix Prefix;
  /* 04 */ le32 pParent;
  /* 08 */ le32 pEnd;
  /* 0C */ le32 pNext;
  /* 10 */ le32 len;
  /* 14 */ le32 DbgStart;
  /* 18 */ le32 DbgEnd;
  /* 1C */ le32 regSave;
  /* 20 */ le32 fpSave;
  /* 24 */ le32 intOff;
  /* 28 */ le32 fpOff;
  /* 2C */ le32 typind;
  /* 30 */ le32 off;
  /* 34 */ le16 seg;
  /* 36 */ le8 retReg;
  /* 37 */ le8 frameReg;
};
static_assert(sizeof(CvProcMips) == 0x38);
static_assert(offsetof(CvProcMips, off) == 0x30);

// S_GPROCIA64 and S_LPROCIA64, both kinds of names.
struct CvProcIa64 {
  /* 00 */ CvRecordPrefix Prefix;
  /* 04 */ le32 pParent;
  /* 08 */ le32 pEnd;
  /* 0C */ le32 pNext;
  /* 10 */ le32 len;
  /* 14 */ le32 DbgStart;
  /* 18 */ le32 DbgEnd;
  /* 1C */ le32 typind;
  /* 20 */ le32 off;
  /* 24 */ le16 seg;
  /* 26 */ le16 retReg;
  /* 28 */ le8 flags;
};
static_assert(sizeof(CvProcIa64) == 0x29);
static_assert(offsetof(CvProcIa64, off) == 0x20);

// S_COMPILE with its prefix.
struct CvCompile {
  /* 00 */ CvRecordPrefix Prefix;
  /* 04 */ le8 machine; // CV_CPU_TYPE_e: 0 to 7 are x86
};
static_assert(sizeof(CvCompile) == 5);
inline constexpr unsigned kCvLastX86 = 7;

// sstSrcModule, and the lines of a compiland before C13.  Followed by
//   le32 baseSrcFile[cFile];  {le32 start, end}[cSeg];  le16 seg[cSeg].
// All bases count from here.
struct OmfSourceModule {
  /* 00 */ le16 cFile;
  /* 02 */ le16 cSeg;
};
static_assert(sizeof(OmfSourceModule) == 4);

// Followed by  le32 baseSrcLn[cSeg];  {le32 start, end}[cSeg];  the name, its length (one byte) in
// front.  `end` is the last byte's offset.
struct OmfSourceFile {
  /* 00 */ le16 cSeg;
  /* 02 */ le16 reserved;
};
static_assert(sizeof(OmfSourceFile) == 4);

// Followed by  le32 offset[cLnOff];  le16 lineNbr[cLnOff].
struct OmfSourceLine {
  /* 00 */ le16 Seg;
  /* 02 */ le16 cLnOff;
};
static_assert(sizeof(OmfSourceLine) == 4);

} // namespace dumptriage::formats
