#include "rules/service_packs.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/text.h"
#include "rules/fix_state.h"

namespace dumptriage::rules {
namespace {

const std::vector<ServicePack>& service_packs() {
  static const std::vector<ServicePack> packs = {
#define SERVICE_PACK(family, terminal_server, number, version, opened, released)                   \
  {family,                                                                                         \
   terminal_server,                                                                                \
   number,                                                                                         \
   parse_version(version).value_or(Version{}),                                                     \
   parse_file_time(opened).value_or(0),                                                            \
   parse_file_time(released).value_or(0)},
#include "rules/service_packs.def"
#undef SERVICE_PACK
  };
  return packs;
}

// "sp4", "sp6a" -> 4, 6; 0: no such words.
unsigned pack_number(std::string_view word) {
  if (word.size() == 4 && word == "sp6a") return 6;
  return word.size() == 3 && word.starts_with("sp") && word[2] >= '1' && word[2] <= '9'
             ? static_cast<unsigned>(word[2] - '0')
             : 0;
}

} // namespace

const ServicePack* find_service_pack(std::string_view text, bool terminal_server) {
  const std::string words = lower(text);
  const std::size_t first = words.find(' '), last = words.rfind(' ');
  if (first == std::string::npos) return nullptr;
  const std::string_view family = std::string_view(words).substr(0, first);
  const std::string_view between =
      last > first ? std::string_view(words).substr(first + 1, last - first - 1) : "";
  if (between == "terminal server" || between == "tse")
    terminal_server = true;
  else if (!between.empty())
    return nullptr;
  const unsigned number = pack_number(std::string_view(words).substr(last + 1));
  // From Windows 2000 on Terminal Server is a role, not a product.
  terminal_server = terminal_server && family == "nt4";
  auto found = std::ranges::find_if(service_packs(), [&](const ServicePack& pack) {
    return pack.family == family && pack.number == number &&
           pack.terminal_server == terminal_server;
  });
  return found == service_packs().end() ? nullptr : &*found;
}

bool has_parallel_branches(std::string_view family) {
  constexpr std::array kFamilies = std::to_array<std::string_view>(
      {"xp", "xp64", "ws2003", "vista", "ws2008", "win7", "ws2008r2"});
  return std::ranges::find(kFamilies, family) != kFamilies.end();
}

} // namespace dumptriage::rules
