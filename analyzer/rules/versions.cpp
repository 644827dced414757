#include "rules/versions.h"

#include <charconv>

namespace dumptriage::rules {

std::optional<Version> parse_version(std::string_view text) {
  Version version{};
  const char *at = text.data(), *end = at + text.size();
  for (std::size_t i = 0; i < version.size(); ++i) {
    auto [next, failed] = std::from_chars(at, end, version[i]);
    if (failed != std::errc{}) return std::nullopt;
    at = next;
    if (i + 1 < version.size() && (at == end || *at++ != '.')) return std::nullopt;
  }
  if (at != end || version == Version{}) return std::nullopt;
  return version;
}

std::optional<int> service_pack_branch(const Version& v) {
  if (v[2] == 3790) return v[3] >= 3959 ? 2 : v[3] >= 1830 ? 1 : 0;
  if (v[2] == 2600) return v[3] >= 5512 ? 3 : v[3] >= 2180 ? 2 : v[3] >= 1106 ? 1 : 0;
  return std::nullopt;
}

bool same_line(const Version& a, const Version& b) {
  if (a[0] != b[0] || a[1] != b[1] || a[2] != b[2]) return false;
  if (service_pack_branch(a) != service_pack_branch(b)) return false;
  if (a[2] == 1381) return (a[3] & kTerminalServerBit) == (b[3] & kTerminalServerBit);
  if (a[0] == 6) return (a[3] >= 20000) == (b[3] >= 20000);
  return true;
}

} // namespace dumptriage::rules
