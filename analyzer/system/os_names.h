// What numbers call an operating system: the families of docs/facts.md and a name for people.
// Shared by every snapshot source.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "arch/arch.h"

namespace dumptriage::system {

struct Os;

enum class OsPlatform { unknown, windows, windows_9x, linux, android, macos, ios, solaris, other };

struct OsNumbers {
  OsPlatform platform = OsPlatform::windows;
  std::uint32_t major = 0, minor = 0, build = 0; // NT version: 5.2.3790
  std::optional<std::uint32_t> product_type;     // 1 workstation, 2 domain controller, 3 server
  std::optional<std::uint32_t> suite_mask;
  std::optional<std::uint32_t> service_pack;
  arch::Machine machine = arch::Machine::unknown;
};

// The numbers of a snapshot's Windows.
OsNumbers numbers_of(const Os& os, arch::Machine machine);

// "ws2003", "xp64", "linux", ...; empty when the numbers fit no family.  Where client and server
// share a version and the product type is not known, the answer is empty (6.0 and up; 5.2 on x86 is
// ws2003).
std::string os_family(const OsNumbers& numbers);
// "Windows Server 2003 Service Pack 2 (build 3790), x64".  Never empty.
std::string os_name(const OsNumbers& numbers);
// "workstation", "server", "domain controller", with " + terminal services" where the suite says
// so; empty when the product type is not known.
std::string os_edition(std::optional<std::uint32_t> product_type,
                       std::optional<std::uint32_t> suite_mask);
// The NT version that a build number belongs to, for headers that hold the build alone.
struct NtVersion {
  std::uint32_t major = 0, minor = 0;
};
std::optional<NtVersion> nt_version_of_build(std::uint32_t build);
// Windows Vista and later count service packs in the build number, and stopped making them with
// Windows 8; nothing for earlier builds.
std::optional<std::uint32_t> service_pack_of_build(std::uint32_t build);
// 3 of "Service Pack 3"; 0 of ""; nothing of any other text.
std::optional<std::uint32_t> service_pack_of(std::string_view csd_version);

} // namespace dumptriage::system
