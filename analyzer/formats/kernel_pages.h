// What stands behind the header of kernel dumps that hold pages: SUMMARY_DUMP, the bitmap header of
// Windows 8 and later, RDMP.  Read here for kinds and sizes only.
// Sources: Microsoft Singularity RDK Dump.h (summary), volatility3 and kdmp-parser (bitmap, RDMP).
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kTagSdmp = 0x504D4453; // "SDMP"
inline constexpr std::uint32_t kTagFdmp = 0x504D4446; // "FDMP"
inline constexpr std::uint32_t kTagDump = 0x504D5544; // "DUMP"
inline constexpr std::uint32_t kTagRdmp = 0x504D4452; // "RDMP"

struct SummaryDump { // the same for 32 and 64 bits as far as this
  /* 00 */ le32 Signature, ValidDump, DumpOptions;
  /* 0C */ le32 HeaderSize; // file offset of the first page
  /* 10 */ le32 BitmapSize; // bits
  /* 14 */ le32 Pages;      // set bits
};
static_assert(sizeof(SummaryDump) == 0x18);

struct BitmapDump {
  /* 00 */ le32 Signature, ValidDump;
  /* 08 */ std::uint8_t Unknown[24];
  /* 20 */ le64 FirstPage; // file offset; need not be page aligned
  /* 28 */ le64 TotalPresentPages;
  /* 30 */ le64 Pages; // bits
};
static_assert(sizeof(BitmapDump) == 0x38);
static_assert(offsetof(BitmapDump, FirstPage) == 0x20);

struct RdmpDump {
  /* 00 */ le32 Marker; // 0x40
  /* 04 */ le32 Signature, ValidDump, Pad;
  /* 10 */ le64 MetadataSize, FirstPageOffset;
  /* 20 */ le32 NumberOfRanges, Pad24; // these two in complete dumps only
  /* 28 */ le64 TotalNumberOfPages;
};
static_assert(sizeof(RdmpDump) == 0x30);
static_assert(offsetof(RdmpDump, MetadataSize) == 0x10);
static_assert(offsetof(RdmpDump, TotalNumberOfPages) == 0x28);

} // namespace dumptriage::formats
