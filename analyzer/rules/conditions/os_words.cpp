#include "rules/conditions/os_words.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"

namespace dumptriage::rules {
namespace {

constexpr auto kFamilies = std::to_array<std::string_view>(
    {"nt3.1", "nt3.5", "nt3.51", "nt4", "2000", "xp", "xp64", "ws2003", "vista", "ws2008", "win7",
     "ws2008r2", "win8", "ws2012", "win8.1", "ws2012r2", "win10", "ws2016+", "win11"});
constexpr auto kArchs = std::to_array<std::string_view>({"x86", "x64", "arm64", "ia64", "alpha"});
constexpr auto kEditions =
    std::to_array<std::string_view>({"workstation", "server", "enterprise", "datacenter"});

// OSVERSIONINFOEX: wProductType and wSuiteMask.
constexpr std::uint64_t kWorkstation = 1, kDomainController = 2, kServer = 3;
constexpr std::uint64_t kSuiteEnterprise = 0x2, kSuiteDatacenter = 0x80;

} // namespace

std::span<const std::string_view> os_families() { return kFamilies; }
std::span<const std::string_view> os_archs() { return kArchs; }
std::span<const std::string_view> os_editions() { return kEditions; }

void read_service_packs(YamlReader& yaml, std::vector<std::uint64_t>& to) {
  constexpr std::string_view kExpected = "a service pack such as 2, SP6a or none";
  yaml.each(kExpected, [&] {
    auto word = yaml.text(kExpected);
    if (!word) return;
    std::string digits = lower(*word);
    if (digits == "none") return to.push_back(0);
    if (digits.starts_with("sp")) digits.erase(0, 2);
    if (digits == "6a") digits = "6";
    if (digits.size() != 1 || digits[0] < '0' || digits[0] > '9')
      return yaml.error(fmt::format("expected {}, found '{}'", kExpected, *word));
    to.push_back(static_cast<std::uint64_t>(digits[0] - '0'));
  });
}

Finding judge_edition(const evidence::Fact& os, const std::string& edition) {
  std::string condition = "edition " + edition;
  bool by_suite = edition == "enterprise" || edition == "datacenter";
  auto value = os.number(by_suite ? "suite_mask" : "product_type");
  if (!value || (!by_suite && (*value < kWorkstation || *value > kServer)))
    return cannot_tell(condition, "the dump does not tell the edition of the system", {os.id});
  bool hit = edition == "enterprise"   ? (*value & kSuiteEnterprise) != 0
             : edition == "datacenter" ? (*value & kSuiteDatacenter) != 0
             : edition == "server"     ? *value == kServer || *value == kDomainController
                                       : *value == kWorkstation;
  std::string because =
      by_suite ? fmt::format("suite mask {}", hex(*value)) : fmt::format("product type {}", *value);
  return (hit ? yes : no)(condition, because, {os.id});
}

std::string describe_os(const evidence::Fact& os) {
  const std::string* family = os.text("family");
  const std::string* arch = os.text("arch");
  std::string text = family ? *family : "unknown system";
  if (auto pack = os.number("service_pack"); pack && *pack) text += fmt::format(" SP{}", *pack);
  if (os.flag("terminal_server")) text += " with Terminal Server";
  if (arch) text += " on " + *arch;
  return text;
}

} // namespace dumptriage::rules
