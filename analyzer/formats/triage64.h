// The body of a 64-bit triage ("small memory") kernel dump, behind DUMP_HEADER64.
// Sources: Microsoft Singularity RDK Dump.h; checked on bytes of real x64 and ARM64 dumps.  Every
// *Offset is absolute in the file; 0 means that the part is not there.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

struct TriageDump64 {
  /* 00 */ le32 ServicePackBuild, SizeOfDump, ValidOffset, ContextOffset, ExceptionOffset, MmOffset;
  /* 18 */ le32 UnloadedDriversOffset, PrcbOffset, ProcessOffset, ThreadOffset;
  /* 28 */ le32 CallStackOffset, SizeOfCallStack;
  /* 30 */ le32 DriverListOffset, DriverCount, StringPoolOffset, StringPoolSize;
  /* 40 */ le32 BrokenDriverOffset, TriageOptions;
  /* 48 */ le64 TopOfStack; // the lowest address of the saved slice, despite its name
  /* 50 */ le32 ArchitectureBStoreOffset, SizeOfBStore;
  /* 58 */ le64 LimitOfBStore;
  /* 60 */ le64 DataPageAddress;
  /* 68 */ le32 DataPageOffset, DataPageSize, DebuggerDataOffset, DebuggerDataSize;
  /* 78 */ le32 DataBlocksOffset, DataBlocksCount;
};
static_assert(sizeof(TriageDump64) == 0x80);
static_assert(offsetof(TriageDump64, UnloadedDriversOffset) == 0x18);
static_assert(offsetof(TriageDump64, CallStackOffset) == 0x28);
static_assert(offsetof(TriageDump64, BrokenDriverOffset) == 0x40);
static_assert(offsetof(TriageDump64, TopOfStack) == 0x48);
static_assert(offsetof(TriageDump64, LimitOfBStore) == 0x58);
static_assert(offsetof(TriageDump64, DebuggerDataOffset) == 0x70);
static_assert(offsetof(TriageDump64, DataBlocksCount) == 0x7C);

inline constexpr std::uint32_t kTriageValid =
    0x44475254; // 'DGRT': "TRGD" in the file, at ValidOffset
inline constexpr std::uint32_t kTriageOverflow = 0x100; // TriageOptions: the list is incomplete
inline constexpr std::uint32_t kTriageOptionsUnset = 0xFFFFFFFF;

// One of DriverCount entries.  The loader entry is a copy in which only these fields are filled.
struct DumpDriverEntry64 {
  /* 00 */ le32 DriverNameOffset, Pad4; // of a DumpString
  /* 08 */ std::uint8_t Links[48];
  /* 38 */ le64 DllBase, EntryPoint;
  /* 48 */ le32 SizeOfImage, Pad4C;
  /* 50 */ std::uint8_t Names[48];
  /* 80 */ le32 CheckSum, Pad84;
  /* 88 */ le32 TimeDateStamp;
};
static_assert(sizeof(DumpDriverEntry64) == 0x8C);
static_assert(offsetof(DumpDriverEntry64, DllBase) == 0x38);
static_assert(offsetof(DumpDriverEntry64, SizeOfImage) == 0x48);
static_assert(offsetof(DumpDriverEntry64, CheckSum) == 0x80);
static_assert(offsetof(DumpDriverEntry64, TimeDateStamp) == 0x88);
inline constexpr std::uint32_t kDriverEntry64Stride = 0x90;

struct DumpString {     // UTF-16 and a NUL follow
  /* 00 */ le32 Length; // in characters
};

// Behind a le64 count.
struct DumpUnloadedDriver64 {
  /* 00 */ le16 NameLength, NameMaximumLength; // bytes; the text below is cut at 12 characters
  /* 04 */ le32 Pad4;
  /* 08 */ le64 NameBuffer;
  /* 10 */ std::uint8_t DriverName[24];
  /* 28 */ le64 StartAddress, EndAddress;
};
static_assert(sizeof(DumpUnloadedDriver64) == 0x38);

struct DumpMmStorage64 {
  /* 00 */ le32 Version, Size, MmSpecialPoolTag, MiTriageActionTaken;
  /* 10 */ le32 MmVerifyDriverLevel, KernelVerifier;
  /* 18 */ le64 MmMaximumNonPagedPool, MmAllocatedNonPagedPool;
  /* 28 */ le64 PagedPoolMaximum, PagedPoolAllocated;
  /* 38 */ le64 CommittedPages, CommittedPagesPeak, CommitLimitMaximum;
};
static_assert(sizeof(DumpMmStorage64) == 0x50);
static_assert(offsetof(DumpMmStorage64, MmMaximumNonPagedPool) == 0x18);

struct TriageDataBlock {
  /* 00 */ le64 Address;
  /* 08 */ le32 Offset, Size;
};
static_assert(sizeof(TriageDataBlock) == 0x10);

// Secondary callback data, from SizeOfDump on.
struct DumpBlobFileHeader {
  /* 00 */ std::uint8_t Signature[8]; // "DumpBlob"
  /* 08 */ le32 HeaderSize, BuildNumber;
};
static_assert(sizeof(DumpBlobFileHeader) == 0x10);
struct DumpBlobHeader {
  /* 00 */ le32 HeaderSize;
  /* 04 */ std::uint8_t Tag[16]; // a GUID
  /* 14 */ le32 DataSize, PrePad, PostPad;
};
static_assert(sizeof(DumpBlobHeader) == 0x20);

} // namespace dumptriage::formats
