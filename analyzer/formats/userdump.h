// The user dumps of NT 4 and Windows 2000 (drwtsn32, userdump.exe): USERDUMP, 32-bit, and USERDU64.
// Names and offsets of the header, CRASH_MODULE and CRASH_THREAD: Dump.h of the Singularity
// Research Development Kit; MEMORY_BASIC_INFORMATION, DEBUG_EVENT and EXCEPTION_RECORD: the public
// winnt.h and minwinbase.h.  Tables of unknown size follow wherever the header's offsets point.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kUserDumpSignature = 0x52455355; // "USER"
inline constexpr std::uint32_t kUserDumpValid32 = 0x504D5544;   // "DUMP"
inline constexpr std::uint32_t kUserDumpValid64 = 0x34365544;   // "DU64"

struct USERMODE_CRASHDUMP_HEADER32 {
  /* 00 */ le32 Signature;
  /* 04 */ le32 ValidDump;
  /* 08 */ le32 MajorVersion;
  /* 0C */ le32 MinorVersion;
  /* 10 */ le32 MachineImageType;
  /* 14 */ le32 ThreadCount;
  /* 18 */ le32 ModuleCount;
  /* 1C */ le32 MemoryRegionCount;
  /* 20 */ le32 ThreadOffset;
  /* 24 */ le32 ModuleOffset;
  /* 28 */ le32 DataOffset;
  /* 2C */ le32 MemoryRegionOffset;
  /* 30 */ le32 DebugEventOffset;
  /* 34 */ le32 ThreadStateOffset;
  /* 38 */ le32 VersionInfoOffset;
  /* 3C */ le32 Spare1;
};
static_assert(sizeof(USERMODE_CRASHDUMP_HEADER32) == 0x40);
static_assert(offsetof(USERMODE_CRASHDUMP_HEADER32, MachineImageType) == 0x10);
static_assert(offsetof(USERMODE_CRASHDUMP_HEADER32, ThreadOffset) == 0x20);
static_assert(offsetof(USERMODE_CRASHDUMP_HEADER32, VersionInfoOffset) == 0x38);

struct USERMODE_CRASHDUMP_HEADER64 {
  /* 00 */ le32 Signature;
  /* 04 */ le32 ValidDump;
  /* 08 */ le32 MajorVersion;
  /* 0C */ le32 MinorVersion;
  /* 10 */ le32 MachineImageType;
  /* 14 */ le32 ThreadCount;
  /* 18 */ le32 ModuleCount;
  /* 1C */ le32 MemoryRegionCount;
  /* 20 */ le64 ThreadOffset;
  /* 28 */ le64 ModuleOffset;
  /* 30 */ le64 DataOffset;
  /* 38 */ le64 MemoryRegionOffset;
  /* 40 */ le64 DebugEventOffset;
  /* 48 */ le64 ThreadStateOffset;
  /* 50 */ le64 VersionInfoOffset;
  /* 58 */ le64 Spare1;
};
static_assert(sizeof(USERMODE_CRASHDUMP_HEADER64) == 0x60);
static_assert(offsetof(USERMODE_CRASHDUMP_HEADER64, ThreadOffset) == 0x20);
static_assert(offsetof(USERMODE_CRASHDUMP_HEADER64, VersionInfoOffset) == 0x50);

// The name, ImageNameLength bytes of ANSI text, follows each.
struct CRASH_MODULE32 {
  /* 00 */ le32 BaseOfImage;
  /* 04 */ le32 SizeOfImage;
  /* 08 */ le32 ImageNameLength;
};
static_assert(sizeof(CRASH_MODULE32) == 0xC);

struct CRASH_MODULE64 {
  /* 00 */ le64 BaseOfImage;
  /* 08 */ le32 SizeOfImage;
  /* 0C */ le32 ImageNameLength;
};
static_assert(sizeof(CRASH_MODULE64) == 0x10);

struct CRASH_THREAD32 {
  /* 00 */ le32 ThreadId;
  /* 04 */ le32 SuspendCount;
  /* 08 */ le32 PriorityClass;
  /* 0C */ le32 Priority;
  /* 10 */ le32 Teb;
  /* 14 */ le32 Spare[7];
};
static_assert(sizeof(CRASH_THREAD32) == 0x30);

struct CRASH_THREAD64 {
  /* 00 */ le32 ThreadId;
  /* 04 */ le32 SuspendCount;
  /* 08 */ le32 PriorityClass;
  /* 0C */ le32 Priority;
  /* 10 */ le64 Teb;
  /* 18 */ le64 Spare[7];
};
static_assert(sizeof(CRASH_THREAD64) == 0x50);

// The field names hide what they mean; nothing is decided by them alone.
struct CRASHDUMP_VERSION_INFO {
  /* 00 */ le32 IgnoreGuardPages;
  /* 04 */ le32 PointerSize;
};
static_assert(sizeof(CRASHDUMP_VERSION_INFO) == 8);

struct MEMORY_BASIC_INFORMATION32 {
  /* 00 */ le32 BaseAddress;
  /* 04 */ le32 AllocationBase;
  /* 08 */ le32 AllocationProtect;
  /* 0C */ le32 RegionSize;
  /* 10 */ le32 State;
  /* 14 */ le32 Protect;
  /* 18 */ le32 Type;
};
static_assert(sizeof(MEMORY_BASIC_INFORMATION32) == 0x1C);

struct MEMORY_BASIC_INFORMATION64 {
  /* 00 */ le64 BaseAddress;
  /* 08 */ le64 AllocationBase;
  /* 10 */ le32 AllocationProtect;
  /* 14 */ le32 Alignment1;
  /* 18 */ le64 RegionSize;
  /* 20 */ le32 State;
  /* 24 */ le32 Protect;
  /* 28 */ le32 Type;
  /* 2C */ le32 Alignment2;
};
static_assert(sizeof(MEMORY_BASIC_INFORMATION64) == 0x30);
static_assert(offsetof(MEMORY_BASIC_INFORMATION64, RegionSize) == 0x18);

inline constexpr std::uint32_t kMemCommit = 0x1000;
inline constexpr std::uint32_t kPageNoAccess = 0x01;
inline constexpr std::uint32_t kPageGuard = 0x100;

inline constexpr std::uint32_t kExceptionDebugEvent = 1;
inline constexpr std::uint32_t kExceptionParameters = 15; // EXCEPTION_MAXIMUM_PARAMETERS

struct EXCEPTION_RECORD32 {
  /* 00 */ le32 ExceptionCode;
  /* 04 */ le32 ExceptionFlags;
  /* 08 */ le32 ExceptionRecord;
  /* 0C */ le32 ExceptionAddress;
  /* 10 */ le32 NumberParameters;
  /* 14 */ le32 ExceptionInformation[kExceptionParameters];
};
static_assert(sizeof(EXCEPTION_RECORD32) == 0x50);

struct EXCEPTION_RECORD64 {
  /* 00 */ le32 ExceptionCode;
  /* 04 */ le32 ExceptionFlags;
  /* 08 */ le64 ExceptionRecord;
  /* 10 */ le64 ExceptionAddress;
  /* 18 */ le32 NumberParameters;
  /* 1C */ le32 Alignment;
  /* 20 */ le64 ExceptionInformation[kExceptionParameters];
};
static_assert(sizeof(EXCEPTION_RECORD64) == 0x98);

// DEBUG_EVENT of an exception begins so; the record, then u32 dwFirstChance follow at 0C (32-bit)
// or 10 (64-bit: the union holds pointers).
struct DEBUG_EVENT_START {
  /* 00 */ le32 dwDebugEventCode;
  /* 04 */ le32 dwProcessId;
  /* 08 */ le32 dwThreadId;
};
static_assert(sizeof(DEBUG_EVENT_START) == 0xC);
inline constexpr std::uint64_t kDebugEventUnion32 = 0x0C;
inline constexpr std::uint64_t kDebugEventUnion64 = 0x10;

} // namespace dumptriage::formats
