// The order of judgement: applies, refute, require, the state of the fix, confirm, support, and
// what caps the result.  docs/rules.md tells it to people who write rules.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "rules/advice.h"
#include "rules/conditions/condition.h"
#include "rules/rules.h"

namespace dumptriage::rules {
namespace {

using Conditions = std::vector<std::shared_ptr<const Condition>>;

bool certain(const Finding& finding) { return finding.answer == Answer::yes && !finding.weak; }

std::vector<Finding> judge_each(const Conditions& conditions, const FactView& facts) {
  std::vector<Finding> findings;
  for (const auto& condition : conditions) findings.push_back(condition->judge(facts));
  return findings;
}

// What could not be told on the way to an answer that is not certain.
void collect_missing(const Finding& finding, std::vector<std::string>& missing) {
  if (finding.answer == Answer::no || certain(finding)) return;
  if (!finding.children.empty()) {
    for (const auto& child : finding.children) collect_missing(child, missing);
    return;
  }
  std::string line = fmt::format("{}: {}", finding.condition, finding.because);
  if (std::ranges::find(missing, line) == missing.end()) missing.push_back(std::move(line));
}

class Judgement {
public:
  Judgement(const Rule& rule, const FactView& facts) : rule_(rule), facts_(facts) {
    match_.rule = &rule;
    match_.explanation.condition = "rule " + rule.id;
  }

  Match run() {
    match_.verdict = decide();
    finish();
    return std::move(match_);
  }

  // An undecided rule for which nothing was seen but what a hundred rules share is no lead: a dump
  // that holds next to nothing would list the whole catalogue.
  bool idle() const { return idle_; }

private:
  const Finding& section(Finding finding) {
    match_.explanation.children.push_back(std::move(finding));
    return match_.explanation.children.back();
  }

  void cap(Verdict most, std::string why) {
    limit_ = std::min(limit_, most);
    limits_.push_back(std::move(why));
  }

  Verdict decide() {
    if (!rule_.applies.empty()) {
      const Finding& applies = section(all_of("applies", judge_each(rule_.applies, facts_)));
      if (applies.answer == Answer::no) return Verdict::not_applicable;
      collect_missing(applies, match_.evidence_missing);
      if (!certain(applies))
        cap(Verdict::likely, "whether the article applies to this system is not proved");
    }
    if (!rule_.refute.empty()) {
      const Finding& refute = section(any_of("refute", judge_each(rule_.refute, facts_)));
      if (certain(refute)) return Verdict::refuted;
      collect_missing(refute, match_.evidence_missing);
      if (refute.answer != Answer::no)
        cap(Verdict::likely, "something that would refute it is not ruled out");
    }
    const Finding require = section(all_of("require", judge_each(rule_.require, facts_)));
    count_in(rule_.require, require);
    if (require.answer == Answer::no) return Verdict::no_match;
    collect_missing(require, match_.evidence_missing);
    const bool undecided = require.answer == Answer::cannot_tell;
    if (!undecided && require.weak)
      cap(Verdict::possible, "what the rule requires rests on a guess");
    judge_fix_state();
    if (match_.fix_state == FixState::installed) return Verdict::refuted;
    if (undecided) {
      // What else speaks for it is shown; what that misses counts only once the rest is there.
      auto missing = match_.evidence_missing;
      weigh();
      match_.evidence_missing = std::move(missing);
      idle_ = !specific_;
      return Verdict::undecided;
    }
    if (rule_.ceiling) cap(*rule_.ceiling, "this article cannot be proved further");
    return std::min(weigh(), limit_);
  }

  // What certainly holds makes the rule's strength; more than a stop code or a system makes it
  // worth listing though undecided.
  void count_in(const Conditions& conditions, const Finding& section) {
    constexpr unsigned kModule = 2; // see Condition::weight
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      if (!certain(section.children[i])) continue;
      const unsigned weight = conditions[i]->weight();
      match_.strength += weight;
      specific_ = specific_ || weight >= kModule;
    }
  }

  void judge_fix_state() {
    if (!rule_.fixed_check) {
      match_.fix_state = rule_.fix.unpublished ? FixState::unpublished : FixState::cannot_tell;
      if (!rule_.fix.unpublished)
        cap(Verdict::likely, "the rule knows no file to tell by whether the fix is in");
      return;
    }
    Finding finding;
    finding.condition = "fix installed";
    finding.children.push_back(rule_.fixed_check->judge(facts_));
    finding.answer = finding.children[0].answer;
    finding.weak = finding.children[0].weak;
    finding.because = finding.children[0].because;
    const Finding& fixed = section(std::move(finding));
    match_.fix_state = certain(fixed)               ? FixState::installed
                       : fixed.answer == Answer::no ? FixState::missing
                                                    : FixState::cannot_tell;
    collect_missing(fixed, match_.evidence_missing);
    if (match_.fix_state == FixState::cannot_tell)
      cap(Verdict::likely, "whether the fix is already in cannot be told");
  }

  // How far proof and support carry, before the caps.
  Verdict weigh() {
    Verdict reached = Verdict::possible;
    if (!rule_.confirm.empty()) {
      const Finding& confirm = section(any_of("confirm", judge_each(rule_.confirm, facts_)));
      for (std::size_t i = 0; i < rule_.confirm.size(); ++i) {
        if (!certain(confirm.children[i])) continue;
        // Code + module never confirms, whatever a rule file says.
        reached = std::max(reached, rule_.confirm[i]->discriminating() ? Verdict::confirmed
                                                                       : Verdict::likely);
      }
      count_in(rule_.confirm, confirm);
      collect_missing(confirm, match_.evidence_missing);
    }
    for (bool strong : {true, false}) {
      Conditions items;
      for (const auto& item : rule_.support)
        if (item.strong == strong) items.push_back(item.condition);
      if (items.empty()) continue;
      const Finding& found =
          section(any_of(strong ? "strong support" : "weak support", judge_each(items, facts_)));
      count_in(items, found);
      if (strong && certain(found)) reached = std::max(reached, Verdict::likely);
      if (strong && reached < Verdict::likely) collect_missing(found, match_.evidence_missing);
    }
    return reached;
  }

  void finish() {
    Finding& root = match_.explanation;
    const Verdict verdict = match_.verdict;
    root.answer = verdict >= Verdict::possible    ? Answer::yes
                  : verdict == Verdict::undecided ? Answer::cannot_tell
                                                  : Answer::no;
    root.because = std::string(name_of(verdict));
    if (verdict >= Verdict::possible)
      for (const auto& why : limits_) section(yes("limit", why));
    // A settled verdict misses nothing.
    if (verdict < Verdict::undecided || verdict == Verdict::confirmed)
      match_.evidence_missing.clear();
    match_.advice = advise(match_, limits_, facts_);
  }

  const Rule& rule_;
  const FactView& facts_;
  Match match_;
  Verdict limit_ = Verdict::confirmed;
  bool idle_ = false, specific_ = false;
  std::vector<std::string> limits_;
};

} // namespace

std::string_view name_of(Answer answer) {
  constexpr std::array<std::string_view, 3> kNames = {"no", "cannot tell", "yes"};
  return kNames[static_cast<std::size_t>(answer)];
}

std::string_view name_of(Verdict verdict) {
  constexpr std::array<std::string_view, 7> kNames = {
      "not_applicable", "no_match", "refuted", "undecided", "possible", "likely", "confirmed"};
  return kNames[static_cast<std::size_t>(verdict)];
}

std::string_view name_of(FixState state) {
  constexpr std::array<std::string_view, 4> kNames = {"missing", "installed", "unpublished",
                                                      "cannot_tell"};
  return kNames[static_cast<std::size_t>(state)];
}

Match judge_rule(const Rule& rule, const FactView& facts) { return Judgement(rule, facts).run(); }

namespace {

// Most candidates end here, before anything is written down about them.
bool ruled_out(const Rule& rule, const FactView& facts) {
  auto is_no = [&](const auto& condition) { return condition->judge(facts).answer == Answer::no; };
  return std::ranges::any_of(rule.applies, is_no) || std::ranges::any_of(rule.require, is_no);
}

bool before(const Match& a, const Match& b) {
  if (a.verdict != b.verdict) return a.verdict > b.verdict;
  if (a.strength != b.strength) return a.strength > b.strength;
  return a.rule->id < b.rule->id;
}

// Equal verdict and strength share a rank: nothing in the dump tells such rules apart.  Each names
// the first of the others: a site may have ten thousand rules that differ in nothing.
void rank(std::vector<Match>& matches) {
  constexpr std::size_t kMostTies = 50;
  auto same = [](const Match& a, const Match& b) {
    return a.verdict == b.verdict && a.strength == b.strength;
  };
  for (std::size_t first = 0, end = 0; first < matches.size(); first = end) {
    while (end < matches.size() && same(matches[first], matches[end])) ++end;
    for (std::size_t i = first; i < end; ++i) {
      matches[i].rank = first + 1;
      if (matches[i].verdict < Verdict::undecided) continue;
      for (std::size_t other = first; other < end && matches[i].tied_with.size() < kMostTies;
           ++other)
        if (other != i) matches[i].tied_with.push_back(matches[other].rule->id);
    }
  }
  for (Match& match : matches) advise_on_ties(match);
}

} // namespace

std::vector<Match> judge(const Catalogue& catalogue, const evidence::FactSet& set, bool all) {
  const FactView facts(set);
  std::vector<Match> matches;
  for (const Rule* rule : all ? catalogue.all() : catalogue.candidates(facts)) {
    if (!all && ruled_out(*rule, facts)) continue;
    Judgement judgement(*rule, facts);
    Match match = judgement.run();
    if (all || !judgement.idle()) matches.push_back(std::move(match));
  }
  std::ranges::sort(matches, before);
  rank(matches);
  return matches;
}

} // namespace dumptriage::rules
