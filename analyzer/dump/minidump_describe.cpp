// One line on what a minidump is, for people who did not ask for more.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "dump/minidump.h"
#include "formats/mdmp.h"
#include "formats/windows_builds.h"

namespace dumptriage::dump {
namespace {

using namespace formats;

std::string system_text(const MINIDUMP_SYSTEM_INFO& info) {
  std::optional<std::uint32_t> product;
  if (info.ProductType != 0) product = info.ProductType;
  switch (info.PlatformId) {
  case kPlatformNt:
    if (std::string name = windows_of_build(info.BuildNumber, product); !name.empty())
      return fmt::format(" of {} (build {})", name, std::uint32_t{info.BuildNumber});
    return fmt::format(" of Windows NT {}.{} (build {})", std::uint32_t{info.MajorVersion},
                       std::uint32_t{info.MinorVersion}, std::uint32_t{info.BuildNumber});
  case kPlatformWindows: return " of Windows 9x";
  case kPlatformMacOs: return " of macOS";
  case kPlatformIos: return " of iOS";
  case kPlatformLinux: return " of Linux";
  case kPlatformAndroid: return " of Android";
  case kPlatformSolaris: return " of Solaris";
  default: return "";
  }
}

} // namespace

std::string describe_minidump(ByteView file) {
  std::string text = "user minidump";
  auto header = file.get<MINIDUMP_HEADER>(0);
  if (!header) return text + fmt::format(", cut short at {} bytes", file.size());
  constexpr std::uint64_t kMostStreams = 4096;
  std::uint64_t streams = std::min<std::uint64_t>(header->NumberOfStreams, kMostStreams);
  for (std::uint64_t i = 0; i < streams; ++i) {
    auto entry = file.get<MINIDUMP_DIRECTORY>(std::uint64_t{header->StreamDirectoryRva} +
                                              i * sizeof(MINIDUMP_DIRECTORY));
    if (!entry) break;
    if (entry->StreamType != SystemInfoStream) continue;
    auto info = file.get<MINIDUMP_SYSTEM_INFO>(entry->Location.Rva);
    if (!info) continue;
    text += system_text(*info);
    auto machine = info->ProcessorArchitecture == kProcessorArm64Old
                       ? arch::Machine::arm64
                       : arch::machine_of_processor(info->ProcessorArchitecture);
    if (machine != arch::Machine::unknown) text += fmt::format(", {}", arch::name_of(machine));
    break;
  }
  return text;
}

} // namespace dumptriage::dump
