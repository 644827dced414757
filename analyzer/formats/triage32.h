// The body of a 32-bit triage ("small memory") kernel dump, behind DUMP_HEADER32.
// Sources: Microsoft Singularity RDK Dump.h; the public declarations of the Windows 10 driver kit.
// No real bytes of one were at hand.  What is inferred says so.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

struct TriageDump32 {
  /* 00 */ le32 ServicePackBuild, SizeOfDump, ValidOffset, ContextOffset, ExceptionOffset, MmOffset;
  /* 18 */ le32 UnloadedDriversOffset, PrcbOffset, ProcessOffset, ThreadOffset;
  /* 28 */ le32 CallStackOffset, SizeOfCallStack;
  /* 30 */ le32 DriverListOffset, DriverCount, StringPoolOffset, StringPoolSize;
  /* 40 */ le32 BrokenDriverOffset, TriageOptions;
  /* 48 */ le32 TopOfStack; // the lowest address of the saved slice
  /* 4C */ le32 DataPageAddress, DataPageOffset, DataPageSize;
  /* 58 */ le32 DebuggerDataOffset, DebuggerDataSize;
  /* 60 */ le32 DataBlocksOffset, DataBlocksCount;
};
static_assert(sizeof(TriageDump32) == 0x68);
static_assert(offsetof(TriageDump32, UnloadedDriversOffset) == 0x18);
static_assert(offsetof(TriageDump32, CallStackOffset) == 0x28);
static_assert(offsetof(TriageDump32, BrokenDriverOffset) == 0x40);
static_assert(offsetof(TriageDump32, TopOfStack) == 0x48);
static_assert(offsetof(TriageDump32, DebuggerDataOffset) == 0x58);
static_assert(offsetof(TriageDump32, DataBlocksCount) == 0x64);

// As third-party scripts read Windows XP SP3 dumps.  CheckSum and TimeDateStamp are inferred from
// the public LDR_DATA_TABLE_ENTRY, of which the part behind the name is a copy; loaders that keep a
// pointer (LoadedImports) in the place of the time stamp exist.
struct DumpDriverEntry32 {
  /* 00 */ le32 DriverNameOffset; // of a DumpString
  /* 04 */ std::uint8_t Links[24];
  /* 1C */ le32 DllBase, EntryPoint, SizeOfImage;
  /* 28 */ std::uint8_t Names[28];
  /* 44 */ le32 CheckSum, TimeDateStamp;
};
static_assert(sizeof(DumpDriverEntry32) == 0x4C);
static_assert(offsetof(DumpDriverEntry32, DllBase) == 0x1C);
static_assert(offsetof(DumpDriverEntry32, SizeOfImage) == 0x24);
static_assert(offsetof(DumpDriverEntry32, CheckSum) == 0x44);
inline constexpr std::uint32_t kDriverEntry32Stride = 0x4C;

struct DumpUnloadedDriver32 { // behind a count, le32 (inferred)
  /* 00 */ le16 NameLength, NameMaximumLength;
  /* 04 */ le32 NameBuffer;
  /* 08 */ std::uint8_t DriverName[24];
  /* 20 */ le32 StartAddress, EndAddress;
};
static_assert(sizeof(DumpUnloadedDriver32) == 0x28);

struct DumpMmStorage32 {
  /* 00 */ le32 Version, Size, MmSpecialPoolTag, MiTriageActionTaken;
  /* 10 */ le32 MmVerifyDriverLevel, KernelVerifier;
  /* 18 */ le32 MmMaximumNonPagedPool, MmAllocatedNonPagedPool;
  /* 20 */ le32 PagedPoolMaximum, PagedPoolAllocated;
  /* 28 */ le32 CommittedPages, CommittedPagesPeak, CommitLimitMaximum;
};
static_assert(sizeof(DumpMmStorage32) == 0x34);
static_assert(offsetof(DumpMmStorage32, MmMaximumNonPagedPool) == 0x18);

} // namespace dumptriage::formats
