#include "system/os_names.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "system/snapshot.h"

namespace dumptriage::system {
namespace {

// Client and server of one NT version.  Names as Microsoft's version lists print them
// (learn.microsoft.com, "Operating System Version").
struct Release {
  std::uint32_t major, minor, first_build;
  std::string_view client_family, server_family;
  std::string_view client, server, either;
};
constexpr Release kReleases[] = {
    // The last row whose version equals and whose first_build is not above the build.
    {3, 10, 0, "nt3.1", "nt3.1", "Windows NT 3.1", "Windows NT Advanced Server 3.1",
     "Windows NT 3.1"},
    {3, 50, 0, "nt3.5", "nt3.5", "Windows NT Workstation 3.5", "Windows NT Server 3.5",
     "Windows NT 3.5"},
    {3, 51, 0, "nt3.51", "nt3.51", "Windows NT Workstation 3.51", "Windows NT Server 3.51",
     "Windows NT 3.51"},
    {4, 0, 0, "nt4", "nt4", "Windows NT Workstation 4.0", "Windows NT Server 4.0",
     "Windows NT 4.0"},
    {5, 0, 0, "2000", "2000", "Windows 2000 Professional", "Windows 2000 Server", "Windows 2000"},
    {5, 1, 0, "xp", "xp", "Windows XP", "Windows XP", "Windows XP"},
    {5, 2, 0, "xp64", "ws2003", "Windows XP Professional x64 Edition", "Windows Server 2003",
     "Windows XP x64 or Server 2003"},
    {6, 0, 0, "vista", "ws2008", "Windows Vista", "Windows Server 2008",
     "Windows Vista or Server 2008"},
    {6, 1, 0, "win7", "ws2008r2", "Windows 7", "Windows Server 2008 R2",
     "Windows 7 or Server 2008 R2"},
    {6, 2, 0, "win8", "ws2012", "Windows 8", "Windows Server 2012", "Windows 8 or Server 2012"},
    {6, 3, 0, "win8.1", "ws2012r2", "Windows 8.1", "Windows Server 2012 R2",
     "Windows 8.1 or Server 2012 R2"},
    {10, 0, 0, "win10", "ws2016+", "Windows 10", "Windows Server", "Windows 10 or Server"},
    {10, 0, 14393, "win10", "ws2016+", "Windows 10", "Windows Server 2016",
     "Windows 10 or Server 2016"},
    {10, 0, 14394, "win10", "ws2016+", "Windows 10", "Windows Server", "Windows 10 or Server"},
    {10, 0, 17763, "win10", "ws2016+", "Windows 10", "Windows Server 2019",
     "Windows 10 or Server 2019"},
    {10, 0, 17764, "win10", "ws2016+", "Windows 10", "Windows Server", "Windows 10 or Server"},
    {10, 0, 20348, "win10", "ws2016+", "Windows 10", "Windows Server 2022", "Windows Server 2022"},
    {10, 0, 20349, "win10", "ws2016+", "Windows 10", "Windows Server", "Windows 10 or Server"},
    {10, 0, 22000, "win11", "ws2016+", "Windows 11", "Windows Server", "Windows 11 or Server"},
    {10, 0, 26100, "win11", "ws2016+", "Windows 11", "Windows Server 2025",
     "Windows 11 or Server 2025"},
    {10, 0, 26101, "win11", "ws2016+", "Windows 11", "Windows Server", "Windows 11 or Server"},
};

const Release* release_of(const OsNumbers& n) {
  const Release* found = nullptr;
  for (const Release& row : kReleases)
    if (row.major == n.major && row.minor == n.minor && row.first_build <= n.build) found = &row;
  return found;
}

enum class Role { unknown, client, server };
Role role_of(const OsNumbers& n) {
  if (n.product_type == 1u) return Role::client;
  if (n.product_type == 2u || n.product_type == 3u) return Role::server;
  // 32-bit 5.2 was sold as a server only.
  if (n.major == 5 && n.minor == 2 && n.machine == arch::Machine::x86) return Role::server;
  return Role::unknown;
}

bool itanium(const OsNumbers& n) { return n.machine == arch::Machine::ia64; }

std::string windows_name(const OsNumbers& n) {
  const Release* release = release_of(n);
  if (!release) return fmt::format("Windows NT {}.{}", n.major, n.minor);
  Role role = role_of(n);
  if (n.major == 5 && n.minor == 1 && itanium(n)) return "Windows XP 64-Bit Edition";
  if (n.major == 5 && n.minor == 2 && itanium(n) && role == Role::client)
    return "Windows XP 64-Bit Edition Version 2003";
  return std::string(role == Role::client   ? release->client
                     : role == Role::server ? release->server
                                            : release->either);
}

std::string unix_name(std::string_view name, const OsNumbers& n) {
  if (n.major == 0) return std::string(name);
  return fmt::format("{} {}.{}.{}", name, n.major, n.minor, n.build);
}

std::string plain_name(const OsNumbers& n) {
  switch (n.platform) {
  case OsPlatform::windows: {
    std::string name = windows_name(n);
    if (n.service_pack.value_or(0) != 0) name += fmt::format(" Service Pack {}", *n.service_pack);
    return n.build != 0 ? fmt::format("{} (build {})", name, n.build) : name;
  }
  case OsPlatform::windows_9x: return fmt::format("Windows 9x {}.{}", n.major, n.minor);
  case OsPlatform::linux: return unix_name("Linux", n);
  case OsPlatform::android: return unix_name("Android", n);
  case OsPlatform::macos: return unix_name("macOS", n);
  case OsPlatform::ios: return unix_name("iOS", n);
  case OsPlatform::solaris: return unix_name("Solaris", n);
  case OsPlatform::other:
  case OsPlatform::unknown: break;
  }
  return "unknown operating system";
}

} // namespace

OsNumbers numbers_of(const Os& os, arch::Machine machine) {
  OsNumbers numbers;
  numbers.major = os.major;
  numbers.minor = os.minor;
  numbers.build = os.build;
  numbers.product_type = os.product_type;
  numbers.suite_mask = os.suite_mask;
  numbers.service_pack = os.service_pack;
  numbers.machine = machine;
  return numbers;
}

std::string os_family(const OsNumbers& n) {
  switch (n.platform) {
  case OsPlatform::linux:
  case OsPlatform::android: return "linux";
  case OsPlatform::macos: return "macos";
  case OsPlatform::windows: break;
  default: return {};
  }
  const Release* release = release_of(n);
  if (!release) return {};
  if (n.major == 5 && n.minor == 1 && itanium(n)) return "xp64";
  if (release->client_family == release->server_family) return std::string(release->client_family);
  switch (role_of(n)) {
  case Role::client: return std::string(release->client_family);
  case Role::server: return std::string(release->server_family);
  case Role::unknown: break;
  }
  return {};
}

std::string os_name(const OsNumbers& n) {
  std::string name = plain_name(n);
  if (n.machine != arch::Machine::unknown) name += fmt::format(", {}", arch::name_of(n.machine));
  return name;
}

std::string os_edition(std::optional<std::uint32_t> product_type,
                       std::optional<std::uint32_t> suite_mask) {
  std::string edition;
  switch (product_type.value_or(0)) {
  case 1: edition = "workstation"; break;
  case 2: edition = "domain controller"; break;
  case 3: edition = "server"; break;
  default: return {};
  }
  // VER_SUITE_TERMINAL without VER_SUITE_SINGLEUSERTS is application server mode (OSVERSIONINFOEX).
  std::uint32_t suite = suite_mask.value_or(0);
  if (product_type != 1 && (suite & 0x10) != 0 && (suite & 0x100) == 0)
    edition += " + terminal services";
  return edition;
}

std::optional<NtVersion> nt_version_of_build(std::uint32_t build) {
  struct Row {
    std::uint32_t build;
    NtVersion version;
  };
  constexpr Row kBuilds[] = {{528, {3, 10}}, {807, {3, 50}}, {1057, {3, 51}}, {1381, {4, 0}},
                             {2195, {5, 0}}, {2600, {5, 1}}, {3790, {5, 2}},  {6000, {6, 0}},
                             {6001, {6, 0}}, {6002, {6, 0}}, {6003, {6, 0}},  {7600, {6, 1}},
                             {7601, {6, 1}}, {9200, {6, 2}}, {9600, {6, 3}}};
  for (const Row& row : kBuilds)
    if (row.build == build) return row.version;
  if (build >= 10240 && build < 65536) return NtVersion{10, 0};
  return std::nullopt;
}

std::optional<std::uint32_t> service_pack_of_build(std::uint32_t build) {
  switch (build) {
  case 6000: return 0;
  case 6001: return 1;
  case 6002:
  case 6003: return 2;
  case 7600: return 0;
  case 7601: return 1;
  default: break;
  }
  if (build == 9200 || build == 9600 || (build >= 10240 && build < 65536)) return 0;
  return std::nullopt;
}

std::optional<std::uint32_t> service_pack_of(std::string_view csd_version) {
  if (csd_version.empty()) return 0;
  constexpr std::string_view kPrefix = "Service Pack ";
  if (!csd_version.starts_with(kPrefix)) return std::nullopt;
  csd_version.remove_prefix(kPrefix.size());
  std::uint32_t number = 0;
  const char* end = csd_version.data() + csd_version.size();
  auto [rest, error] = std::from_chars(csd_version.data(), end, number);
  // "Service Pack 3, v.3311" is a beta; "Service Pack 1a" and "Service Pack 6a" were releases.
  if (error != std::errc() || number == 0 || number > 9) return std::nullopt;
  bool whole = rest == end || (rest + 1 == end && *rest == 'a');
  return whole ? std::optional(number) : std::nullopt;
}

} // namespace dumptriage::system
