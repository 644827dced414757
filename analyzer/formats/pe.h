// The Portable Executable layouts that this program reads: headers, sections, exports, debug
// directory, version resource, function tables, base relocations.  Field names and offsets as in
// Microsoft's "PE Format" specification and the public winnt.h.  Layouts only; image/ reads them.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint16_t kDosMagic = 0x5A4D;        // "MZ"
inline constexpr std::uint32_t kNtSignature = 0x00004550; // "PE\0\0"
inline constexpr std::uint16_t kOptionalMagic32 = 0x10B;  // PE32
inline constexpr std::uint16_t kOptionalMagic64 = 0x20B;  // PE32+
inline constexpr std::uint32_t kElfanewOffset = 0x3C;     // e_lfanew in IMAGE_DOS_HEADER

struct ImageFileHeader {
  /* 00 */ le16 Machine;
  /* 02 */ le16 NumberOfSections;
  /* 04 */ le32 TimeDateStamp;
  /* 08 */ le32 PointerToSymbolTable;
  /* 0C */ le32 NumberOfSymbols;
  /* 10 */ le16 SizeOfOptionalHeader;
  /* 12 */ le16 Characteristics;
};
static_assert(sizeof(ImageFileHeader) == 0x14);
static_assert(offsetof(ImageFileHeader, SizeOfOptionalHeader) == 0x10);

struct ImageDataDirectory {
  /* 00 */ le32 VirtualAddress;
  /* 04 */ le32 Size;
};
static_assert(sizeof(ImageDataDirectory) == 8);

enum ImageDirectoryEntry : unsigned {
  kDirectoryExport = 0,
  kDirectoryResource = 2,
  kDirectoryException = 3,
  kDirectoryBaseReloc = 5,
  kDirectoryDebug = 6,
  kDirectoryImportAddresses = 12,
  kDirectoryCount = 16,
};

// Without the data directories, which follow it.
struct ImageOptionalHeader32 {
  /* 00 */ le16 Magic;
  /* 02 */ le8 MajorLinkerVersion;
  /* 03 */ le8 MinorLinkerVersion;
  /* 04 */ le32 SizeOfCode;
  /* 08 */ le32 SizeOfInitializedData;
  /* 0C */ le32 SizeOfUninitializedData;
  /* 10 */ le32 AddressOfEntryPoint;
  /* 14 */ le32 BaseOfCode;
  /* 18 */ le32 BaseOfData;
  /* 1C */ le32 ImageBase;
  /* 20 */ le32 SectionAlignment;
  /* 24 */ le32 FileAlignment;
  /* 28 */ le16 MajorOperatingSystemVersion;
  /* 2A */ le16 MinorOperatingSystemVersion;
  /* 2C */ le16 MajorImageVersion;
  /* 2E */ le16 MinorImageVersion;
  /* 30 */ le16 MajorSubsystemVersion;
  /* 32 */ le16 MinorSubsystemVersion;
  /* 34 */ le32 Win32VersionValue;
  /* 38 */ le32 SizeOfImage;
  /* 3C */ le32 SizeOfHeaders;
  /* 40 */ le32 CheckSum;
  /* 44 */ le16 Subsystem;
  /* 46 */ le16 DllCharacteristics;
  /* 48 */ le32 SizeOfStackReserve;
  /* 4C */ le32 SizeOfStackCommit;
  /* 50 */ le32 SizeOfHeapReserve;
  /* 54 */ le32 SizeOfHeapCommit;
  /* 58 */ le32 LoaderFlags;
  /* 5C */ le32 NumberOfRvaAndSizes;
};
static_assert(sizeof(ImageOptionalHeader32) == 0x60);
static_assert(offsetof(ImageOptionalHeader32, ImageBase) == 0x1C);
static_assert(offsetof(ImageOptionalHeader32, SizeOfImage) == 0x38);
static_assert(offsetof(ImageOptionalHeader32, CheckSum) == 0x40);

struct ImageOptionalHeader64 {
  /* 00 */ le16 Magic;
  /* 02 */ le8 MajorLinkerVersion;
  /* 03 */ le8 MinorLinkerVersion;
  /* 04 */ le32 SizeOfCode;
  /* 08 */ le32 SizeOfInitializedData;
  /* 0C */ le32 SizeOfUninitializedData;
  /* 10 */ le32 AddressOfEntryPoint;
  /* 14 */ le32 BaseOfCode;
  /* 18 */ le64 ImageBase;
  /* 20 */ le32 SectionAlignment;
  /* 24 */ le32 FileAlignment;
  /* 28 */ le16 MajorOperatingSystemVersion;
  /* 2A */ le16 MinorOperatingSystemVersion;
  /* 2C */ le16 MajorImageVersion;
  /* 2E */ le16 MinorImageVersion;
  /* 30 */ le16 MajorSubsystemVersion;
  /* 32 */ le16 MinorSubsystemVersion;
  /* 34 */ le32 Win32VersionValue;
  /* 38 */ le32 SizeOfImage;
  /* 3C */ le32 SizeOfHeaders;
  /* 40 */ le32 CheckSum;
  /* 44 */ le16 Subsystem;
  /* 46 */ le16 DllCharacteristics;
  /* 48 */ le64 SizeOfStackReserve;
  /* 50 */ le64 SizeOfStackCommit;
  /* 58 */ le64 SizeOfHeapReserve;
  /* 60 */ le64 SizeOfHeapCommit;
  /* 68 */ le32 LoaderFlags;
  /* 6C */ le32 NumberOfRvaAndSizes;
};
static_assert(sizeof(ImageOptionalHeader64) == 0x70);
static_assert(offsetof(ImageOptionalHeader64, ImageBase) == 0x18);
static_assert(offsetof(ImageOptionalHeader64, SizeOfImage) == 0x38);
static_assert(offsetof(ImageOptionalHeader64, NumberOfRvaAndSizes) == 0x6C);

struct ImageSectionHeader {
  /* 00 */ char Name[8];
  /* 08 */ le32 VirtualSize;
  /* 0C */ le32 VirtualAddress;
  /* 10 */ le32 SizeOfRawData;
  /* 14 */ le32 PointerToRawData;
  /* 18 */ le32 PointerToRelocations;
  /* 1C */ le32 PointerToLinenumbers;
  /* 20 */ le16 NumberOfRelocations;
  /* 22 */ le16 NumberOfLinenumbers;
  /* 24 */ le32 Characteristics;
};
static_assert(sizeof(ImageSectionHeader) == 0x28);
static_assert(offsetof(ImageSectionHeader, Characteristics) == 0x24);

inline constexpr std::uint32_t kSectionExecute = 0x20000000; // IMAGE_SCN_MEM_EXECUTE
inline constexpr std::uint32_t kSectionWrite = 0x80000000;   // IMAGE_SCN_MEM_WRITE

struct ImageExportDirectory {
  /* 00 */ le32 Characteristics;
  /* 04 */ le32 TimeDateStamp;
  /* 08 */ le16 MajorVersion;
  /* 0A */ le16 MinorVersion;
  /* 0C */ le32 Name;
  /* 10 */ le32 Base;
  /* 14 */ le32 NumberOfFunctions;
  /* 18 */ le32 NumberOfNames;
  /* 1C */ le32 AddressOfFunctions;
  /* 20 */ le32 AddressOfNames;
  /* 24 */ le32 AddressOfNameOrdinals;
};
static_assert(sizeof(ImageExportDirectory) == 0x28);

struct ImageDebugDirectory {
  /* 00 */ le32 Characteristics;
  /* 04 */ le32 TimeDateStamp;
  /* 08 */ le16 MajorVersion;
  /* 0A */ le16 MinorVersion;
  /* 0C */ le32 Type;
  /* 10 */ le32 SizeOfData;
  /* 14 */ le32 AddressOfRawData;
  /* 18 */ le32 PointerToRawData;
};
static_assert(sizeof(ImageDebugDirectory) == 0x1C);
// IMAGE_DEBUG_TYPE_*; others (POGO 13, REPRO 16 ...) tell nothing about names or frames.
enum ImageDebugType : unsigned {
  kDebugTypeCoff = 1,
  kDebugTypeCodeView = 2,
  kDebugTypeFpo = 3,
  kDebugTypeMisc = 4,
  kDebugTypeException = 5,
  kDebugTypeFixup = 6,
  kDebugTypeOmapToSource = 7,
  kDebugTypeOmapFromSource = 8,
  kDebugTypePogo = 13,
};

// IMAGE_RUNTIME_FUNCTION_ENTRY of x64.
struct ImageRuntimeFunctionX64 {
  /* 00 */ le32 BeginAddress;
  /* 04 */ le32 EndAddress;
  /* 08 */ le32 UnwindInfoAddress;
};
static_assert(sizeof(ImageRuntimeFunctionX64) == 0x0C);

// Of IA64: rvas of bundles and of UNWIND_INFO.
using ImageRuntimeFunctionIa64 = ImageRuntimeFunctionX64;

// Of ARM (Thumb-2).  "ARM exception handling", learn.microsoft.com.
struct ImageRuntimeFunctionArm {
  /* 00 */ le32 BeginAddress; // bit 0: Thumb
  /* 04 */ le32 UnwindData;   // rva of .xdata, or with a Flag in bits 1:0 packed data
  unsigned flag() const { return UnwindData & 3; } // 2: packed, without a prologue
  std::uint32_t packed_length() const { return (UnwindData >> 2 & 0x7FF) * 2; } // bytes
};
static_assert(sizeof(ImageRuntimeFunctionArm) == 8);
struct XdataHeaderArm {
  /* 00 */ le32 Word;
  std::uint32_t function_length() const { return (Word & 0x3FFFF) * 2; } // bytes
  bool is_fragment() const { return Word >> 22 & 1; }                    // F
};
static_assert(sizeof(XdataHeaderArm) == 4);

// Of Alpha, MIPS and PowerPC: addresses, not rvas; bits 1:0 are no part of them.
template <class Address> struct ImageRuntimeFunctionRisc {
  /* 00 */ Address BeginAddress;
  /* 04 */ Address EndAddress;
  /* 08 */ Address ExceptionHandler;
  /* 0C */ Address HandlerData;
  /* 10 */ Address PrologEndAddress; // outside the range: the address of another entry, the parent
};
using ImageRuntimeFunctionAlpha = ImageRuntimeFunctionRisc<le32>;
using ImageRuntimeFunctionAlpha64 = ImageRuntimeFunctionRisc<le64>;
static_assert(sizeof(ImageRuntimeFunctionAlpha) == 0x14);
static_assert(sizeof(ImageRuntimeFunctionAlpha64) == 0x28);

struct ImageResourceDirectory {
  /* 00 */ le32 Characteristics;
  /* 04 */ le32 TimeDateStamp;
  /* 08 */ le16 MajorVersion;
  /* 0A */ le16 MinorVersion;
  /* 0C */ le16 NumberOfNamedEntries;
  /* 0E */ le16 NumberOfIdEntries;
};
static_assert(sizeof(ImageResourceDirectory) == 0x10);

struct ImageResourceDirectoryEntry {
  /* 00 */ le32 Name;         // an id, or with the top bit set the offset of a name
  /* 04 */ le32 OffsetToData; // with the top bit set a directory, else a data entry
};
static_assert(sizeof(ImageResourceDirectoryEntry) == 8);

struct ImageResourceDataEntry {
  /* 00 */ le32 OffsetToData; // an rva, unlike every other offset here
  /* 04 */ le32 Size;
  /* 08 */ le32 CodePage;
  /* 0C */ le32 Reserved;
};
static_assert(sizeof(ImageResourceDataEntry) == 0x10);
inline constexpr std::uint32_t kResourceVersion = 16; // RT_VERSION

struct VsFixedFileInfo {
  /* 00 */ le32 dwSignature;
  /* 04 */ le32 dwStrucVersion;
  /* 08 */ le32 dwFileVersionMS;
  /* 0C */ le32 dwFileVersionLS;
  /* 10 */ le32 dwProductVersionMS;
  /* 14 */ le32 dwProductVersionLS;
  /* 18 */ le32 dwFileFlagsMask;
  /* 1C */ le32 dwFileFlags;
  /* 20 */ le32 dwFileOS;
  /* 24 */ le32 dwFileType;
  /* 28 */ le32 dwFileSubtype;
  /* 2C */ le32 dwFileDateMS;
  /* 30 */ le32 dwFileDateLS;
};
static_assert(sizeof(VsFixedFileInfo) == 0x34);
inline constexpr std::uint32_t kFixedFileInfoSignature = 0xFEEF04BD;

struct ImageBaseRelocation {
  /* 00 */ le32 VirtualAddress;
  /* 04 */ le32 SizeOfBlock;
};
static_assert(sizeof(ImageBaseRelocation) == 8);
// The type is in the top four bits of each 16-bit entry behind the header.
inline constexpr unsigned kRelocationHigh = 1;    // upper 16 bits
inline constexpr unsigned kRelocationLow = 2;     // lower 16 bits
inline constexpr unsigned kRelocationHighLow = 3; // 32 bits
inline constexpr unsigned kRelocationHighAdj = 4; // upper 16 bits of what is added to signed lower
inline constexpr unsigned kRelocationDir64 = 10;  // 64 bits

} // namespace dumptriage::formats
