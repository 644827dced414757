// DUMP_HEADER32, the first page of a 32-bit kernel dump ("PAGEDUMP").
// Sources: Microsoft Singularity RDK Dump.h; Windows Driver Kit DUMP_HEADER32 (public
// declarations). Fields that the writer left alone hold the filler 'PAGE'.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kDumpFiller = 0x45474150;      // 'PAGE'
inline constexpr std::uint32_t kDumpSignature = 0x45474150;   // "PAGE"
inline constexpr std::uint32_t kDumpValid32 = 0x504D5544;     // "DUMP"
inline constexpr std::uint32_t kDumpHeader32Size = 0x1000;    // data start here
inline constexpr std::uint32_t kDumpHeaderAlphaSize = 0x2000; // 8 KB pages
inline constexpr std::uint32_t kDumpMaxRuns32 = 0x56;

struct ExceptionRecord32 {
  /* 00 */ le32 ExceptionCode, ExceptionFlags, ExceptionRecord, ExceptionAddress, NumberParameters;
  /* 14 */ le32 ExceptionInformation[15];
};
static_assert(sizeof(ExceptionRecord32) == 0x50);

struct DumpHeader32 {
  /* 000 */ le32 Signature, ValidDump;
  /* 008 */ le32 MajorVersion, MinorVersion; // 0xF free or 0xC checked; build
  /* 010 */ le32 DirectoryTableBase, PfnDataBase, PsLoadedModuleList, PsActiveProcessHead;
  /* 020 */ le32 MachineImageType, NumberProcessors;
  /* 028 */ le32 BugCheckCode, BugCheckParameters[4];
  /* 03C */ std::uint8_t VersionUser[32];
  /* 05C */ std::uint8_t PaeEnabled, KdSecondaryVersion;
  /* 05E */ le16 Spare3;
  /* 060 */ le32 KdDebuggerDataBlock;
  /* 064 */ le32 NumberOfRuns, NumberOfPages; // PhysicalMemoryBlock
  /* 06C */ le32 Run[173];                    // {BasePage, PageCount}, at most 0x56 pairs
  /* 320 */ std::uint8_t ContextRecord[1200];
  /* 7D0 */ ExceptionRecord32 ExceptionRecord;
  /* 820 */ std::uint8_t Comment[128];
  /* 8A0 */ le32 Attributes, BootId; // late writers only
  /* 8A8 */ std::uint8_t Reserved0[1760];
  /* F88 */ le32 DumpType, MiniDumpFields, SecondaryDataState, ProductType, SuiteMask, WriterStatus;
  /* FA0 */ le64 RequiredDumpSpace;
  /* FA8 */ std::uint8_t Reserved1[16];
  /* FB8 */ le64 SystemUpTime, SystemTime;
  /* FC8 */ std::uint8_t Reserved2[56];
};
static_assert(sizeof(DumpHeader32) == 0x1000);
static_assert(offsetof(DumpHeader32, BugCheckCode) == 0x28);
static_assert(offsetof(DumpHeader32, VersionUser) == 0x3C);
static_assert(offsetof(DumpHeader32, KdDebuggerDataBlock) == 0x60);
static_assert(offsetof(DumpHeader32, Run) == 0x6C);
static_assert(offsetof(DumpHeader32, ContextRecord) == 0x320);
static_assert(offsetof(DumpHeader32, ExceptionRecord) == 0x7D0);
static_assert(offsetof(DumpHeader32, Comment) == 0x820);
static_assert(offsetof(DumpHeader32, Attributes) == 0x8A0);
static_assert(offsetof(DumpHeader32, DumpType) == 0xF88);
static_assert(offsetof(DumpHeader32, RequiredDumpSpace) == 0xFA0);
static_assert(offsetof(DumpHeader32, SystemUpTime) == 0xFB8);
static_assert(offsetof(DumpHeader32, SystemTime) == 0xFC0);

// DumpType
inline constexpr std::uint32_t kDumpTypeFull = 1;
inline constexpr std::uint32_t kDumpTypeSummary = 2;
inline constexpr std::uint32_t kDumpTypeHeader = 3;
inline constexpr std::uint32_t kDumpTypeTriage = 4;
inline constexpr std::uint32_t kDumpTypeBitmapFull = 5;
inline constexpr std::uint32_t kDumpTypeBitmapKernel = 6;
inline constexpr std::uint32_t kDumpTypeAutomatic = 7;
inline constexpr std::uint32_t kDumpTypeRdmpKernel = 8;
inline constexpr std::uint32_t kDumpTypeRdmpComplete = 0xA;

// DUMP_FILE_ATTRIBUTES
inline constexpr std::uint32_t kDumpInsufficientFileSize = 1u << 2;
inline constexpr std::uint32_t kDumpLive = 1u << 4;
inline constexpr std::uint32_t kDumpEncrypted = 1u << 8;
inline constexpr std::uint32_t kDumpDecrypted = 1u << 9;

} // namespace dumptriage::formats
