// NB09 and NB11: CodeView symbols embedded in an image or a .DBG file, as subsections behind a
// directory.  Offsets count from the signature.  Sources: "Visual C++ 5.0 Symbolic Debug
// Information Specification", sections 7.3 and 7.4; cvdump of microsoft/microsoft-pdb (MIT).
// Layouts only.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

// OMFSignature.
struct OmfSignature {
  /* 00 */ le32 Signature; // kCvSignatureNb09 or kCvSignatureNb11
  /* 04 */ le32 lfoDir;
};
static_assert(sizeof(OmfSignature) == 8);

struct OmfDirHeader {
  /* 00 */ le16 cbDirHeader;
  /* 02 */ le16 cbDirEntry;
  /* 04 */ le32 cDir;
  /* 08 */ le32 lfoNextDir; // 0: none
  /* 0C */ le32 flags;
};
static_assert(sizeof(OmfDirHeader) == 0x10);

struct OmfDirEntry {
  /* 00 */ le16 SubSection;
  /* 02 */ le16 iMod; // from 1; 0xFFFF: of no module
  /* 04 */ le32 lfo;
  /* 08 */ le32 cb;
};
static_assert(sizeof(OmfDirEntry) == 0x0C);

enum OmfSubsection : std::uint16_t {
  kOmfModule = 0x120,
  kOmfPublicSym = 0x123,
  kOmfSymbols = 0x124,
  kOmfAlignSym = 0x125,
  kOmfSrcModule = 0x127,
  kOmfGlobalSym = 0x129,
  kOmfGlobalPub = 0x12A,
  kOmfSegMap = 0x12D,
  kOmfStaticSym = 0x134,
};

// In front of the records of GlobalSym, GlobalPub and StaticSym.
struct OmfSymHash {
  /* 00 */ le16 symhash;
  /* 02 */ le16 addrhash;
  /* 04 */ le32 cbSymbol;
  /* 08 */ le32 cbHSym;
  /* 0C */ le32 cbHAddr;
};
static_assert(sizeof(OmfSymHash) == 0x10);

// `cSeg` segments and the module's name follow.
struct OmfModule {
  /* 00 */ le16 ovlNumber;
  /* 02 */ le16 iLib;
  /* 04 */ le16 cSeg;
  /* 06 */ le16 Style;
};
static_assert(sizeof(OmfModule) == 8);

struct OmfSegDesc {
  /* 00 */ le16 Seg;
  /* 02 */ le16 pad;
  /* 04 */ le32 Off;
  /* 08 */ le32 cbSeg;
};
static_assert(sizeof(OmfSegDesc) == 0x0C);

struct OmfSegMap {
  /* 00 */ le16 cSeg;
  /* 02 */ le16 cSegLog;
};
static_assert(sizeof(OmfSegMap) == 4);

struct OmfSegMapDesc {
  /* 00 */ le16 flags;
  /* 02 */ le16 ovl;
  /* 04 */ le16 group;
  /* 06 */ le16 frame; // the image's section, from 1
  /* 08 */ le16 iSegName;
  /* 0A */ le16 iClassName;
  /* 0C */ le32 offset;
  /* 10 */ le32 cbSeg;
};
static_assert(sizeof(OmfSegMapDesc) == 0x14);

} // namespace dumptriage::formats
