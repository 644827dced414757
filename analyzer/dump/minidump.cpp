// Header, directory, and which stream of each type is read.
#include "dump/minidump.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/minidump_reading.h"

namespace dumptriage::dump {
namespace {

using namespace formats;
using mdmp::Reading;
using mdmp::Stream;

constexpr std::uint64_t kMostStreams = 4096;

// In the order of reading: what later streams need comes first.  A stream without a reader is named
// in the directory and left alone.
struct StreamKind {
  std::uint32_t type;
  std::string_view name;
  void (*read)(Reading&, const Stream&) = nullptr;
  std::uint32_t least = 0;  // a smaller stream is not worth preferring
  std::uint32_t stride = 0; // of lists that begin with a u32 count
};
constexpr StreamKind kKinds[] = {
    {SystemInfoStream, "SystemInfo", mdmp::read_system_info, 0x18},
    {MiscInfoStream, "MiscInfo", mdmp::read_misc_info, 0x18},
    {ThreadListStream, "ThreadList", mdmp::read_threads, 4, sizeof(MINIDUMP_THREAD)},
    {ThreadExListStream, "ThreadExList", mdmp::read_threads_ex, 4, sizeof(MINIDUMP_THREAD_EX)},
    {ThreadInfoListStream, "ThreadInfoList", mdmp::read_thread_infos, 12},
    {ThreadNamesStream, "ThreadNames", mdmp::read_thread_names, 4, sizeof(MINIDUMP_THREAD_NAME)},
    {ModuleListStream, "ModuleList", mdmp::read_modules, 4, sizeof(MINIDUMP_MODULE)},
    {UnloadedModuleListStream, "UnloadedModuleList", mdmp::read_unloaded_modules, 12},
    {ExceptionStream, "Exception", mdmp::read_exception, sizeof(MINIDUMP_EXCEPTION_STREAM)},
    {MemoryListStream, "MemoryList", mdmp::read_memory_list, 4, sizeof(MINIDUMP_MEMORY_DESCRIPTOR)},
    {Memory64ListStream, "Memory64List", mdmp::read_memory64_list, 16},
    {MemoryInfoListStream, "MemoryInfoList", mdmp::read_memory_infos, 16},
    {HandleDataStream, "HandleData", mdmp::read_handles, 16},
    {FunctionTableStream, "FunctionTable", mdmp::read_function_tables, 24},
    {CommentStreamA, "CommentA", mdmp::read_comment_a},
    {CommentStreamW, "CommentW", mdmp::read_comment_w},
    {MD_BREAKPAD_INFO_STREAM, "BreakpadInfo", mdmp::read_breakpad_info, 12},
    {MD_ASSERTION_INFO_STREAM, "AssertionInfo", mdmp::read_assertion, sizeof(MDRawAssertionInfo)},
    {MD_CRASHPAD_INFO_STREAM, "CrashpadInfo", mdmp::read_crashpad_info,
     sizeof(MinidumpCrashpadInfo)},
    {MD_LINUX_CPU_INFO, "LinuxCpuInfo", mdmp::read_linux_text},
    {MD_LINUX_PROC_STATUS, "LinuxProcStatus", mdmp::read_linux_text},
    {MD_LINUX_LSB_RELEASE, "LinuxLsbRelease", mdmp::read_linux_text},
    {MD_LINUX_CMD_LINE, "LinuxCmdLine", mdmp::read_linux_text},
    {MD_LINUX_ENVIRON, "LinuxEnviron", mdmp::read_linux_text},
    {MD_LINUX_MAPS, "LinuxMaps", mdmp::read_linux_text},
    {MozLinuxLimitsStream, "LinuxLimits", mdmp::read_linux_text},
    {MozSoftErrorsStream, "SoftErrors", mdmp::read_linux_text},
    {MD_LINUX_AUXV, "LinuxAuxv"},
    {MD_LINUX_DSO_DEBUG, "LinuxDsoDebug"},
    {MozMacosCrashInfoStream, "MacosCrashInfo"},
    {MozMacosBootargsStream, "MacosBootArgs"},
    {StabilityReportStream, "StabilityReport"},
    {HandleOperationListStream, "HandleOperationList"},
    {TokenStream, "Token"},
    {JavaScriptDataStream, "JavaScriptData"},
    {SystemMemoryInfoStream, "SystemMemoryInfo"},
    {ProcessVmCountersStream, "ProcessVmCounters"},
    {IptTraceStream, "IptTrace"},
    {UnusedStream, "Unused"},
    {ReservedStream0, "Reserved0"},
    {ReservedStream1, "Reserved1"},
};

std::string stream_name(std::uint32_t type) {
  for (const StreamKind& kind : kKinds)
    if (kind.type == type) return std::string(kind.name);
  if (type >= ceStreamFirst && type <= ceStreamLast) return fmt::format("WindowsCe{:X}", type);
  return fmt::format("{:#x}", type);
}

Stream stream_of(const Reading& r, const StreamKind& kind, const StreamEntry& entry) {
  return {kind.name, entry.offset, entry.size, r.file.clamp(entry.offset, entry.size)};
}

bool plausible(const StreamKind& kind, const Stream& stream) {
  if (stream.bytes.size() < stream.size || stream.size < kind.least) return false;
  if (kind.stride == 0) return true;
  std::uint64_t count = *stream.bytes.u32(0);
  return mdmp::counted_list_start(stream.size, count, kind.stride) + count * kind.stride <=
         stream.size;
}

// The first plausible stream of the kind, else the first one of which the file holds something.
StreamEntry* choose(const Reading& r, const StreamKind& kind, std::vector<StreamEntry*>& listed) {
  for (StreamEntry* entry : listed)
    if (plausible(kind, stream_of(r, kind, *entry))) return entry;
  for (StreamEntry* entry : listed)
    if (!stream_of(r, kind, *entry).bytes.empty()) return entry;
  return listed.empty() ? nullptr : listed.front();
}

void read_kind(Reading& r, const StreamKind& kind, std::vector<StreamEntry*>& listed) {
  StreamEntry* entry = choose(r, kind, listed);
  if (!entry) return;
  Stream stream = stream_of(r, kind, *entry);
  if (listed.size() > 1)
    r.note(Code::bad_value, stream,
           fmt::format("the directory lists {} of them; this one is read", listed.size()),
           entry->offset);
  if (stream.bytes.size() < stream.size) {
    r.complete = false;
    r.note(Code::truncated, stream,
           fmt::format("{} of its {} bytes lie beyond the end of the file",
                       stream.size - stream.bytes.size(), stream.size),
           entry->offset);
    if (stream.bytes.empty()) return;
  }
  entry->used = true;
  kind.read(r, stream);
}

// A CONTEXT by its size and the CPU bit of its flags (winnt.h).
arch::Machine machine_of_context(ByteView context) {
  std::uint32_t flags = context.u32(0).value_or(0);
  if (context.size() == 0x2cc && (flags & 0x10000) != 0) return arch::Machine::x86;
  if (context.size() == 0x390 && (flags & 0x400000) != 0) return arch::Machine::arm64;
  if (context.size() >= 0x4d0 && (context.u32(0x30).value_or(0) & 0x100000) != 0)
    return arch::Machine::x64;
  return arch::Machine::unknown;
}

// Without SystemInfo the thread contexts still tell the CPU.
void guess_machine(Reading& r, const std::vector<StreamEntry*>& threads,
                   const std::vector<StreamEntry*>& exceptions) {
  std::vector<std::uint64_t> places;
  for (const StreamEntry* entry : exceptions)
    places.push_back(entry->offset + offsetof(MINIDUMP_EXCEPTION_STREAM, ThreadContext));
  for (const StreamEntry* entry : threads)
    places.push_back(entry->offset + 4 + offsetof(MINIDUMP_THREAD, ThreadContext));
  for (std::uint64_t place : places) {
    auto location = r.file.get<MINIDUMP_LOCATION_DESCRIPTOR>(place);
    auto context = location ? r.at(*location) : std::nullopt;
    if (!context) continue;
    r.machine = machine_of_context(*context);
    if (r.machine == arch::Machine::unknown) continue;
    add_note(r.notes, Severity::warning, Code::absent,
             fmt::format("SystemInfo stream: none that can be read; the CPU ({}) is taken from the "
                         "thread contexts",
                         arch::name_of(r.machine)));
    return;
  }
}

void read_streams(Reading& r) {
  std::map<std::uint32_t, std::vector<StreamEntry*>> by_type;
  mdmp::Tally outside;
  for (StreamEntry& entry : r.dump.streams) {
    by_type[entry.type].push_back(&entry);
    bool known = std::any_of(std::begin(kKinds), std::end(kKinds), [&](const StreamKind& kind) {
      return kind.type == entry.type && (kind.read != nullptr || kind.type <= ReservedStream1);
    });
    if (!known && !r.file.holds(entry.offset, entry.size)) outside.add(entry.offset);
  }
  if (outside.count != 0) {
    r.complete = false;
    add_note(r.notes, Severity::warning, Code::truncated,
             fmt::format("minidump directory: {} streams that are not read lie beyond the end of "
                         "the file",
                         outside.count),
             Where::file(outside.first));
  }
  for (const StreamKind& kind : kKinds) {
    if (kind.read == nullptr) continue;
    read_kind(r, kind, by_type[kind.type]);
    if (kind.type == SystemInfoStream && r.machine == arch::Machine::unknown)
      guess_machine(
          r, by_type[by_type[ThreadListStream].empty() ? ThreadExListStream : ThreadListStream],
          by_type[ExceptionStream]);
  }
  // Last, when the memory lists are known.
  for (const StreamKind& kind : kKinds)
    if (kind.type == ThreadListStream || kind.type == ThreadExListStream)
      for (const StreamEntry* entry : by_type[kind.type])
        if (entry->used) mdmp::add_stacks(r, stream_of(r, kind, *entry), kind.stride);
}

Result<void> read_directory(Reading& r, const MINIDUMP_HEADER& header) {
  std::uint64_t said = header.NumberOfStreams, start = header.StreamDirectoryRva;
  std::uint64_t room = r.file.left(start) / sizeof(MINIDUMP_DIRECTORY);
  if (said == 0)
    return fail(Code::bad_value, "minidump header", "it lists no streams", Where::file(8));
  if (room == 0)
    return fail(Code::truncated, "minidump directory",
                fmt::format("{} streams are listed beyond the end of the file ({} bytes)", said,
                            r.file.size()),
                Where::file(start));
  std::uint64_t kept = std::min({said, room, kMostStreams});
  if (kept < said) {
    r.complete = false;
    add_note(r.notes, Severity::warning, kept == kMostStreams ? Code::limit : Code::truncated,
             fmt::format("minidump directory: {} streams are listed, {} are read", said, kept),
             Where::file(start));
  }
  for (std::uint64_t i = 0; i < kept; ++i) {
    auto raw = *r.file.get<MINIDUMP_DIRECTORY>(start + i * sizeof(MINIDUMP_DIRECTORY));
    r.dump.streams.push_back({raw.StreamType, raw.Location.Rva, raw.Location.DataSize,
                              stream_name(raw.StreamType), false});
  }
  return {};
}

} // namespace

bool is_minidump(ByteView file) { return file.u32(0) == kMinidumpSignature; }

Result<MinidumpParts> read_minidump(ByteView file, Notes& notes) {
  if (file.empty()) return fail(Code::truncated, "minidump header", "the file is empty");
  if (file.size() >= 4 && !is_minidump(file))
    return fail(Code::bad_magic, "minidump header", "the signature is not MDMP", Where::file(0));
  auto header = file.get<MINIDUMP_HEADER>(0);
  if (!header)
    return fail(Code::truncated, "minidump header",
                fmt::format("the file has {} bytes of its 32", file.size()), Where::file(0));
  MinidumpParts parts;
  parts.minidump = std::make_unique<Minidump>();
  auto memory = std::make_shared<memory::FlatRanges>();
  Reading reading{file, notes, *parts.minidump, *memory};
  if ((header->Version & 0xFFFF) != kMinidumpVersion)
    add_note(notes, Severity::warning, Code::bad_value,
             fmt::format("minidump header: version {:#x} is not 0xa793", header->Version & 0xFFFF),
             Where::file(4));
  parts.minidump->time_date_stamp = header->TimeDateStamp;
  parts.minidump->flags = header->Flags;
  if (auto listed = read_directory(reading, *header); !listed)
    return std::unexpected(listed.error());
  read_streams(reading);
  memory->seal();
  parts.memory = std::move(memory);
  parts.machine = reading.machine;
  parts.complete = reading.complete;
  return parts;
}

} // namespace dumptriage::dump
