// The TPI stream of a PDB 7: type records of CodeView 8, as far as structure layouts and
// the names of inlined functions need them.
// Sources: microsoft/microsoft-pdb cvinfo.h (MIT) and LLVM's "The PDB TPI and IPI Streams".
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kPdbTpiStream = 2;
inline constexpr std::uint32_t kPdbIpiStream = 4; // ids: functions, strings; laid out like the TPI

struct PdbTpiHeader {
  /* 00 */ le32 Version;
  /* 04 */ le32 HeaderSize;
  /* 08 */ le32 TypeIndexBegin; // 0x1000; below are the primitive types
  /* 0C */ le32 TypeIndexEnd;
  /* 10 */ le32 TypeRecordBytes;
};
static_assert(sizeof(PdbTpiHeader) == 0x14);

// The rest of the header.
struct PdbTpiHashHeader {
  /* 00 */ le16 HashStreamIndex;
  /* 02 */ le16 HashAuxStreamIndex;
  /* 04 */ le32 HashKeySize;
  /* 08 */ le32 NumHashBuckets;
  /* 0C */ le32 HashValueBufferOffset;
  /* 10 */ le32 HashValueBufferLength;
  /* 14 */ le32 IndexOffsetBufferOffset; // in the hash stream
  /* 18 */ le32 IndexOffsetBufferLength;
  /* 1C */ le32 HashAdjBufferOffset;
  /* 20 */ le32 HashAdjBufferLength;
};
static_assert(sizeof(PdbTpiHashHeader) == 0x24);

// Where some of the records begin, one in 8 KiB; in order.
struct PdbIndexOffset {
  /* 00 */ le32 Type;
  /* 04 */ le32 Offset; // behind the header
};
static_assert(sizeof(PdbIndexOffset) == 8);

enum CvLeaf : std::uint16_t {
  kLeafModifier = 0x1001,
  kLeafPointer = 0x1002,
  kLeafFieldList = 0x1203,
  kLeafBitField = 0x1205,
  kLeafIndex = 0x1404, // in a field list: it goes on in another record
  kLeafEnumerate = 0x1502,
  kLeafArray = 0x1503,
  kLeafClass = 0x1504,
  kLeafStructure = 0x1505,
  kLeafUnion = 0x1506,
  kLeafEnum = 0x1507,
  kLeafMember = 0x150D,
  kLeafInterface = 0x1519,
  kLeafStaticMember = 0x150E,
  kLeafNestedType = 0x1510,
  kLeafFuncId = 0x1601,
  kLeafMFuncId = 0x1602,
  kLeafStringId = 0x1605,
  // Numbers: below 0x8000 the value itself, else the kind of what follows.
  kLeafNumeric = 0x8000,
  kLeafChar = 0x8000,
  kLeafShort = 0x8001,
  kLeafUshort = 0x8002,
  kLeafLong = 0x8003,
  kLeafUlong = 0x8004,
  kLeafQuad = 0x8009,
  kLeafUquad = 0x800A,
  kLeafPad0 = 0xF0, // in a field list: the low four bits say how many bytes to skip
};
inline constexpr std::uint16_t kTypeForwardReference = 0x80; // of `property`

struct CvStructure { // LF_CLASS, LF_STRUCTURE; then size (number) and name
  /* 00 */ le16 Count, Property;
  /* 04 */ le32 Field, Derived, VShape;
};
static_assert(sizeof(CvStructure) == 0x10);

struct CvUnion { // then size (number) and name
  /* 00 */ le16 Count, Property;
  /* 04 */ le32 Field;
};
static_assert(sizeof(CvUnion) == 8);

struct CvEnum { // LF_ENUM; then the name
  /* 00 */ le16 Count, Property;
  /* 04 */ le32 Type, Field;
};
static_assert(sizeof(CvEnum) == 0x0C);

struct CvFuncId {      // LF_FUNC_ID, LF_MFUNC_ID; then the name
  /* 00 */ le32 Scope; // an id, of an LF_MFUNC_ID the class: a type; 0 = none
  /* 04 */ le32 Type;
};
static_assert(sizeof(CvFuncId) == 8);

struct CvMember { // then offset (number) and name
  /* 00 */ le16 Attributes;
  /* 02 */ le32 Index;
};
static_assert(sizeof(CvMember) == 6);

} // namespace dumptriage::formats
