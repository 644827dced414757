// What stands behind the header of kernel dumps that hold pages: SUMMARY_DUMP, the bitmap header of
// Windows 8 and later, RDMP.
// Sources: Microsoft Singularity RDK Dump.h (summary), volatility3 and kdmp-parser (bitmap, RDMP).
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kTagSdmp = 0x504D4453; // "SDMP"
inline constexpr std::uint32_t kTagFdmp = 0x504D4446; // "FDMP"
inline constexpr std::uint32_t kTagDump = 0x504D5544; // "DUMP"
inline constexpr std::uint32_t kTagRdmp = 0x504D4452; // "RDMP"

struct SummaryDump { // the same for 32 and 64 bits as far as this; an RTL_BITMAP's pointer follows
  /* 00 */ le32 Signature, ValidDump;
  /* 08 */ le32 DumpOptions;  // 1 kernel, 2 user addresses
  /* 0C */ le32 HeaderSize;   // file offset of the first page
  /* 10 */ le32 BitmapSize;   // bits
  /* 14 */ le32 Pages;        // set bits
  /* 18 */ le32 SizeOfBitMap; // of the RTL_BITMAP: bits again
};
static_assert(sizeof(SummaryDump) == 0x1C);
static_assert(offsetof(SummaryDump, BitmapSize) == 0x10);
inline constexpr std::uint32_t kSummaryBits32 = 0x20; // where the bits begin
inline constexpr std::uint32_t kSummaryBits64 = 0x28;

struct BitmapDump {
  /* 00 */ le32 Signature, ValidDump, DumpOptions;
  /* 0C */ std::uint8_t Unknown[20];
  /* 20 */ le64 FirstPage; // file offset; need not be page aligned
  /* 28 */ le64 TotalPresentPages;
  /* 30 */ le64 Pages; // bits, which follow
};
static_assert(sizeof(BitmapDump) == 0x38);
static_assert(offsetof(BitmapDump, FirstPage) == 0x20);

struct RdmpDump {
  /* 00 */ le32 Marker; // 0x40
  /* 04 */ le32 Signature, ValidDump, Reserved1;
  /* 10 */ le64 MetadataSize; // of what stands between +20 and the first page
  /* 18 */ le64 FirstPageOffset;
  /* 20 */ le32 NumberOfRanges; // this and the total in complete dumps only, else unknown
  /* 24 */ le16 Reserved2, Reserved3;
  /* 28 */ le64 TotalNumberOfPages;
};
static_assert(sizeof(RdmpDump) == 0x30);
static_assert(offsetof(RdmpDump, MetadataSize) == 0x10);
static_assert(offsetof(RdmpDump, TotalNumberOfPages) == 0x28);
inline constexpr std::uint32_t kRdmpMarker = 0x40;

struct RdmpRange { // behind RdmpDump
  /* 00 */ le64 BasePage, PageCount;
};
static_assert(sizeof(RdmpRange) == 0x10);

} // namespace dumptriage::formats
