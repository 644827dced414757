#include "rules/fix_words.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/fix_state.h"
#include "rules/service_packs.h"

namespace dumptriage::rules {
namespace {

constexpr auto kProducts = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"nt3.1", "Windows NT 3.1"},
     {"nt3.5", "Windows NT 3.5"},
     {"nt3.51", "Windows NT 3.51"},
     {"nt4", "Windows NT 4.0"},
     {"2000", "Windows 2000"},
     {"xp", "Windows XP"},
     {"xp64", "Windows XP x64 Edition"},
     {"ws2003", "Windows Server 2003"},
     {"vista", "Windows Vista"},
     {"ws2008", "Windows Server 2008"},
     {"win7", "Windows 7"},
     {"ws2008r2", "Windows Server 2008 R2"}});

// "134,416"
std::string grouped(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string in_words(const FixFile& row) {
  std::string text = row.file;
  if (!row.version.empty()) text += " version " + row.version;
  if (!row.built.empty()) text += " of " + row.built;
  if (row.bytes) text += fmt::format(", {} bytes", grouped(row.bytes));
  if (!row.fixed_in.empty()) text += " as of " + service_pack_name(row.fixed_in);
  std::vector<std::string> where;
  if (!row.branch.empty()) where.push_back(row.branch);
  if (!row.arch.empty()) where.push_back(row.arch);
  if (where.empty()) return text;
  return text + fmt::format(" ({})", fmt::join(where, ", "));
}

} // namespace

std::string article_of(const Rule& rule) { return rule.kb.empty() ? rule.id : rule.kb; }

std::string product_name(std::string_view family) {
  const auto found = std::ranges::find(kProducts, family, &decltype(kProducts)::value_type::first);
  return std::string(found == kProducts.end() ? family : found->second);
}

std::string service_pack_name(const std::string& written) {
  const ServicePack* pack = find_service_pack(written);
  if (!pack) return written;
  const bool with_letter = lower(written).ends_with("sp6a");
  return fmt::format("Service Pack {}{} for {}{}", pack->number, with_letter ? "a" : "",
                     product_name(pack->family),
                     pack->terminal_server ? ", Terminal Server Edition" : "");
}

std::vector<std::string> service_packs_for(const Fix& fix, const FactView& facts) {
  std::vector<std::string> packs;
  for (const auto& written : fix.service_packs) {
    FixFile row;
    row.fixed_in = written;
    // What is not known to be for another system may be for this one.
    if (!apply_fixed_in(row) || is_for_machine(row, facts)) packs.push_back(written);
  }
  return packs;
}

unsigned service_pack_number(const Fix& fix, const FactView& facts) {
  unsigned first = 0;
  for (const auto& written : service_packs_for(fix, facts))
    if (const ServicePack* pack = find_service_pack(written))
      first = first ? std::min(first, pack->number) : pack->number;
  return first;
}

std::optional<unsigned> machine_service_pack(const FactView& facts) {
  const evidence::Fact* os = facts.first("os");
  if (!os || !os->flag("service_pack_proved")) return std::nullopt;
  const auto pack = os->number("service_pack");
  if (!pack || *pack > 9) return std::nullopt;
  return static_cast<unsigned>(*pack);
}

std::vector<std::string> fixed_files_for(const Fix& fix, const FactView& facts) {
  std::vector<std::string> files;
  for (const FixFile& row : fix.files)
    if (is_for_machine(row, facts)) files.push_back(in_words(row));
  return files;
}

} // namespace dumptriage::rules
