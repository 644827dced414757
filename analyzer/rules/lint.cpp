// The checks of `rules check` on rules that load.  Conditions are asked what they need and what
// they say when shown nothing; nothing here knows a kind of condition.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/examples.h"
#include "rules/fix_state.h"
#include "rules/rules.h"
#include "rules/service_packs.h"

namespace dumptriage::rules {
namespace {

using Conditions = std::vector<std::shared_ptr<const Condition>>;

// Windows NT is no older than 1990, and no fix is newer than this year.
constexpr std::string_view kFirstDay = "1990-01-01", kLastDay = "2026-12-31 23:59";

struct Report {
  const Rule& rule;
  std::vector<Error>& errors;
  void wrong(std::string why) const {
    errors.push_back({Code::bad_value, rule.source_file, rule.id + ": " + std::move(why), {}});
  }
};

// --- what a rule is made of

Needs needs_of(const Conditions& conditions) {
  Needs needs;
  for (const auto& condition : conditions) condition->needs(needs);
  return needs;
}

// Atoms of which one must be there by each of two Needs, when no one atom would do for both.
bool contradict(const Need& a, const Need& b) {
  // A dump has one stop and one system, but many modules, frames and facts.
  const bool one = a.kind == NeedKind::bugcheck || a.kind == NeedKind::stop_kind ||
                   a.kind == NeedKind::family || a.kind == NeedKind::fault_module ||
                   a.kind == NeedKind::exception;
  if (!one || a.kind != b.kind || a.any_of.empty() || b.any_of.empty()) return false;
  return std::ranges::none_of(a.any_of, [&](const auto& atom) {
    return std::ranges::find(b.any_of, atom) != b.any_of.end();
  });
}

// Two Needs that can never both hold, in words.
std::optional<std::string> contradiction(const Needs& needs) {
  constexpr std::array<std::string_view, 8> kWords = {
      "stop code", "kind of stop",    "exception code",   "system",
      "module",    "faulting module", "module of frames", "fact"};
  for (std::size_t a = 0; a < needs.size(); ++a)
    for (std::size_t b = a + 1; b < needs.size(); ++b)
      if (contradict(needs[a], needs[b]))
        return std::string(kWords[static_cast<std::size_t>(needs[a].kind)]);
  return std::nullopt;
}

// The condition tree in words: every condition says what it asks when it is shown nothing.
std::string in_words(const Finding& finding) {
  std::string text = finding.condition;
  if (finding.children.empty()) return text;
  std::vector<std::string> parts;
  for (const auto& child : finding.children) parts.push_back(in_words(child));
  std::ranges::sort(parts);
  for (const auto& part : parts) text += " (" + part + ")";
  return text;
}

std::set<std::string> in_words(const Conditions& conditions) {
  static const evidence::FactSet nothing;
  static const FactView shown(nothing);
  std::set<std::string> words;
  for (const auto& condition : conditions) words.insert(in_words(condition->judge(shown)));
  return words;
}

Conditions support_of(const Rule& rule, bool strong) {
  Conditions conditions;
  for (const auto& item : rule.support)
    if (item.strong == strong) conditions.push_back(item.condition);
  return conditions;
}

// --- one rule

void check_proof(const Report& report) {
  const Rule& rule = report.rule;
  for (std::size_t i = 0; i < rule.confirm.size(); ++i)
    if (!rule.confirm[i]->discriminating())
      report.wrong(
          fmt::format("confirm group {} holds nothing that tells one bug from another (a function, "
                      "not a stop code, a module or a system)",
                      i + 1));
  if (rule.confirm.empty() && !rule.ceiling)
    report.wrong("no 'confirm': expected 'ceiling: possible' or 'ceiling: likely'");
  if (!rule.confirm.empty() && rule.ceiling == Verdict::possible)
    report.wrong("'ceiling: possible' makes 'confirm' useless: expected one of them");
  if (!support_of(rule, true).empty() && rule.ceiling == Verdict::possible)
    report.wrong("'ceiling: possible' makes strong support useless: expected weak support");
  const Fix& fix = rule.fix;
  if (!rule.confirm.empty() && !rule.ceiling && fix.files.empty() && !fix.unpublished)
    report.wrong("can never be confirmed: expected 'fix: files' or 'fix: unpublished: true'");
}

// Branches that no dump can reach, because they ask for two things that exclude each other.
void check_reach(const Report& report) {
  const Rule& rule = report.rule;
  Needs gate = needs_of(rule.applies);
  std::ranges::move(needs_of(rule.require), std::back_inserter(gate));
  if (auto what = contradiction(gate))
    return report.wrong(
        fmt::format("can never match: 'applies' and 'require' ask for two of one {}", *what));
  auto check = [&](const Conditions& conditions, std::string_view section) {
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      Needs all = gate;
      conditions[i]->needs(all);
      if (auto what = contradiction(all))
        report.wrong(
            fmt::format("{} {} can never hold: it asks for another {} than 'applies' and 'require'",
                        section, i + 1, *what));
    }
  };
  check(rule.confirm, "confirm group");
  check(support_of(rule, true), "strong support");
  check(support_of(rule, false), "weak support");
  const auto required = in_words(rule.require);
  for (const auto& words : in_words(rule.refute))
    if (required.contains(words))
      report.wrong(fmt::format("both requires and refutes '{}'", words));
}

bool is_file_name(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot != std::string_view::npos && dot > 0 && dot + 1 < name.size() &&
         name.find_first_of("\\/:*?\"<>| !") == std::string_view::npos;
}

void check_time(const Report& report, const FixFile& file, std::string_view what,
                const std::optional<std::int64_t>& time) {
  if (time && (*time < parse_file_time(kFirstDay) || *time > parse_file_time(kLastDay)))
    report.wrong(fmt::format("{}: {} lies before 1990 or in the future", file.file, what));
}

void check_fix(const Report& report) {
  const Fix& fix = report.rule.fix;
  const bool has_fix = fix.hotfix || !fix.service_packs.empty() || !fix.vendor.empty();
  if (!has_fix && report.rule.workaround.empty()) report.wrong("neither a fix nor a workaround");
  for (const auto& file : fix.files) {
    if (!is_file_name(file.file))
      report.wrong(fmt::format("expected a file such as netbt.sys, found '{}'", file.file));
    check_time(report, file, "'built'", file.built_time);
    check_time(report, file, "'previous'", file.previous_time);
    check_time(report, file, "'older_before'", file.older_before);
    check_time(report, file, "'fixed_from'", file.fixed_from);
    if (file.built_time && file.previous_time && *file.previous_time >= *file.built_time)
      report.wrong(fmt::format("{}: 'previous' is not before 'built'", file.file));
    if (file.version.empty() && !file.built_time && !file.older_before && !file.fixed_from)
      report.wrong(fmt::format("{}: expected a version or a date to compare with", file.file));
  }
  for (const auto& own : {fix.replaces, fix.superseded_by})
    if (!report.rule.kb.empty() && std::ranges::find(own, report.rule.kb) != own.end())
      report.wrong("the article replaces itself");
}

void check_names(const Report& report) {
  const Rule& rule = report.rule;
  if (rule.about.empty()) report.wrong("no 'about'");
  if (rule.applies.empty())
    report.wrong("no 'applies': expected the systems that the article names");
  if (std::ranges::find(rule.rivals, rule.kb) != rule.rivals.end())
    report.wrong("the article is its own rival");
  Conditions all = rule.require;
  all.insert(all.end(), rule.confirm.begin(), rule.confirm.end());
  for (const auto& item : rule.support) all.push_back(item.condition);
  for (const Need& need : needs_of(all)) {
    if (need.kind != NeedKind::module && need.kind != NeedKind::fault_module &&
        need.kind != NeedKind::frame_module)
      continue;
    for (const auto& name : need.any_of)
      if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-.$") != std::string::npos)
        report.wrong(fmt::format("expected a module such as netbt, found '{}'", name));
  }
}

// --- rules against each other

// What the state of the fix is judged by: rules that differ in it do not always agree.
std::set<std::string> files_of(const Fix& fix) {
  std::set<std::string> rows;
  for (const FixFile& file : fix.files)
    rows.insert(fmt::format("{} {} {} {} {} {} {} {} {} {} {}", lower(file.file), file.family,
                            fmt::join(file.service_packs, ","),
                            file.terminal_server.value_or(false), file.arch, file.version,
                            file.bytes, file.built_time.value_or(0), file.previous_time.value_or(0),
                            file.older_before.value_or(0), file.fixed_from.value_or(0)));
  if (fix.unpublished) rows.insert("unpublished");
  return rows;
}

struct Body {
  const Rule* rule;
  std::set<std::string> applies, refute, require, confirm, strong, weak, files;
  std::optional<Verdict> ceiling;

  explicit Body(const Rule& from)
      : rule(&from), applies(in_words(from.applies)), refute(in_words(from.refute)),
        require(in_words(from.require)), confirm(in_words(from.confirm)),
        strong(in_words(support_of(from, true))), weak(in_words(support_of(from, false))),
        files(files_of(from.fix)), ceiling(from.ceiling) {}

  bool asks_the_same(const Body& other) const {
    return require == other.require && confirm == other.confirm && applies == other.applies &&
           files == other.files;
  }
  // Nothing that speaks for this rule fails to speak for the other.
  bool never_beats(const Body& other) const {
    const Verdict own = ceiling.value_or(Verdict::confirmed);
    return std::ranges::includes(other.strong, strong) && std::ranges::includes(other.weak, weak) &&
           std::ranges::includes(refute, other.refute) &&
           own <= other.ceiling.value_or(Verdict::confirmed);
  }
};

bool name_each_other(const Rule& a, const Rule& b) {
  auto names = [](const Rule& rule, const Rule& other) {
    return std::ranges::find(rule.rivals, other.kb) != rule.rivals.end() ||
           std::ranges::find(rule.rivals, other.id) != rule.rivals.end();
  };
  return names(a, b) || names(b, a);
}

// Articles that the dump cannot tell apart are ties, and said to be: by naming one another.
void check_against_others(const std::vector<const Rule*>& rules, std::vector<Error>& errors) {
  std::map<std::string, std::vector<Body>> by_require;
  for (const Rule* rule : rules) {
    Body body(*rule);
    std::string key;
    for (const auto& words : body.require) key += words + "\n";
    by_require[key].push_back(std::move(body));
  }
  for (const auto& [key, bodies] : by_require)
    for (std::size_t a = 0; a < bodies.size(); ++a)
      for (std::size_t b = 0; b < bodies.size(); ++b) {
        if (a == b || !bodies[a].asks_the_same(bodies[b]) || !bodies[a].never_beats(bodies[b]))
          continue;
        const Rule &own = *bodies[a].rule, &other = *bodies[b].rule;
        const bool twins = bodies[b].never_beats(bodies[a]);
        if (name_each_other(own, other) || (twins && a < b)) continue;
        Report{own, errors}.wrong(
            twins ? fmt::format("asks the same as {}: expected a difference, or each other's "
                                "article in 'rivals'",
                                other.id)
                  : fmt::format("is shadowed by {}, which asks the same and has more to speak for "
                                "it: expected a difference, or each other's article in 'rivals'",
                                other.id));
      }
}

// --- examples

std::string digits_of(std::string_view kb) {
  const std::size_t at = kb.find_first_of("0123456789");
  return std::string(at == std::string_view::npos ? "" : kb.substr(at));
}

// Facts that name the article would prove the writer, not the rule.
bool names_the_article(const evidence::FactSet& set, const std::string& digits) {
  constexpr std::size_t kFewest = 5;
  if (digits.size() < kFewest) return false;
  return std::ranges::any_of(set.facts, [&](const evidence::Fact& fact) {
    return fact.id.find(digits) != std::string::npos ||
           std::ranges::any_of(fact.fields, [&](const auto& field) {
             const auto* text = std::get_if<std::string>(&field.second);
             return text && text->find(digits) != std::string::npos;
           });
  });
}

void check_examples(const Catalogue& catalogue, const std::vector<ExampleFile>& files,
                    std::vector<Error>& errors) {
  std::map<std::string, std::vector<const Example*>> of_rule;
  for (const ExampleFile& file : files) {
    const Rule* rule = catalogue.find(file.rule);
    if (!rule && file.errors.empty())
      errors.push_back({Code::bad_value, file.file,
                        fmt::format("there is no rule '{}' for these examples", file.rule),
                        Where::text(1, 1)});
    for (const Example& example : file.examples) {
      of_rule[file.rule].push_back(&example);
      if (rule && names_the_article(example.facts, digits_of(rule->kb)))
        errors.push_back(
            {Code::bad_value, file.file,
             fmt::format("example '{}': its facts hold the number of the article", example.name),
             example.where});
    }
  }
  for (const Rule* rule : catalogue.all()) {
    const Report report{*rule, errors};
    const auto& examples = of_rule[rule->id];
    if (examples.empty()) {
      report.wrong("has no examples");
      continue;
    }
    auto is_hit = [](const Example* e) { return e->expect >= Verdict::possible; };
    if (std::ranges::none_of(examples, is_hit))
      report.wrong("no example is expected to be possible or better");
    if (std::ranges::none_of(examples, &Example::near_miss))
      report.wrong("no near miss among its examples (one made of another by 'like')");
    const bool proves = !rule->confirm.empty() && !rule->ceiling;
    if (proves && std::ranges::none_of(
                      examples, [](const Example* e) { return e->expect == Verdict::confirmed; }))
      report.wrong("no example is expected to be confirmed");
  }
}

} // namespace

std::vector<Error> lint(const Catalogue& catalogue, const std::vector<ExampleFile>* examples) {
  std::vector<Error> errors;
  const std::vector<const Rule*> rules = catalogue.all();
  for (const Rule* rule : rules) {
    const Report report{*rule, errors};
    check_proof(report);
    check_reach(report);
    check_fix(report);
    check_names(report);
  }
  check_against_others(rules, errors);
  if (examples) check_examples(catalogue, *examples, errors);
  return errors;
}

} // namespace dumptriage::rules
