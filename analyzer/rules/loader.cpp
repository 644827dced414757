#include "rules/loader.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/os_words.h"
#include "rules/fix_state.h"

namespace dumptriage::rules {
namespace {

constexpr std::string_view kSchema = "dumptriage.rule/1";

bool is_rule_id(std::string_view id) {
  auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return id.size() <= 100 && std::ranges::all_of(id, plain) && id.front() != '-' &&
         id.front() != '.';
}

// The condition tree in words: every condition says what it asks when it is shown nothing.
std::string in_words(const Finding& finding) {
  if (finding.children.empty()) return finding.condition;
  std::vector<std::string> parts;
  for (const auto& child : finding.children) parts.push_back(in_words(child));
  if (finding.condition == "all of") return join(parts, "and");
  if (finding.condition == "any of") return join(parts);
  return fmt::format("{} ({})", finding.condition, join(parts, "and"));
}

std::string proof_in_words(const Rule& rule) {
  std::vector<std::string> groups;
  static const evidence::FactSet nothing;
  static const FactView shown(nothing);
  for (const auto& group : rule.confirm) groups.push_back(in_words(group->judge(shown)));
  return join(groups, "or");
}

class RuleReader {
public:
  // `source`: the text, or a tree that is known to be good.
  template <class Source>
  RuleReader(const std::string& file, const Source& source) : yaml_(file, source) {
    rule_.source_file = file;
  }

  LoadedRule read() {
    yaml_.document([&] { read_rule(); });
    LoadedRule loaded;
    loaded.errors = yaml_.errors();
    if (loaded.errors.empty()) {
      rule_.fixed_check = make_fix_check(rule_.fix);
      rule_.proof = proof_in_words(rule_);
      loaded.needs = needs_of(rule_);
      loaded.rule = std::move(rule_);
    }
    return loaded;
  }

private:
  using Conditions = std::vector<std::shared_ptr<const Condition>>;

  // `fix` stands in front of the sections, because their conditions may refer to it.
  void read_rule() {
    yaml_.fields("a rule",
                 {{"schema", true, [&] { read_schema(); }},
                  {"id", true, [&] { read_id(); }},
                  {"kb", false, [&] { yaml_.text_into(rule_.kb, "an article such as KB961799"); }},
                  {"title", true, [&] { yaml_.text_into(rule_.title, "the title in one line"); }},
                  {"about", false, [&] { yaml_.text_into(rule_.about, "a sentence or two"); }},
                  {"references", false,
                   [&] { yaml_.texts_into(rule_.references, "an address or an article"); }},
                  {"fix", false, [&] { read_fix(); }},
                  {"applies", false, [&] { read_section(rule_.applies); }},
                  {"refute", false, [&] { read_section(rule_.refute); }},
                  {"require", true, [&] { read_section(rule_.require); }},
                  {"confirm", false, [&] { read_section(rule_.confirm); }},
                  {"support", false, [&] { read_support(); }},
                  {"ceiling", false, [&] { read_ceiling(); }},
                  {"rivals", false, [&] { yaml_.texts_into(rule_.rivals, "an article"); }},
                  {"workaround", false, [&] { yaml_.text_into(rule_.workaround, "text"); }},
                  {"note", false, [&] { yaml_.text_into(rule_.note, "text"); }},
                  {"caveats", false, [&] { yaml_.texts_into(rule_.fix.caveats, "a caveat"); }}});
  }

  void read_schema() {
    auto schema = yaml_.text(kSchema);
    if (schema && *schema != kSchema)
      yaml_.error(fmt::format("expected {}, found '{}'", kSchema, *schema));
  }

  void read_id() {
    constexpr std::string_view kExpected = "an id of lower-case letters, digits, '-', '_' and '.'";
    auto id = yaml_.text(kExpected);
    if (!id) return;
    if (!is_rule_id(*id))
      return yaml_.error(fmt::format("expected {}, found '{}'", kExpected, *id));
    rule_.id = std::move(*id);
  }

  void read_section(Conditions& to) {
    yaml_.each("a list of conditions", [&] {
      if (auto condition = read_condition(yaml_, {rule_.fix})) to.push_back(std::move(condition));
    });
  }

  void read_support() {
    auto part = [&](bool strong) {
      Conditions conditions;
      read_section(conditions);
      for (auto& condition : conditions) rule_.support.push_back({strong, std::move(condition)});
    };
    yaml_.fields("support",
                 {{"strong", false, [&] { part(true); }}, {"weak", false, [&] { part(false); }}});
  }

  void read_ceiling() {
    auto word = yaml_.text("possible or likely");
    if (!word) return;
    if (*word == "possible")
      rule_.ceiling = Verdict::possible;
    else if (*word == "likely")
      rule_.ceiling = Verdict::likely;
    else
      yaml_.error(fmt::format("expected possible or likely, found '{}'", *word));
  }

  void read_fix() {
    constexpr std::string_view kArticle = "an article such as KB955860";
    Fix& fix = rule_.fix;
    yaml_.fields(
        "fix", {{"hotfix", false, [&] { fix.hotfix = yaml_.boolean("hotfix").value_or(false); }},
                {"service_packs", false,
                 [&] { yaml_.texts_into(fix.service_packs, "a service pack such as ws2003 SP2"); }},
                {"vendor", false, [&] { yaml_.text_into(fix.vendor, "what to get from whom"); }},
                {"files", false, [&] { yaml_.each("a list of files", [&] { read_fix_file(); }); }},
                {"unpublished", false,
                 [&] { fix.unpublished = yaml_.boolean("unpublished").value_or(false); }},
                {"replaces", false, [&] { yaml_.texts_into(fix.replaces, kArticle); }},
                {"superseded_by", false, [&] { yaml_.texts_into(fix.superseded_by, kArticle); }},
                {"needs", false,
                 [&] { yaml_.texts_into(fix.needs, "what to install before, such as nt4 SP6a"); }},
                {"restart", false, [&] { fix.restart = yaml_.boolean("restart"); }}});
    if (fix.unpublished && !fix.files.empty())
      yaml_.error("fix: expected either 'files' or 'unpublished: true', not both");
  }

  void read_fix_file() {
    FixFile file;
    std::string previous, older_before, fixed_from;
    std::vector<std::string> family, arch;
    yaml_.fields(
        "file",
        {{"file", true, [&] { yaml_.text_into(file.file, "a file such as netbt.sys"); }},
         {"family", false, [&] { read_words(yaml_, family, os_families(), "an OS family"); }},
         {"service_pack", false, [&] { read_service_packs(yaml_, file.service_packs); }},
         {"terminal_server", false,
          [&] { file.terminal_server = yaml_.boolean("terminal_server"); }},
         {"arch", false, [&] { read_words(yaml_, arch, os_archs(), "an architecture"); }},
         {"version", false, [&] { read_version(file.version); }},
         {"built", false, [&] { file.built_time = read_time(file.built); }},
         {"previous", false, [&] { file.previous_time = read_time(previous); }},
         {"older_before", false, [&] { file.older_before = read_time(older_before); }},
         {"fixed_from", false, [&] { file.fixed_from = read_time(fixed_from); }},
         {"fixed_in", false,
          [&] { yaml_.text_into(file.fixed_in, "a service pack such as nt4 SP4"); }},
         {"bytes", false, [&] { file.bytes = yaml_.number("a number of bytes").value_or(0); }}});
    if (family.size() > 1 || arch.size() > 1)
      yaml_.error("file: expected one family and one arch; write one entry for each branch");
    if (!family.empty()) file.family = family[0];
    if (!arch.empty()) file.arch = arch[0];
    check_bounds(file);
    file.branch = branch_in_words(file);
    rule_.fix.files.push_back(std::move(file));
  }

  void check_bounds(FixFile& file) {
    if (file.previous_time && !file.built_time) yaml_.error("file: 'previous' needs 'built'");
    if ((file.older_before || file.fixed_from) && file.built_time)
      yaml_.error("file: expected either 'built' or 'older_before' and 'fixed_from', not both");
    if (file.older_before && file.fixed_from && *file.older_before > *file.fixed_from)
      yaml_.error("file: 'older_before' is later than 'fixed_from'");
    if (file.fixed_in.empty()) return;
    if (file.built_time || file.older_before || file.fixed_from)
      yaml_.error("file: expected either 'fixed_in' or dates, not both");
    else if (!apply_fixed_in(file))
      yaml_.error(fmt::format("file: expected a service pack such as nt4 SP4 in 'fixed_in' (and of "
                              "the same 'family'), found '{}'",
                              file.fixed_in));
  }

  static std::string branch_in_words(const FixFile& file) {
    std::string text = file.family;
    std::vector<std::string> packs;
    for (auto sp : file.service_packs) packs.push_back(sp ? fmt::format("SP{}", sp) : "no SP");
    if (!packs.empty()) text += fmt::format("{}{}", text.empty() ? "" : " ", join(packs));
    if (file.terminal_server == true) text += " Terminal Server";
    return text;
  }

  void read_version(std::string& to) {
    constexpr std::string_view kExpected = "a version of four numbers such as 5.2.3790.4121";
    auto version = yaml_.text(kExpected);
    if (!version) return;
    bool digits = version->find_first_not_of("0123456789.") == std::string::npos;
    if (!digits || std::ranges::count(*version, '.') != 3 || version->front() == '.' ||
        version->back() == '.' || version->find("..") != std::string::npos || version->size() > 40)
      return yaml_.error(fmt::format("expected {}, found '{}'", kExpected, *version));
    to = std::move(*version);
  }

  std::optional<std::int64_t> read_time(std::string& to) {
    constexpr std::string_view kExpected = "a date such as 1999-09-29 or 1999-09-29 19:49";
    auto written = yaml_.text(kExpected);
    if (!written) return std::nullopt;
    auto time = parse_file_time(*written);
    if (!time) yaml_.error(fmt::format("expected {}, found '{}'", kExpected, *written));
    to = std::move(*written);
    return time;
  }

  YamlReader yaml_;
  Rule rule_;
};

} // namespace

LoadedRule load_rule(const std::string& file, std::string_view text) {
  return RuleReader(file, text).read();
}
LoadedRule load_rule(const std::string& file, const YamlView& tree) {
  return RuleReader(file, tree).read();
}

Needs needs_of(const Rule& rule) {
  Needs needs;
  for (const auto* section : {&rule.applies, &rule.require})
    for (const auto& condition : *section) condition->needs(needs);
  return needs;
}

} // namespace dumptriage::rules
