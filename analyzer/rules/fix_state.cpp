#include "rules/fix_state.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/names.h"
#include "rules/service_packs.h"
#include "rules/versions.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

constexpr std::int64_t kHour = 3600, kDay = 24 * kHour;
// File tables print the date of the file: Redmond's clock up to about 2001 (UTC-8 at most), UTC
// after.  A hotfix is linked hours before that date.
constexpr std::int64_t kOlderMargin = 3 * kDay, kFixedMargin = kDay, kClockMargin = 8 * kHour;

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
  std::string kernel_file; // which of the kernel's images, where the dump tells
};

std::optional<Version> version_of(const Fact& module) {
  const std::string* text = module.text("version");
  return text ? parse_version(*text) : std::nullopt;
}

Machine machine_of(const FactView& facts, const std::optional<Version>& version) {
  Machine machine;
  const Fact* os = facts.first("os");
  if (os) {
    if (auto* family = os->text("family")) machine.family = *family;
    if (auto* arch = os->text("arch")) machine.arch = *arch;
    if (auto* kernel = os->text("kernel_file")) machine.kernel_file = *kernel;
    if (os->flag("service_pack_proved")) machine.service_pack = os->number("service_pack");
    if (os->fields.contains("terminal_server"))
      machine.terminal_server = os->flag("terminal_server");
  }
  // The module's own version says best which edition it was built for.
  if (version && (*version)[2] == 1381 && (*version)[3] != 0)
    machine.terminal_server = ((*version)[3] & kTerminalServerBit) != 0;
  return machine;
}

// Was the file made for another Windows than the machine's?  Files of third parties have numbers of
// their own, which say nothing about it.
bool of_another_windows(const std::string& family, const Version& version) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> kBuilds = {
      {{"nt4", 1381}, {"2000", 2195}, {"xp", 2600}, {"xp64", 3790}, {"ws2003", 3790}}};
  const auto own =
      std::ranges::find(kBuilds, family, &std::pair<std::string_view, std::uint64_t>::first);
  return own != kBuilds.end() && own->second != version[2] &&
         std::ranges::any_of(kBuilds, [&](const auto& row) { return row.second == version[2]; });
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
  if (version && of_another_windows(machine.family, *version)) return Branch::other;
  // Terminal Server Edition is a product of its own in NT 4 only; there a row without the word is
  // for the plain editions.
  if (row.terminal_server || row.family == "nt4") {
    if (!machine.terminal_server)
      unknown = true;
    else if (*machine.terminal_server != row.terminal_server.value_or(false))
      return Branch::other;
  }
  auto row_version = parse_version(row.version);
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
  if (!row.fixed_in.empty()) text += " of " + row.fixed_in;
  if (!row.branch.empty() && row.fixed_in.empty()) text += " (" + row.branch + ")";
  return text + " or newer";
}

// A file out of the box or out of a pack; the numbers between are hotfixes.
bool is_released(const Version& version, std::string_view family) {
  for (unsigned number = 1; number < 10; ++number) {
    const ServicePack* pack = find_service_pack(fmt::format("{} SP{}", family, number));
    if (pack && pack->version == version) return true;
  }
  return version[3] == 0;
}

Finding by_service_pack_version(const std::string& condition, const ServicePack& pack,
                                const Fact& module, const Version& version, bool hotfix) {
  const std::string because = "its version is " + *module.text("version");
  if (version[0] != pack.version[0] || version[1] != pack.version[1])
    return cannot_tell(condition, because + ", of another system", {module.id});
  if (version >= pack.version) return yes(condition, because, {module.id});
  if (hotfix && !is_released(version, pack.family))
    return cannot_tell(condition, because + ", a hotfix that may hold the fix already",
                       {module.id});
  return no(condition, because, {module.id});
}

// Where a service pack brought the fix and no file is published.
Finding by_service_pack(const std::string& condition, const FixFile& row, const Fact& module,
                        const Machine& machine, const std::optional<Version>& version,
                        bool hotfix) {
  const ServicePack* pack = find_service_pack(row.fixed_in, row.terminal_server.value_or(false));
  if (!pack)
    return cannot_tell(condition, "it is not known when this service pack came out", {module.id});
  if (version && pack->version != Version{})
    return by_service_pack_version(condition, *pack, module, *version, hotfix);
  Finding found = by_link_time(condition, row, module, machine.family);
  if (found.answer == Answer::yes && has_parallel_branches(pack->family) &&
      machine.service_pack.value_or(0) < pack->number)
    return cannot_tell(
        condition, found.because + ", but perhaps as a fix for an older service pack", {module.id});
  return found;
}

Finding judge_row(const FixFile& row, const Fact& module, const Machine& machine,
                  const std::optional<Version>& version, bool hotfix) {
  const std::string condition = threshold(row);
  if (!row.fixed_in.empty())
    return by_service_pack(condition, row, module, machine, version, hotfix);
  auto row_version = parse_version(row.version);
  if (version && row_version) {
    bool fixed = *version >= *row_version;
    return (fixed ? yes : no)(condition, "its version is " + *module.text("version"), {module.id});
  }
  return by_link_time(condition, row, module, machine.family);
}

// Rows of the article's table for one file.  The kernel is one file under several names, of several
// sizes.
struct FileRows {
  std::string name;
  bool kernel = false;
  std::vector<FixFile> rows;
};

std::vector<FileRows> rows_by_file(const Fix& fix) {
  std::vector<FileRows> files;
  for (const auto& row : fix.files) {
    const bool kernel = is_kernel_image(row.file);
    auto same = [&](const FileRows& file) {
      return kernel ? file.kernel : equals_no_case(file.name, row.file);
    };
    auto found = std::ranges::find_if(files, same);
    if (found == files.end())
      found = files.insert(files.end(), {kernel ? "nt" : lower(row.file), kernel, {}});
    found->rows.push_back(row);
  }
  return files;
}

// The row as it counts for this machine; nothing: it is that of another kernel image.
std::optional<FixFile> for_machine(const FileRows& file, const FixFile& row,
                                   const Machine& machine) {
  if (!file.kernel) return row;
  auto is_running = [&](const FixFile& any) {
    return equals_no_case(any.file, machine.kernel_file);
  };
  if (is_running(row)) return row;
  if (std::ranges::any_of(file.rows, is_running)) return std::nullopt;
  FixFile other = row;
  other.bytes = 0; // sizes differ from image to image
  return other;
}

Finding judge_module(const FileRows& file, const Fact& module, const FactView& facts, bool hotfix) {
  const auto version = version_of(module);
  const Machine machine = machine_of(facts, version);
  std::vector<Finding> rows;
  bool unknown = false;
  for (const auto& any_row : file.rows) {
    const auto row = for_machine(file, any_row, machine);
    if (!row) continue;
    Branch branch = branch_of(*row, machine, version);
    unknown = unknown || branch == Branch::unknown;
    if (branch == Branch::same) rows.push_back(judge_row(*row, module, machine, version, hotfix));
  }
  const std::string condition = "fixed " + file.name;
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

// Nothing: the file is certainly not loaded, so that it has no part in the matter.
std::optional<Finding> judge_file(const FileRows& file, const FactView& facts, bool hotfix) {
  const ModulePattern pattern(file.name);
  std::vector<Finding> findings;
  for (const Fact* fact : facts.of_kind("module")) {
    const std::string* name = fact->text("name");
    if (name && pattern.matches(*name))
      findings.push_back(judge_module(file, *fact, facts, hotfix));
  }
  if (findings.empty() && facts.complete("module")) return std::nullopt;
  if (findings.empty())
    return cannot_tell("fixed " + file.name, file.name + " is not among the modules of the dump");
  if (findings.size() == 1) return findings.front();
  return all_of("fixed " + file.name, std::move(findings));
}

class FixCheck : public Condition {
public:
  explicit FixCheck(const Fix& fix) : hotfix_(fix.hotfix), files_(rows_by_file(fix)) {}

  Finding judge(const FactView& facts) const override {
    std::vector<Finding> findings;
    for (const auto& file : files_)
      if (auto found = judge_file(file, facts, hotfix_)) findings.push_back(std::move(*found));
    if (findings.empty())
      return cannot_tell("the fix is in", files_.empty()
                                              ? "the article gives no file to compare with"
                                              : "none of the article's files is loaded");
    if (findings.size() == 1) return findings.front();
    return all_of("the fix is in", std::move(findings));
  }

private:
  bool hotfix_;
  std::vector<FileRows> files_;
};

} // namespace

Finding judge_fix(const Fix& fix, const FactView& facts) { return FixCheck(fix).judge(facts); }

std::shared_ptr<const Condition> make_fix_check(const Fix& fix) {
  if (fix.files.empty()) return nullptr;
  return std::make_shared<FixCheck>(fix);
}

bool is_for_machine(const FixFile& row, const FactView& facts) {
  return branch_of(row, machine_of(facts, std::nullopt), std::nullopt) != Branch::other;
}

bool apply_fixed_in(FixFile& file) {
  const ServicePack* pack = find_service_pack(file.fixed_in, file.terminal_server.value_or(false));
  if (!pack || (!file.family.empty() && file.family != pack->family)) return false;
  file.family = pack->family;
  if (pack->terminal_server) file.terminal_server = true;
  file.older_before = pack->opened;
  file.fixed_from = pack->released;
  return true;
}

std::optional<FixFile> parse_fix_point(std::string_view text) {
  FixFile point;
  if (parse_version(text)) {
    point.version = text;
    return point;
  }
  if (auto time = parse_file_time(text)) {
    point.built = text;
    point.built_time = time;
    return point;
  }
  point.fixed_in = text;
  if (!apply_fixed_in(point)) return std::nullopt;
  return point;
}

Finding judge_fix_point(const FixFile& point, const Fact& module, const FactView& facts) {
  FileRows file{"the module", false, {point}};
  if (const std::string* name = module.text("name")) {
    file.name = *name;
    file.rows[0].file = *name;
  }
  return judge_module(file, module, facts, false);
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
