// Frame records of 32-bit x86: FPO_DATA of winnt.h (images, DBG files, PDBs) and the newer
// FRAMEDATA of PDBs (microsoft/microsoft-pdb cvinfo.h, MIT).
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

struct FpoData {
  /* 00 */ le32 ulOffStart; // rva of the first byte of the function
  /* 04 */ le32 cbProcSize;
  /* 08 */ le32 cdwLocals; // in 4 bytes
  /* 0C */ le16 cdwParams; // in 4 bytes
  /* 0E */ le16 Bits;      // cbProlog:8, cbRegs:3, fHasSEH:1, fUseBP:1, reserved:1, cbFrame:2
};
static_assert(sizeof(FpoData) == 16);

enum FpoFrame : unsigned { kFrameFpo = 0, kFrameTrap = 1, kFrameTss = 2, kFrameNonFpo = 3 };

struct FrameDataRecord {
  /* 00 */ le32 RvaStart;
  /* 04 */ le32 CodeSize;
  /* 08 */ le32 LocalSize;
  /* 0C */ le32 ParamsSize;
  /* 10 */ le32 MaxStackSize;
  /* 14 */ le32 FrameFunc; // the program: offset in the "/names" stream
  /* 18 */ le16 PrologSize;
  /* 1A */ le16 SavedRegsSize;
  /* 1C */ le32 Flags;
};
static_assert(sizeof(FrameDataRecord) == 0x20);
inline constexpr std::uint32_t kFrameStartsFunction = 4; // of Flags
static_assert(offsetof(FrameDataRecord, PrologSize) == 0x18);

} // namespace dumptriage::formats
