#include "rules/fix_state.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/names.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

constexpr std::int64_t kHour = 3600, kDay = 24 * kHour;
// File tables print the date of the file: Redmond's clock up to about 2001 (UTC-8 at most), UTC
// after.  A hotfix is linked hours before that date.
constexpr std::int64_t kOlderMargin = 3 * kDay, kFixedMargin = kDay, kClockMargin = 8 * kHour;
constexpr std::uint64_t kTerminalServerBit = 0x8000; // in the last number of NT 4 versions

using Version = std::array<std::uint64_t, 4>;

std::optional<Version> parse_version(const std::string* text) {
  if (!text) return std::nullopt;
  Version version{};
  const char *at = text->data(), *end = at + text->size();
  for (std::size_t i = 0; i < version.size(); ++i) {
    auto [next, failed] = std::from_chars(at, end, version[i]);
    if (failed != std::errc{}) return std::nullopt;
    at = next;
    if (i + 1 < version.size() && (at == end || *at++ != '.')) return std::nullopt;
  }
  if (at != end || version == Version{}) return std::nullopt;
  return version;
}

// The service-pack branch that the last number of a version lies in, for the builds whose ranges
// are published; nothing for the others.
std::optional<int> service_pack_branch(const Version& v) {
  if (v[2] == 3790) return v[3] >= 3959 ? 2 : v[3] >= 1830 ? 1 : 0;
  if (v[2] == 2600) return v[3] >= 5512 ? 3 : v[3] >= 2180 ? 2 : v[3] >= 1106 ? 1 : 0;
  return std::nullopt;
}

// From Vista on a build has two lines of fixes: general distribution below, limited (hotfixes)
// from 20000 on.  They are compared only with their like.
bool same_line(const Version& a, const Version& b) {
  if (a[0] != b[0] || a[1] != b[1] || a[2] != b[2]) return false;
  if (service_pack_branch(a) != service_pack_branch(b)) return false;
  if (a[2] == 1381) return (a[3] & kTerminalServerBit) == (b[3] & kTerminalServerBit);
  if (a[0] == 6) return (a[3] >= 20000) == (b[3] >= 20000);
  return true;
}

// Windows 10's linker writes a hash where the link time was.
bool has_link_times(const std::string& family) {
  constexpr std::array kFamilies = std::to_array<std::string_view>(
      {"nt3.1", "nt3.5", "nt3.51", "nt4", "2000", "xp", "xp64", "ws2003", "vista", "ws2008", "win7",
       "ws2008r2", "win8", "ws2012", "win8.1", "ws2012r2"});
  return std::ranges::find(kFamilies, family) != kFamilies.end();
}

struct Machine {
  std::string family, arch;
  std::optional<std::uint64_t> service_pack; // proved ones only
  std::optional<bool> terminal_server;
};

Machine machine_of(const FactView& facts, const std::optional<Version>& version) {
  Machine machine;
  const Fact* os = facts.first("os");
  if (os) {
    if (auto* family = os->text("family")) machine.family = *family;
    if (auto* arch = os->text("arch")) machine.arch = *arch;
    if (os->flag("service_pack_proved")) machine.service_pack = os->number("service_pack");
    if (os->fields.contains("terminal_server"))
      machine.terminal_server = os->flag("terminal_server");
  }
  // The module's own version says best which edition it was built for.
  if (version && (*version)[2] == 1381 && (*version)[3] != 0)
    machine.terminal_server = ((*version)[3] & kTerminalServerBit) != 0;
  return machine;
}

enum class Branch { same, other, unknown };

Branch branch_of(const FixFile& row, const Machine& machine,
                 const std::optional<Version>& version) {
  bool unknown = false;
  auto word = [&](const std::string& wanted, const std::string& found) {
    unknown = unknown || (!wanted.empty() && found.empty());
    return wanted.empty() || found.empty() || wanted == found;
  };
  if (!word(row.family, machine.family) || !word(row.arch, machine.arch)) return Branch::other;
  // Terminal Server Edition is a product of its own in NT 4 only; there a row without the word is
  // for the plain editions.
  if (row.terminal_server || row.family == "nt4") {
    if (!machine.terminal_server)
      unknown = true;
    else if (*machine.terminal_server != row.terminal_server.value_or(false))
      return Branch::other;
  }
  auto row_version = parse_version(&row.version);
  if (version && row_version)
    return !same_line(*version, *row_version) ? Branch::other
           : unknown                          ? Branch::unknown
                                              : Branch::same;
  if (!row.service_packs.empty()) {
    if (!machine.service_pack)
      unknown = true;
    else if (std::ranges::find(row.service_packs, *machine.service_pack) == row.service_packs.end())
      return Branch::other;
  }
  return unknown ? Branch::unknown : Branch::same;
}

Finding by_size(const std::string& condition, const FixFile& row, const Fact& module,
                std::string because) {
  auto size = module.number("raw_size");
  if (!size || row.bytes == 0) return cannot_tell(condition, std::move(because), {module.id});
  if (*size != row.bytes)
    return no(condition,
              fmt::format("{}, and its {} bytes are not the {} of the fixed file", because, *size,
                          row.bytes),
              {module.id});
  return cannot_tell(condition, because + ", and equal sizes do not prove it", {module.id});
}

Finding by_link_time(const std::string& condition, const FixFile& row, const Fact& module,
                     const std::string& family) {
  auto link = module.number("timestamp");
  if (!link || *link == 0 || *link > UINT32_MAX)
    return cannot_tell(condition, "neither version nor link time of the module is in the dump",
                       {module.id});
  if (!has_link_times(family))
    return cannot_tell(
        condition,
        "the version of the module is not in the dump, and its time stamp is no link time",
        {module.id});
  const auto time = static_cast<std::int64_t>(*link);
  const std::string linked = "linked " + iso_time_from_unix(*link);
  std::optional<std::int64_t> older_before = row.older_before, fixed_from = row.fixed_from;
  if (row.built_time) {
    older_before = *row.built_time - kOlderMargin;
    fixed_from = *row.built_time - kFixedMargin;
    // A known build without the fix settles more: whatever was linked by its date is not newer.
    if (row.previous_time)
      older_before = std::max(*older_before, *row.previous_time + kClockMargin);
    fixed_from = std::max(*fixed_from, *older_before);
  }
  if (older_before && time < *older_before)
    return no(condition, linked + ", before the fix", {module.id});
  if (fixed_from && time >= *fixed_from)
    return yes(condition, linked + ", when the fix was in", {module.id});
  if (!older_before && !fixed_from)
    return cannot_tell(condition, linked + ", but the article gives no date", {module.id});
  return by_size(condition, row, module, linked + ", too close to the fix to tell");
}

std::string threshold(const FixFile& row) {
  std::string text = row.file;
  if (!row.version.empty()) text += " " + row.version;
  if (!row.built.empty()) text += " of " + row.built;
  if (!row.branch.empty()) text += " (" + row.branch + ")";
  return text + " or newer";
}

Finding judge_row(const FixFile& row, const Fact& module, const Machine& machine,
                  const std::optional<Version>& version) {
  const std::string condition = threshold(row);
  auto row_version = parse_version(&row.version);
  if (version && row_version) {
    bool fixed = *version >= *row_version;
    return (fixed ? yes : no)(condition, "its version is " + *module.text("version"), {module.id});
  }
  return by_link_time(condition, row, module, machine.family);
}

Finding judge_module(const Fix& fix, const Fact& module, const std::string& file,
                     const FactView& facts) {
  const auto version = parse_version(module.text("version"));
  const Machine machine = machine_of(facts, version);
  std::vector<Finding> rows;
  bool unknown = false;
  for (const auto& row : fix.files) {
    if (!equals_no_case(row.file, file)) continue;
    Branch branch = branch_of(row, machine, version);
    unknown = unknown || branch == Branch::unknown;
    if (branch == Branch::same) rows.push_back(judge_row(row, module, machine, version));
  }
  const std::string condition = "fixed " + file;
  if (unknown)
    return cannot_tell(condition,
                       "system, CPU, service pack or edition are not known well enough to choose "
                       "the file to compare with",
                       {module.id});
  if (rows.empty())
    return cannot_tell(condition, "the article gives no file for this system, edition and CPU",
                       {module.id});
  if (rows.size() == 1) return rows.front();
  // Several rows of one branch must agree.
  bool same = std::ranges::all_of(rows, [&](const auto& r) { return r.answer == rows[0].answer; });
  if (same) return rows.front();
  Finding result =
      cannot_tell(condition, "the rows of the article's file table disagree", {module.id});
  result.children = std::move(rows);
  return result;
}

Finding judge_file(const Fix& fix, const std::string& file, const FactView& facts) {
  ModulePattern pattern(file);
  std::vector<Finding> findings;
  for (const auto& fact : facts.set().facts) {
    const std::string* name = fact.kind == "module" ? fact.text("name") : nullptr;
    if (name && pattern.matches(*name)) findings.push_back(judge_module(fix, fact, file, facts));
  }
  if (findings.empty())
    return cannot_tell("fixed " + file, file + " is not among the modules of the dump");
  if (findings.size() == 1) return findings.front();
  std::size_t count = findings.size();
  return at_least("fixed " + file, count, std::move(findings));
}

class FixCheck : public Condition {
public:
  explicit FixCheck(Fix fix) : fix_(std::move(fix)) {}
  Finding judge(const FactView& facts) const override { return judge_fix(fix_, facts); }

private:
  Fix fix_;
};

} // namespace

Finding judge_fix(const Fix& fix, const FactView& facts) {
  std::vector<std::string> files;
  for (const auto& row : fix.files) {
    std::string file = lower(row.file);
    if (std::ranges::find(files, file) == files.end()) files.push_back(file);
  }
  if (files.empty())
    return cannot_tell("the fix is in", "the article gives no file to compare with");
  std::vector<Finding> findings;
  for (const auto& file : files) findings.push_back(judge_file(fix, file, facts));
  if (findings.size() == 1) return findings.front();
  return all_of("the fix is in", std::move(findings));
}

std::shared_ptr<const Condition> make_fix_check(const Fix& fix) {
  if (fix.files.empty()) return nullptr;
  return std::make_shared<FixCheck>(fix);
}

std::optional<std::int64_t> parse_file_time(std::string_view text) {
  auto digits = [&](std::size_t at, std::size_t count) -> std::optional<unsigned> {
    if (at + count > text.size()) return std::nullopt;
    unsigned value = 0;
    auto [end, failed] = std::from_chars(text.data() + at, text.data() + at + count, value);
    if (failed != std::errc{} || end != text.data() + at + count) return std::nullopt;
    return value;
  };
  if (text.size() != 10 && text.size() != 16) return std::nullopt;
  auto year = digits(0, 4), month = digits(5, 2), day = digits(8, 2);
  if (!year || !month || !day || text[4] != '-' || text[7] != '-') return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                   std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok() || *year < 1990 || *year > 2100) return std::nullopt;
  std::int64_t seconds =
      std::chrono::sys_days(date).time_since_epoch().count() * static_cast<std::int64_t>(kDay);
  if (text.size() == 10) return seconds;
  auto hour = digits(11, 2), minute = digits(14, 2);
  if (!hour || !minute || text[10] != ' ' || text[13] != ':' || *hour > 23 || *minute > 59)
    return std::nullopt;
  return seconds + *hour * kHour + *minute * 60;
}

} // namespace dumptriage::rules
