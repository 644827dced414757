// DUMP_HEADER64, the first two pages of a 64-bit kernel dump ("PAGEDU64").
// Sources: Windows Driver Kit DUMP_HEADER64 (public declarations), kdmp-parser; every offset below
// is checked on bytes of real x64 and ARM64 dumps.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kDumpValid64 = 0x34365544; // "DU64"
inline constexpr std::uint32_t kDumpHeader64Size = 0x2000;
inline constexpr std::uint32_t kDumpMaxRuns64 = 0x2B;

struct ExceptionRecord64 {
  /* 00 */ le32 ExceptionCode, ExceptionFlags;
  /* 08 */ le64 ExceptionRecord, ExceptionAddress;
  /* 18 */ le32 NumberParameters, UnusedAlignment;
  /* 20 */ le64 ExceptionInformation[15];
};
static_assert(sizeof(ExceptionRecord64) == 0x98);

struct DumpHeader64 {
  /* 0000 */ le32 Signature, ValidDump;
  /* 0008 */ le32 MajorVersion, MinorVersion; // 0xF free or 0xC checked; build
  /* 0010 */ le64 DirectoryTableBase, PfnDataBase, PsLoadedModuleList, PsActiveProcessHead;
  /* 0030 */ le32 MachineImageType, NumberProcessors;
  /* 0038 */ le32 BugCheckCode, Pad3C;
  /* 0040 */ le64 BugCheckParameters[4];
  /* 0060 */ std::uint8_t VersionUser[32];
  /* 0080 */ le64 KdDebuggerDataBlock;
  /* 0088 */ le32 NumberOfRuns, Pad8C; // PhysicalMemoryBlock
  /* 0090 */ le64 NumberOfPages;
  /* 0098 */ le64 Run[86]; // {BasePage, PageCount}, at most 0x2B pairs
  /* 0348 */ std::uint8_t ContextRecord[3000];
  /* 0F00 */ ExceptionRecord64 ExceptionRecord;
  /* 0F98 */ le32 DumpType, PadF9C;
  /* 0FA0 */ le64 RequiredDumpSpace, SystemTime;
  /* 0FB0 */ std::uint8_t Comment[128];
  /* 1030 */ le64 SystemUpTime;
  /* 1038 */ le32 MiniDumpFields, SecondaryDataState, ProductType, SuiteMask, WriterStatus;
  /* 104C */ std::uint8_t Unused1, KdSecondaryVersion, Unused[2];
  /* 1050 */ le32 Attributes, BootId;
  /* 1058 */ std::uint8_t Reserved0[4008];
};
static_assert(sizeof(DumpHeader64) == 0x2000);
static_assert(offsetof(DumpHeader64, MachineImageType) == 0x30);
static_assert(offsetof(DumpHeader64, BugCheckParameters) == 0x40);
static_assert(offsetof(DumpHeader64, KdDebuggerDataBlock) == 0x80);
static_assert(offsetof(DumpHeader64, Run) == 0x98);
static_assert(offsetof(DumpHeader64, ContextRecord) == 0x348);
static_assert(offsetof(DumpHeader64, ExceptionRecord) == 0xF00);
static_assert(offsetof(DumpHeader64, DumpType) == 0xF98);
static_assert(offsetof(DumpHeader64, SystemTime) == 0xFA8);
static_assert(offsetof(DumpHeader64, Comment) == 0xFB0);
static_assert(offsetof(DumpHeader64, SystemUpTime) == 0x1030);
static_assert(offsetof(DumpHeader64, ProductType) == 0x1040);
static_assert(offsetof(DumpHeader64, Attributes) == 0x1050);

} // namespace dumptriage::formats
