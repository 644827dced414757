#include "dump/userdump.h"

#include <fmt/format.h>

#include "dump/kernel_reading.h"
#include "dump/userdump_reading.h"
#include "formats/windows_builds.h"

namespace dumptriage::dump {
namespace {

using namespace formats;
using userdump::Header;
using userdump::Reading;

template <class Raw> Header header_of(const Raw& raw) {
  Header h;
  h.major = raw.MajorVersion;
  h.minor = raw.MinorVersion;
  h.machine = raw.MachineImageType;
  h.threads = raw.ThreadCount;
  h.modules = raw.ModuleCount;
  h.regions = raw.MemoryRegionCount;
  h.thread_offset = raw.ThreadOffset;
  h.module_offset = raw.ModuleOffset;
  h.data_offset = raw.DataOffset;
  h.region_offset = raw.MemoryRegionOffset;
  h.event_offset = raw.DebugEventOffset;
  h.thread_state_offset = raw.ThreadStateOffset;
  h.version_offset = raw.VersionInfoOffset;
  return h;
}

arch::Machine machine_of(const Header& header) {
  return header.machine <= 0xFFFF
             ? arch::machine_of_image_file(static_cast<std::uint16_t>(header.machine))
             : arch::Machine::unknown;
}

struct Version {
  std::uint32_t build, major, minor;
};
// Builds of the Windows versions that wrote this format, and of those that still could.
constexpr Version kVersions[] = {{807, 3, 50}, {1057, 3, 51}, {1381, 4, 0},
                                 {2195, 5, 0}, {2600, 5, 1},  {3790, 5, 2}};

// MinorVersion is taken for the build, as in kernel dumps, only where it names a release.
void read_system(Reading& r) {
  SystemInfo info;
  info.platform_id = 2; // VER_PLATFORM_WIN32_NT: nothing else wrote this format
  for (const Version& version : kVersions) {
    if (version.build != r.header.minor) continue;
    info.major = version.major;
    info.minor = version.minor;
    info.build = version.build;
  }
  if (info.build == 0)
    r.note(Severity::warning, Code::bad_value,
           fmt::format("header: its version {} is the build of no Windows that is known to write "
                       "this format; which Windows it was stays open",
                       r.header.minor),
           offsetof(USERMODE_CRASHDUMP_HEADER32, MinorVersion));
  r.dump.system_info = std::move(info);
}

} // namespace

std::optional<Header> userdump::read_header(ByteView file) {
  bool is64 = file.u32(4) == kUserDumpValid64;
  auto raw32 = file.get<USERMODE_CRASHDUMP_HEADER32>(0);
  auto raw64 = file.get<USERMODE_CRASHDUMP_HEADER64>(0);
  if (is64 ? !raw64 : !raw32) return std::nullopt;
  Header header = is64 ? header_of(*raw64) : header_of(*raw32);
  header.is64 = is64;
  return header;
}

std::uint64_t Header::next_table(std::uint64_t offset, std::uint64_t file_size) const {
  std::uint64_t next = file_size;
  for (std::uint64_t table : {thread_offset, module_offset, data_offset, region_offset,
                              event_offset, thread_state_offset, version_offset})
    if (table > offset) next = std::min(next, table);
  return std::max(next, offset);
}

std::uint64_t Reading::entries(std::string_view what, std::uint64_t listed, std::uint64_t offset,
                               std::uint64_t stride, std::uint64_t most) {
  std::uint64_t room = file.left(offset) / stride;
  std::uint64_t kept = std::min({listed, room, most});
  if (kept < listed)
    lost(kept == most ? Code::limit : Code::truncated,
         fmt::format("{}: {} are listed, {} are read", what, listed, kept), offset);
  return kept;
}

bool is_userdump(ByteView file) {
  return file.u32(0) == kUserDumpSignature &&
         (file.u32(4) == kUserDumpValid32 || file.u32(4) == kUserDumpValid64);
}

std::string describe_userdump(ByteView file) {
  bool is64 = file.u32(4) == kUserDumpValid64;
  std::string text = is64 ? "64-bit user dump (USERDU64)" : "NT 4 user dump (USERDUMP)";
  auto header = userdump::read_header(file);
  if (!header) return text + fmt::format(", cut short at {} bytes", file.size());
  std::string windows = windows_of_build(header->minor, std::nullopt);
  if (!windows.empty()) text += fmt::format(" of {} (build {})", windows, header->minor);
  arch::Machine machine = machine_of(*header);
  if (machine != arch::Machine::unknown) text += fmt::format(", {}", arch::name_of(machine));
  return text;
}

Result<MinidumpParts> read_userdump(ByteView file, Notes& notes) {
  if (!is_userdump(file))
    return fail(Code::bad_magic, "user dump header", "the signature is not USERDUMP or USERDU64",
                Where::file(0));
  auto header = userdump::read_header(file);
  if (!header)
    return fail(Code::truncated, "user dump header",
                fmt::format("the file has {} bytes of its {}", file.size(),
                            file.u32(4) == kUserDumpValid64 ? 0x60 : 0x40),
                Where::file(0));
  MinidumpParts parts;
  parts.minidump = std::make_unique<Minidump>();
  Reading reading{file, *header, notes, *parts.minidump};
  reading.machine = machine_of(*header);
  if (reading.machine == arch::Machine::unknown)
    reading.note(Severity::warning, Code::unsupported,
                 fmt::format("header: machine {:#x} is not known", header->machine),
                 offsetof(USERMODE_CRASHDUMP_HEADER32, MachineImageType));
  read_system(reading);
  userdump::read_threads(reading);
  userdump::read_debug_event(reading);
  userdump::read_modules(reading);
  parts.memory = userdump::read_memory(reading);
  userdump::complete_modules(reading, *parts.memory);
  parts.machine = reading.machine;
  parts.complete = reading.complete;
  return parts;
}

} // namespace dumptriage::dump
