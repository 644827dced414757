// MDMP, the user minidump: minidumpapiset.h as published, plus Breakpad's minidump_format.h and
// Crashpad's minidump_extensions.h.  All RVAs are file offsets; structures are packed to 4 bytes.
#pragma once

#include <array>
#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kMinidumpSignature = 0x504D444D; // "MDMP"
inline constexpr std::uint16_t kMinidumpVersion = 0xA793;       // low half of Version

struct MINIDUMP_HEADER {
  /*00*/ le32 Signature;
  /*04*/ le32 Version;
  /*08*/ le32 NumberOfStreams;
  /*0c*/ le32 StreamDirectoryRva;
  /*10*/ le32 CheckSum;
  /*14*/ le32 TimeDateStamp;
  /*18*/ le64 Flags;
};
static_assert(sizeof(MINIDUMP_HEADER) == 0x20);
static_assert(offsetof(MINIDUMP_HEADER, Flags) == 0x18);

struct MINIDUMP_LOCATION_DESCRIPTOR {
  /*00*/ le32 DataSize;
  /*04*/ le32 Rva;
};
static_assert(sizeof(MINIDUMP_LOCATION_DESCRIPTOR) == 8);

struct MINIDUMP_DIRECTORY {
  /*00*/ le32 StreamType;
  /*04*/ MINIDUMP_LOCATION_DESCRIPTOR Location;
};
static_assert(sizeof(MINIDUMP_DIRECTORY) == 12);

struct MINIDUMP_MEMORY_DESCRIPTOR {
  /*00*/ le64 StartOfMemoryRange;
  /*08*/ MINIDUMP_LOCATION_DESCRIPTOR Memory;
};
static_assert(sizeof(MINIDUMP_MEMORY_DESCRIPTOR) == 0x10);

struct MINIDUMP_MEMORY_DESCRIPTOR64 {
  /*00*/ le64 StartOfMemoryRange;
  /*08*/ le64 DataSize;
};
static_assert(sizeof(MINIDUMP_MEMORY_DESCRIPTOR64) == 0x10);

struct MINIDUMP_THREAD {
  /*00*/ le32 ThreadId;
  /*04*/ le32 SuspendCount;
  /*08*/ le32 PriorityClass;
  /*0c*/ le32 Priority;
  /*10*/ le64 Teb;
  /*18*/ MINIDUMP_MEMORY_DESCRIPTOR Stack;
  /*28*/ MINIDUMP_LOCATION_DESCRIPTOR ThreadContext;
};
static_assert(sizeof(MINIDUMP_THREAD) == 0x30);
static_assert(offsetof(MINIDUMP_THREAD, Stack) == 0x18);
static_assert(offsetof(MINIDUMP_THREAD, ThreadContext) == 0x28);

struct MINIDUMP_THREAD_EX {
  /*00*/ MINIDUMP_THREAD Thread;
  /*30*/ MINIDUMP_MEMORY_DESCRIPTOR BackingStore;
};
static_assert(sizeof(MINIDUMP_THREAD_EX) == 0x40);

struct VS_FIXEDFILEINFO {
  /*00*/ le32 dwSignature;
  /*04*/ le32 dwStrucVersion;
  /*08*/ le32 dwFileVersionMS;
  /*0c*/ le32 dwFileVersionLS;
  /*10*/ le32 dwProductVersionMS;
  /*14*/ le32 dwProductVersionLS;
  /*18*/ le32 dwFileFlagsMask;
  /*1c*/ le32 dwFileFlags;
  /*20*/ le32 dwFileOS;
  /*24*/ le32 dwFileType;
  /*28*/ le32 dwFileSubtype;
  /*2c*/ le32 dwFileDateMS;
  /*30*/ le32 dwFileDateLS;
};
static_assert(sizeof(VS_FIXEDFILEINFO) == 0x34);
inline constexpr std::uint32_t kVsFixedFileInfoSignature = 0xFEEF04BD;

struct MINIDUMP_MODULE {
  /*00*/ le64 BaseOfImage;
  /*08*/ le32 SizeOfImage;
  /*0c*/ le32 CheckSum;
  /*10*/ le32 TimeDateStamp;
  /*14*/ le32 ModuleNameRva;
  /*18*/ VS_FIXEDFILEINFO VersionInfo;
  /*4c*/ MINIDUMP_LOCATION_DESCRIPTOR CvRecord;
  /*54*/ MINIDUMP_LOCATION_DESCRIPTOR MiscRecord;
  /*5c*/ le64 Reserved0;
  /*64*/ le64 Reserved1;
};
static_assert(sizeof(MINIDUMP_MODULE) == 0x6c);
static_assert(offsetof(MINIDUMP_MODULE, VersionInfo) == 0x18);
static_assert(offsetof(MINIDUMP_MODULE, CvRecord) == 0x4c);
static_assert(offsetof(MINIDUMP_MODULE, MiscRecord) == 0x54);

inline constexpr std::size_t kExceptionMaximumParameters = 15;
struct MINIDUMP_EXCEPTION {
  /*00*/ le32 ExceptionCode;
  /*04*/ le32 ExceptionFlags;
  /*08*/ le64 ExceptionRecord;
  /*10*/ le64 ExceptionAddress;
  /*18*/ le32 NumberParameters;
  /*1c*/ le32 __unusedAlignment;
  /*20*/ std::array<le64, kExceptionMaximumParameters> ExceptionInformation;
};
static_assert(sizeof(MINIDUMP_EXCEPTION) == 0x98);

struct MINIDUMP_EXCEPTION_STREAM {
  /*00*/ le32 ThreadId;
  /*04*/ le32 __alignment;
  /*08*/ MINIDUMP_EXCEPTION ExceptionRecord;
  /*a0*/ MINIDUMP_LOCATION_DESCRIPTOR ThreadContext;
};
static_assert(sizeof(MINIDUMP_EXCEPTION_STREAM) == 0xa8);
static_assert(offsetof(MINIDUMP_EXCEPTION_STREAM, ThreadContext) == 0xa0);

// The fixed part before the CPU union; the union follows at 0x20.
struct MINIDUMP_SYSTEM_INFO {
  /*00*/ le16 ProcessorArchitecture;
  /*02*/ le16 ProcessorLevel;
  /*04*/ le16 ProcessorRevision;
  /*06*/ le8 NumberOfProcessors;
  /*07*/ le8 ProductType;
  /*08*/ le32 MajorVersion;
  /*0c*/ le32 MinorVersion;
  /*10*/ le32 BuildNumber;
  /*14*/ le32 PlatformId;
  /*18*/ le32 CSDVersionRva;
  /*1c*/ le16 SuiteMask;
  /*1e*/ le16 Reserved2;
};
static_assert(sizeof(MINIDUMP_SYSTEM_INFO) == 0x20);
inline constexpr std::size_t kSystemInfoCpu = 0x20; // x86: VendorId, 12 characters

inline constexpr std::uint32_t kPlatformWin32s = 0;
inline constexpr std::uint32_t kPlatformWindows = 1;
inline constexpr std::uint32_t kPlatformNt = 2;
inline constexpr std::uint32_t kPlatformUnix = 0x8000; // Breakpad, minidump_format.h
inline constexpr std::uint32_t kPlatformMacOs = 0x8101;
inline constexpr std::uint32_t kPlatformIos = 0x8102;
inline constexpr std::uint32_t kPlatformLinux = 0x8201;
inline constexpr std::uint32_t kPlatformSolaris = 0x8202;
inline constexpr std::uint32_t kPlatformAndroid = 0x8203;

// Breakpad's own processor numbers beside PROCESSOR_ARCHITECTURE_*.
inline constexpr std::uint16_t kProcessorArm64Old = 0x8003;

struct SYSTEMTIME {
  /*00*/ std::array<le16, 8> Fields;
};
struct TIME_ZONE_INFORMATION {
  /*00*/ le32 Bias; // signed minutes
  /*04*/ std::array<le16, 32> StandardName;
  /*44*/ SYSTEMTIME StandardDate;
  /*54*/ le32 StandardBias;
  /*58*/ std::array<le16, 32> DaylightName;
  /*98*/ SYSTEMTIME DaylightDate;
  /*a8*/ le32 DaylightBias;
};
static_assert(sizeof(TIME_ZONE_INFORMATION) == 0xac);

struct MINIDUMP_MISC_INFO_4 {
  /*000*/ le32 SizeOfInfo;
  /*004*/ le32 Flags1;
  /*008*/ le32 ProcessId;
  /*00c*/ le32 ProcessCreateTime;
  /*010*/ le32 ProcessUserTime;
  /*014*/ le32 ProcessKernelTime;
  /*018*/ le32 ProcessorMaxMhz; // MINIDUMP_MISC_INFO_2
  /*01c*/ le32 ProcessorCurrentMhz;
  /*020*/ le32 ProcessorMhzLimit;
  /*024*/ le32 ProcessorMaxIdleState;
  /*028*/ le32 ProcessorCurrentIdleState;
  /*02c*/ le32 ProcessIntegrityLevel; // MINIDUMP_MISC_INFO_3
  /*030*/ le32 ProcessExecuteFlags;
  /*034*/ le32 ProtectedProcess;
  /*038*/ le32 TimeZoneId;
  /*03c*/ TIME_ZONE_INFORMATION TimeZone;
  /*0e8*/ std::array<le16, 260> BuildString; // MINIDUMP_MISC_INFO_4
  /*2f0*/ std::array<le16, 40> DbgBldStr;
  // MINIDUMP_MISC_INFO_5 adds XSTATE_CONFIG_FEATURE_MSC_INFO and ProcessCookie (0x554 in all)
};
static_assert(sizeof(MINIDUMP_MISC_INFO_4) == 0x340);
static_assert(offsetof(MINIDUMP_MISC_INFO_4, TimeZone) == 0x3c);
static_assert(offsetof(MINIDUMP_MISC_INFO_4, BuildString) == 0xe8);
static_assert(offsetof(MINIDUMP_MISC_INFO_4, DbgBldStr) == 0x2f0);
inline constexpr std::uint32_t kMisc1ProcessId = 0x001;
inline constexpr std::uint32_t kMisc1ProcessTimes = 0x002;
inline constexpr std::uint32_t kMisc1ProcessorPowerInfo = 0x004;
inline constexpr std::uint32_t kMisc3ProcessIntegrity = 0x010;
inline constexpr std::uint32_t kMisc3Timezone = 0x040;
inline constexpr std::uint32_t kMisc3ProtectedProcess = 0x080;
inline constexpr std::uint32_t kMisc4BuildString = 0x100;

// Lists that say the size of their own header and entries.
struct MINIDUMP_UNLOADED_MODULE_LIST {
  /*00*/ le32 SizeOfHeader;
  /*04*/ le32 SizeOfEntry;
  /*08*/ le32 NumberOfEntries;
};
static_assert(sizeof(MINIDUMP_UNLOADED_MODULE_LIST) == 12);
struct MINIDUMP_UNLOADED_MODULE {
  /*00*/ le64 BaseOfImage;
  /*08*/ le32 SizeOfImage;
  /*0c*/ le32 CheckSum;
  /*10*/ le32 TimeDateStamp;
  /*14*/ le32 ModuleNameRva;
};
static_assert(sizeof(MINIDUMP_UNLOADED_MODULE) == 24);

struct MINIDUMP_HANDLE_DATA_STREAM {
  /*00*/ le32 SizeOfHeader;
  /*04*/ le32 SizeOfDescriptor;
  /*08*/ le32 NumberOfDescriptors;
  /*0c*/ le32 Reserved;
};
static_assert(sizeof(MINIDUMP_HANDLE_DATA_STREAM) == 16);
struct MINIDUMP_HANDLE_DESCRIPTOR { // _2 adds ObjectInfoRva and Reserved0
  /*00*/ le64 Handle;
  /*08*/ le32 TypeNameRva;
  /*0c*/ le32 ObjectNameRva;
  /*10*/ le32 Attributes;
  /*14*/ le32 GrantedAccess;
  /*18*/ le32 HandleCount;
  /*1c*/ le32 PointerCount;
};
static_assert(sizeof(MINIDUMP_HANDLE_DESCRIPTOR) == 32);

struct MINIDUMP_FUNCTION_TABLE_STREAM {
  /*00*/ le32 SizeOfHeader;
  /*04*/ le32 SizeOfDescriptor;
  /*08*/ le32 SizeOfNativeDescriptor;
  /*0c*/ le32 SizeOfFunctionEntry;
  /*10*/ le32 NumberOfDescriptors;
  /*14*/ le32 SizeOfAlignPad;
};
static_assert(sizeof(MINIDUMP_FUNCTION_TABLE_STREAM) == 24);
struct MINIDUMP_FUNCTION_TABLE_DESCRIPTOR {
  /*00*/ le64 MinimumAddress;
  /*08*/ le64 MaximumAddress;
  /*10*/ le64 BaseAddress;
  /*18*/ le32 EntryCount;
  /*1c*/ le32 SizeOfAlignPad;
  // native descriptor, function entries, pad follow
};
static_assert(sizeof(MINIDUMP_FUNCTION_TABLE_DESCRIPTOR) == 32);

struct MINIDUMP_MEMORY_INFO_LIST {
  /*00*/ le32 SizeOfHeader;
  /*04*/ le32 SizeOfEntry;
  /*08*/ le64 NumberOfEntries;
};
static_assert(sizeof(MINIDUMP_MEMORY_INFO_LIST) == 16);
struct MINIDUMP_MEMORY_INFO {
  /*00*/ le64 BaseAddress;
  /*08*/ le64 AllocationBase;
  /*10*/ le32 AllocationProtect;
  /*14*/ le32 __alignment1;
  /*18*/ le64 RegionSize;
  /*20*/ le32 State;
  /*24*/ le32 Protect;
  /*28*/ le32 Type;
  /*2c*/ le32 __alignment2;
};
static_assert(sizeof(MINIDUMP_MEMORY_INFO) == 48);

struct MINIDUMP_THREAD_INFO_LIST {
  /*00*/ le32 SizeOfHeader;
  /*04*/ le32 SizeOfEntry;
  /*08*/ le32 NumberOfEntries;
};
static_assert(sizeof(MINIDUMP_THREAD_INFO_LIST) == 12);
struct MINIDUMP_THREAD_INFO {
  /*00*/ le32 ThreadId;
  /*04*/ le32 DumpFlags;
  /*08*/ le32 DumpError;
  /*0c*/ le32 ExitStatus;
  /*10*/ le64 CreateTime;
  /*18*/ le64 ExitTime;
  /*20*/ le64 KernelTime;
  /*28*/ le64 UserTime;
  /*30*/ le64 StartAddress;
  /*38*/ le64 Affinity;
};
static_assert(sizeof(MINIDUMP_THREAD_INFO) == 64);

struct MINIDUMP_THREAD_NAME {
  /*00*/ le32 ThreadId;
  /*04*/ le64 RvaOfThreadName;
};
static_assert(sizeof(MINIDUMP_THREAD_NAME) == 12);

// Breakpad: MDRawBreakpadInfo, MDRawAssertionInfo.
struct MDRawBreakpadInfo {
  /*00*/ le32 validity; // 1 dump_thread_id, 2 requesting_thread_id
  /*04*/ le32 dump_thread_id;
  /*08*/ le32 requesting_thread_id;
};
static_assert(sizeof(MDRawBreakpadInfo) == 12);
struct MDRawAssertionInfo {
  /*000*/ std::array<le16, 128> expression;
  /*100*/ std::array<le16, 128> function;
  /*200*/ std::array<le16, 128> file;
  /*300*/ le32 line;
  /*304*/ le32 type; // 1 invalid parameter, 2 pure virtual call
};
static_assert(sizeof(MDRawAssertionInfo) == 0x308);

// Crashpad, minidump_extensions.h.
struct MinidumpCrashpadInfo {
  /*00*/ le32 version;
  /*04*/ std::array<std::uint8_t, 16> report_id;
  /*14*/ std::array<std::uint8_t, 16> client_id;
  /*24*/ MINIDUMP_LOCATION_DESCRIPTOR simple_annotations;
  /*2c*/ MINIDUMP_LOCATION_DESCRIPTOR module_list;
};
static_assert(sizeof(MinidumpCrashpadInfo) == 0x34);
struct MinidumpModuleCrashpadInfoLink {
  /*00*/ le32 minidump_module_list_index;
  /*04*/ MINIDUMP_LOCATION_DESCRIPTOR location;
};
static_assert(sizeof(MinidumpModuleCrashpadInfoLink) == 12);
struct MinidumpModuleCrashpadInfo {
  /*00*/ le32 version;
  /*04*/ MINIDUMP_LOCATION_DESCRIPTOR list_annotations;
  /*0c*/ MINIDUMP_LOCATION_DESCRIPTOR simple_annotations;
  /*14*/ MINIDUMP_LOCATION_DESCRIPTOR annotation_objects;
};
static_assert(sizeof(MinidumpModuleCrashpadInfo) == 0x1c);
struct MinidumpAnnotation {
  /*00*/ le32 name;
  /*04*/ le16 type; // 1 string
  /*06*/ le16 reserved;
  /*08*/ le32 value;
};
static_assert(sizeof(MinidumpAnnotation) == 12);

enum StreamType : std::uint32_t {
  UnusedStream = 0,
  ReservedStream0 = 1,
  ReservedStream1 = 2,
  ThreadListStream = 3,
  ModuleListStream = 4,
  MemoryListStream = 5,
  ExceptionStream = 6,
  SystemInfoStream = 7,
  ThreadExListStream = 8,
  Memory64ListStream = 9,
  CommentStreamA = 10,
  CommentStreamW = 11,
  HandleDataStream = 12,
  FunctionTableStream = 13,
  UnloadedModuleListStream = 14,
  MiscInfoStream = 15,
  MemoryInfoListStream = 16,
  ThreadInfoListStream = 17,
  HandleOperationListStream = 18,
  TokenStream = 19,
  JavaScriptDataStream = 20,
  SystemMemoryInfoStream = 21,
  ProcessVmCountersStream = 22,
  IptTraceStream = 23,
  ThreadNamesStream = 24,
  ceStreamFirst = 0x8000,
  ceStreamLast = 0x800c,
  MD_BREAKPAD_INFO_STREAM = 0x47670001,
  MD_ASSERTION_INFO_STREAM = 0x47670002,
  MD_LINUX_CPU_INFO = 0x47670003,
  MD_LINUX_PROC_STATUS = 0x47670004,
  MD_LINUX_LSB_RELEASE = 0x47670005,
  MD_LINUX_CMD_LINE = 0x47670006,
  MD_LINUX_ENVIRON = 0x47670007,
  MD_LINUX_AUXV = 0x47670008,
  MD_LINUX_MAPS = 0x47670009,
  MD_LINUX_DSO_DEBUG = 0x4767000A,
  MD_CRASHPAD_INFO_STREAM = 0x43500001,
  StabilityReportStream = 0x4b6b0002,
  MozMacosCrashInfoStream = 0x4d7a0001,
  MozMacosBootargsStream = 0x4d7a0002,
  MozLinuxLimitsStream = 0x4d7a0003,
  MozSoftErrorsStream = 0x4d7a0004,
};

} // namespace dumptriage::formats
