// Layouts inside a PDB 7: superblock, DBI stream, publics, CodeView symbol and C13 line records.
// Sources: microsoft/microsoft-pdb (MIT) and LLVM's "The PDB File Format".  Layouts only.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

struct MsfSuperBlock {
  /* 00 */ char MagicBytes[32];
  /* 20 */ le32 BlockSize;
  /* 24 */ le32 FreeBlockMapBlock;
  /* 28 */ le32 NumBlocks;
  /* 2C */ le32 NumDirectoryBytes;
  /* 30 */ le32 Unknown1;
  /* 34 */ le32 BlockMapAddr;
};
static_assert(sizeof(MsfSuperBlock) == 0x38);

enum PdbStream : std::uint32_t { kPdbInfoStream = 1, kPdbDbiStream = 3 };

struct PdbInfoHeader {
  /* 00 */ le32 Version;
  /* 04 */ le32 Signature;
  /* 08 */ le32 Age;
  /* 0C */ std::uint8_t Guid[16];
};
static_assert(sizeof(PdbInfoHeader) == 0x1C);

struct PdbDbiHeader {
  /* 00 */ le32 VersionSignature;
  /* 04 */ le32 VersionHeader;
  /* 08 */ le32 Age;
  /* 0C */ le16 GlobalStreamIndex;
  /* 0E */ le16 BuildNumber;
  /* 10 */ le16 PublicStreamIndex;
  /* 12 */ le16 PdbDllVersion;
  /* 14 */ le16 SymRecordStream;
  /* 16 */ le16 PdbDllRbld;
  /* 18 */ le32 ModInfoSize;
  /* 1C */ le32 SectionContributionSize;
  /* 20 */ le32 SectionMapSize;
  /* 24 */ le32 SourceInfoSize;
  /* 28 */ le32 TypeServerMapSize;
  /* 2C */ le32 MFCTypeServerIndex;
  /* 30 */ le32 OptionalDbgHeaderSize;
  /* 34 */ le32 ECSubstreamSize;
  /* 38 */ le16 Flags;
  /* 3A */ le16 Machine;
  /* 3C */ le32 Padding;
};
static_assert(sizeof(PdbDbiHeader) == 0x40);
static_assert(offsetof(PdbDbiHeader, OptionalDbgHeaderSize) == 0x30);

struct PdbSectionContribution {
  /* 00 */ le16 Section;
  /* 02 */ le16 Padding1;
  /* 04 */ le32 Offset;
  /* 08 */ le32 Size;
  /* 0C */ le32 Characteristics;
  /* 10 */ le16 ModuleIndex;
  /* 12 */ le16 Padding2;
  /* 14 */ le32 DataCrc;
  /* 18 */ le32 RelocCrc;
};
static_assert(sizeof(PdbSectionContribution) == 0x1C);
inline constexpr std::uint32_t kSectionContributions60 = 0xF12EBA2D;
inline constexpr std::uint32_t kSectionContributionsV2 = 0xF13151E4; // 4 bytes more an entry

// Followed by the names of module and object file, and padding to 4.
struct PdbModuleInfo {
  /* 00 */ le32 Unused1;
  /* 04 */ PdbSectionContribution SectionContribution;
  /* 20 */ le16 Flags;
  /* 22 */ le16 ModuleSymStream;
  /* 24 */ le32 SymByteSize;
  /* 28 */ le32 C11ByteSize;
  /* 2C */ le32 C13ByteSize;
  /* 30 */ le16 SourceFileCount;
  /* 32 */ le16 Padding;
  /* 34 */ le32 Unused2;
  /* 38 */ le32 SourceFileNameIndex;
  /* 3C */ le32 PdbFilePathNameIndex;
};
static_assert(sizeof(PdbModuleInfo) == 0x40);

// Indexes in the optional debug header, an array of stream numbers.
enum PdbDebugStream : unsigned {
  kPdbFpo = 0,
  kPdbOmapToSource = 3,
  kPdbOmapFromSource = 4,
  kPdbSectionHeaders = 5,
  kPdbNewFpo = 9,
  kPdbSectionHeadersOriginal = 10,
};
inline constexpr std::uint16_t kNoStream = 0xFFFF;

struct PdbOmapEntry {
  /* 00 */ le32 Rva;
  /* 04 */ le32 RvaTo; // 0: not mapped
};
static_assert(sizeof(PdbOmapEntry) == 8);

struct PdbPublicsHeader {
  /* 00 */ le32 SymHash; // bytes of the hash table that follows
  /* 04 */ le32 AddrMap; // bytes of the address map behind it
  /* 08 */ le32 NumThunks;
  /* 0C */ le32 SizeOfThunk;
  /* 10 */ le16 ISectThunkTable;
  /* 12 */ le16 Padding;
  /* 14 */ le32 OffThunkTable;
  /* 18 */ le32 NumSections;
};
static_assert(sizeof(PdbPublicsHeader) == 0x1C);

struct CvRecordPrefix {
  /* 00 */ le16 RecordLength; // of what follows it
  /* 02 */ le16 RecordKind;
};
static_assert(sizeof(CvRecordPrefix) == 4);

enum CvRecordKind : std::uint16_t {
  kCvEnd = 0x0006,
  kCvThunk32 = 0x1102,
  kCvBlock32 = 0x1103,
  kCvWith32 = 0x1104,
  kCvPublic32 = 0x110E,
  kCvLocalProc32 = 0x110F,
  kCvGlobalProc32 = 0x1110,
  kCvSeparatedCode = 0x1132,
  kCvLocalProc32Id = 0x1146,
  kCvGlobalProc32Id = 0x1147,
  kCvInlineSite = 0x114D,
  kCvInlineSiteEnd = 0x114E,
  kCvProcIdEnd = 0x114F,
  kCvLocalProc32Dpc = 0x1155,
  kCvLocalProc32DpcId = 0x1156,
  kCvInlineSite2 = 0x115D,
};

// S_PUB32 with its prefix; the name follows.
struct CvPublic32 {
  /* 00 */ CvRecordPrefix Prefix;
  /* 04 */ le32 Flags;
  /* 08 */ le32 Offset;
  /* 0C */ le16 Segment;
};
static_assert(sizeof(CvPublic32) == 0x0E);

// S_GPROC32, S_LPROC32 and their kin with prefix; the name follows.
struct CvProc32 {
  /* 00 */ CvRecordPrefix Prefix;
  /* 04 */ le32 Parent;
  /* 08 */ le32 End;
  /* 0C */ le32 Next;
  /* 10 */ le32 CodeSize;
  /* 14 */ le32 DbgStart;
  /* 18 */ le32 DbgEnd;
  /* 1C */ le32 FunctionType;
  /* 20 */ le32 CodeOffset;
  /* 24 */ le16 Segment;
  /* 26 */ le8 Flags;
};
static_assert(sizeof(CvProc32) == 0x27);

// S_THUNK32 with prefix; the name follows.
struct CvThunk32 {
  /* 00 */ CvRecordPrefix Prefix;
  /* 04 */ le32 Parent;
  /* 08 */ le32 End;
  /* 0C */ le32 Next;
  /* 10 */ le32 Offset;
  /* 14 */ le16 Segment;
  /* 16 */ le16 Length;
  /* 18 */ le8 Ordinal;
};
static_assert(sizeof(CvThunk32) == 0x19);

// S_SEPCODE with prefix: a part of a function that the compiler put elsewhere.
struct CvSeparatedCode {
  /* 00 */ CvRecordPrefix Prefix;
  /* 04 */ le32 Parent;
  /* 08 */ le32 End;
  /* 0C */ le32 Length;
  /* 10 */ le32 Flags;
  /* 14 */ le32 Offset;
  /* 18 */ le32 ParentOffset;
  /* 1C */ le16 Section;
  /* 1E */ le16 ParentSection;
};
static_assert(sizeof(CvSeparatedCode) == 0x20);
static_assert(offsetof(CvSeparatedCode, ParentSection) == 0x1E);

// S_INLINESITE with prefix; S_INLINESITE2 has a count of calls (le32) behind it.  Then the binary
// annotations: numbers in 1, 2 or 4 bytes, the first byte's high bits saying how many.
struct CvInlineSite {
  /* 00 */ CvRecordPrefix Prefix;
  /* 04 */ le32 Parent;
  /* 08 */ le32 End;
  /* 0C */ le32 Inlinee; // an id of the IPI stream
};
static_assert(sizeof(CvInlineSite) == 0x10);

// Operations of the annotations; each has one operand, ChangeCodeLengthAndCodeOffset two.
enum CvAnnotation : std::uint32_t {
  kAnnotationEnd = 0,
  kCodeOffset = 1,
  kChangeCodeOffsetBase = 2,
  kChangeCodeOffset = 3,
  kChangeCodeLength = 4,
  kChangeFile = 5,
  kChangeLineOffset = 6, // signed: the lowest bit is the sign
  kChangeLineEndDelta = 7,
  kChangeRangeKind = 8,
  kChangeColumnStart = 9,
  kChangeColumnEndDelta = 10,
  kChangeCodeOffsetAndLineOffset = 11, // code in the low four bits, the line signed above them
  kChangeCodeLengthAndCodeOffset = 12,
  kChangeColumnEnd = 13,
};

struct CvSubsectionHeader {
  /* 00 */ le32 Kind;
  /* 04 */ le32 Length;
};
static_assert(sizeof(CvSubsectionHeader) == 8);
inline constexpr std::uint32_t kCvSubsectionLines = 0xF2;
inline constexpr std::uint32_t kCvSubsectionFileChecksums = 0xF4;
inline constexpr std::uint32_t kCvSubsectionInlineeLines = 0xF6;

struct CvLinesHeader {
  /* 00 */ le32 RelocOffset;
  /* 04 */ le16 RelocSegment;
  /* 06 */ le16 Flags; // 1: columns follow the lines
  /* 08 */ le32 CodeSize;
};
static_assert(sizeof(CvLinesHeader) == 0x0C);

struct CvLinesBlock {
  /* 00 */ le32 NameIndex; // offset in the file checksums
  /* 04 */ le32 NumLines;
  /* 08 */ le32 BlockSize; // with this header
};
static_assert(sizeof(CvLinesBlock) == 0x0C);

struct CvLine {
  /* 00 */ le32 Offset;
  /* 04 */ le32 Flags; // line in the low 24 bits
};
static_assert(sizeof(CvLine) == 8);
// Lines from here on are marks for the debugger ("never step into", "always step over"), not lines.
inline constexpr std::uint32_t kCvFirstSpecialLine = 0xF00F00;

// The subsection begins with a signature; after 1, each entry has a list of further files behind
// it: a count (le32), and so many numbers (le32).
struct CvInlineeLine {
  /* 00 */ le32 Inlinee;
  /* 04 */ le32 FileId; // offset in the file checksums
  /* 08 */ le32 SourceLineNum;
};
static_assert(sizeof(CvInlineeLine) == 0x0C);
inline constexpr std::uint32_t kCvInlineeLinesExtended = 1;

struct PdbNamesHeader {
  /* 00 */ le32 Signature;
  /* 04 */ le32 HashVersion;
  /* 08 */ le32 ByteSize;
};
static_assert(sizeof(PdbNamesHeader) == 0x0C);
inline constexpr std::uint32_t kPdbNamesSignature = 0xEFFEEFFE;

} // namespace dumptriage::formats
