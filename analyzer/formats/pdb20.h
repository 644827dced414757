// PDB 2.00, which linkers before VC 7 wrote: its container (MSF with pages of 16-bit numbers) and
// the forms of the DBI stream before those in pdb7.h.  Sources: microsoft/microsoft-pdb (MIT), for
// the DBI stream; measured files, for the container.  Layouts only.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::string_view kMsf20Magic = "Microsoft C/C++ program database 2.00\r\n\x1aJG";

// The page list of the root stream (le16) follows.
struct Msf20Header {
  /* 00 */ char Magic[0x2C];
  /* 2C */ le32 PageSize;
  /* 30 */ le16 FreePageMap;
  /* 32 */ le16 PageCount;
  /* 34 */ le32 RootSize;
  /* 38 */ le32 Reserved;
};
static_assert(sizeof(Msf20Header) == 0x3C);
static_assert(offsetof(Msf20Header, RootSize) == 0x34);

// The root stream: this, `StreamCount` entries, then the page lists (le16) of all streams in order.
struct Msf20Root {
  /* 00 */ le16 StreamCount;
  /* 02 */ le16 Reserved;
};
static_assert(sizeof(Msf20Root) == 4);

struct Msf20Stream {
  /* 00 */ le32 Size; // 0xFFFFFFFF: no such stream
  /* 04 */ le32 Reserved;
};
static_assert(sizeof(Msf20Stream) == 8);

struct Pdb20InfoHeader {
  /* 00 */ le32 Version;
  /* 04 */ le32 Signature; // the time stamp in an image's NB10 record
  /* 08 */ le32 Age;
};
static_assert(sizeof(Pdb20InfoHeader) == 0x0C);
inline constexpr std::uint32_t kPdbVersionVc4 = 19950623; // the first whose compilands are read

// The DBI stream of linkers before VC 5; later ones begin with 0xFFFFFFFF (PdbDbiHeader).
struct PdbOldDbiHeader {
  /* 00 */ le16 GlobalStreamIndex;
  /* 02 */ le16 PublicStreamIndex;
  /* 04 */ le16 SymRecordStream;
  /* 06 */ le16 Padding;
  /* 08 */ le32 ModInfoSize;
  /* 0C */ le32 SectionContributionSize;
  /* 10 */ le32 SectionMapSize;
  /* 14 */ le32 SourceInfoSize;
};
static_assert(sizeof(PdbOldDbiHeader) == 0x18);
inline constexpr std::uint32_t kDbiVersion60 = 19970606; // before it, the two structures below

struct PdbSectionContribution40 {
  /* 00 */ le16 Section;
  /* 02 */ le16 Padding1;
  /* 04 */ le32 Offset;
  /* 08 */ le32 Size;
  /* 0C */ le32 Characteristics;
  /* 10 */ le16 ModuleIndex;
  /* 12 */ le16 Padding2;
};
static_assert(sizeof(PdbSectionContribution40) == 0x14);

// Followed by the names of module and object file, and padding to 4.
struct PdbModuleInfo50 {
  /* 00 */ le32 Unused1;
  /* 04 */ PdbSectionContribution40 SectionContribution;
  /* 18 */ le16 Flags;
  /* 1A */ le16 ModuleSymStream;
  /* 1C */ le32 SymByteSize;
  /* 20 */ le32 C11ByteSize;
  /* 24 */ le32 FpoByteSize;
  /* 28 */ le16 SourceFileCount;
  /* 2A */ le16 Padding;
  /* 2C */ le32 Unused2;
};
static_assert(sizeof(PdbModuleInfo50) == 0x30);
static_assert(offsetof(PdbModuleInfo50, SymByteSize) == 0x1C);

} // namespace dumptriage::formats
