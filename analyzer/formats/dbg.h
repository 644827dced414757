// .DBG files: what was stripped off an image (NT 3.1 to 2000).  Source: IMAGE_SEPARATE_DEBUG_HEADER
// of the public winnt.h.  Behind the header: section headers, exported names (each ending in NUL),
// ImageDebugDirectory entries whose PointerToRawData counts in the .DBG.  Layouts only.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint16_t kSeparateDebugSignature = 0x4944; // "DI"

struct ImageSeparateDebugHeader {
  /* 00 */ le16 Signature;
  /* 02 */ le16 Flags;
  /* 04 */ le16 Machine;
  /* 06 */ le16 Characteristics;
  /* 08 */ le32 TimeDateStamp;
  /* 0C */ le32 CheckSum;
  /* 10 */ le32 ImageBase;
  /* 14 */ le32 SizeOfImage;
  /* 18 */ le32 NumberOfSections;
  /* 1C */ le32 ExportedNamesSize;
  /* 20 */ le32 DebugDirectorySize;
  /* 24 */ le32 SectionAlignment;
  /* 28 */ le32 Reserved[2];
};
static_assert(sizeof(ImageSeparateDebugHeader) == 0x30);
static_assert(offsetof(ImageSeparateDebugHeader, DebugDirectorySize) == 0x20);

} // namespace dumptriage::formats
