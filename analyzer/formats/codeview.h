// CodeView debug records: of an image's debug directory (type 2) and of a minidump module
// (CvRecord). RSDS and NB10 name a PDB, NB09 and NB11 embed their symbols; "BpEL" is Breakpad's ELF
// build id (Breakpad, minidump_format.h).  Names behind the fixed part are char strings ending in
// NUL.
#pragma once

#include <array>
#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kCvSignatureRsds = 0x53445352;
inline constexpr std::uint32_t kCvSignatureNb09 = 0x3930424E;
inline constexpr std::uint32_t kCvSignatureNb10 = 0x3031424E;
inline constexpr std::uint32_t kCvSignatureNb11 = 0x3131424E;
inline constexpr std::uint32_t kCvSignatureElf = 0x4270454C;

struct CV_INFO_PDB70 {
  /*00*/ le32 CvSignature;
  /*04*/ std::array<std::uint8_t, 16> Signature; // GUID
  /*14*/ le32 Age;
  // PdbFileName follows
};
static_assert(sizeof(CV_INFO_PDB70) == 0x18);
static_assert(offsetof(CV_INFO_PDB70, Age) == 0x14);

struct CV_INFO_PDB20 {
  /*00*/ le32 CvSignature;
  /*04*/ le32 Offset;    // 0 for a separate PDB
  /*08*/ le32 Signature; // time stamp
  /*0c*/ le32 Age;
  // PdbFileName follows
};
static_assert(sizeof(CV_INFO_PDB20) == 0x10);
static_assert(offsetof(CV_INFO_PDB20, Age) == 0x0c);

// IMAGE_DEBUG_MISC: the name of the .DBG file (NT 4, 2000).
inline constexpr std::uint32_t kImageDebugMiscExeName = 1;
struct IMAGE_DEBUG_MISC {
  /*00*/ le32 DataType;
  /*04*/ le32 Length;
  /*08*/ le8 Unicode;
  /*09*/ std::array<std::uint8_t, 3> Reserved;
  // Data follows
};
static_assert(sizeof(IMAGE_DEBUG_MISC) == 0x0c);

} // namespace dumptriage::formats
