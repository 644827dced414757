// The fix to get.  Articles form a graph: an edge leads from an article to one whose fix holds its
// fix (`replaces` of the newer one, `superseded_by` of the older one).  The fix that cures most of
// what was confirmed wins, then the one that nothing newer for this system holds.
#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/fix_state.h"
#include "rules/fix_words.h"
#include "rules/service_packs.h"

namespace dumptriage::rules {
namespace {

// "KB961799" and "Q961799" are one article.
std::uint64_t article_number(std::string_view kb) {
  const std::size_t digits = kb.find_first_of("0123456789");
  std::uint64_t number = 0;
  if (digits != std::string_view::npos)
    std::from_chars(kb.data() + digits, kb.data() + kb.size(), number);
  return number;
}

bool same_article(std::string_view a, std::string_view b) {
  const std::uint64_t number = article_number(a);
  return number ? number == article_number(b) : equals_no_case(a, b);
}

std::vector<std::string> spellings(std::string_view kb) {
  const std::uint64_t number = article_number(kb);
  if (!number) return {std::string(kb)};
  return {fmt::format("KB{}", number), fmt::format("Q{}", number)};
}

const Rule* rule_of(const Catalogue& catalogue, std::string_view kb) {
  for (const auto& spelling : spellings(kb))
    if (const Rule* rule = catalogue.find(lower(spelling)); rule && same_article(rule->kb, kb))
      return rule;
  return nullptr;
}

bool may_apply(const Rule& rule, const FactView& facts) {
  return std::ranges::none_of(rule.applies, [&](const auto& condition) {
    return condition->judge(facts).answer == Answer::no;
  });
}

// Rules of articles whose fix holds that of `rule`, one step on.
std::vector<const Rule*> newer_than(const Catalogue& catalogue, const Rule& rule,
                                    const FactView& facts) {
  std::vector<const Rule*> newer;
  for (const auto& spelling : spellings(rule.kb))
    for (const Rule* next : catalogue.replacing(spelling)) newer.push_back(next);
  for (const auto& kb : rule.fix.superseded_by)
    if (const Rule* next = rule_of(catalogue, kb)) newer.push_back(next);
  std::erase_if(newer, [&](const Rule* next) { return next == &rule || !may_apply(*next, facts); });
  return newer;
}

struct Candidate {
  const Rule* rule = nullptr;
  std::set<std::size_t> cures; // places in the list of confirmed matches
  bool superseded = false;     // by another candidate
};

std::int64_t newest_build(const Fix& fix) {
  std::int64_t newest = 0;
  for (const FixFile& file : fix.files)
    newest = std::max({newest, file.built_time.value_or(0), file.fixed_from.value_or(0)});
  return newest;
}

class Choice {
public:
  Choice(const Catalogue& catalogue, const std::vector<const Match*>& confirmed,
         const FactView& facts)
      : catalogue_(catalogue), confirmed_(confirmed), facts_(facts) {}

  Candidate best() {
    for (std::size_t i = 0; i < confirmed_.size(); ++i) follow(i);
    add_service_packs();
    return *std::ranges::max_element(
        candidates_, [](const Candidate& a, const Candidate& b) { return key_of(a) < key_of(b); });
  }

private:
  static constexpr std::size_t kMost = 1000; // articles that one chain may lead to

  // Most cures; not itself held by a newer one; what the first match needs; newest; last article.
  static std::tuple<std::size_t, bool, std::int64_t, std::int64_t, std::uint64_t>
  key_of(const Candidate& c) {
    return {c.cures.size(), !c.superseded, -static_cast<std::int64_t>(*c.cures.begin()),
            newest_build(c.rule->fix), article_number(c.rule->kb)};
  }

  Candidate& candidate(const Rule* rule) {
    auto found = std::ranges::find(candidates_, rule, &Candidate::rule);
    return found != candidates_.end() ? *found
                                      : candidates_.emplace_back(Candidate{rule, {}, false});
  }

  void follow(std::size_t confirmed) {
    std::vector<const Rule*> open = {confirmed_[confirmed]->rule};
    std::set<const Rule*> seen(open.begin(), open.end());
    while (!open.empty()) {
      const Rule* rule = open.back();
      open.pop_back();
      candidate(rule).cures.insert(confirmed);
      for (const Rule* next : newer_than(catalogue_, *rule, facts_)) {
        candidate(rule).superseded = true;
        if (seen.size() < kMost && seen.insert(next).second) open.push_back(next);
      }
    }
  }

  // A service pack holds the fixes of those before it.
  void add_service_packs() {
    for (Candidate& c : candidates_) {
      const unsigned pack = service_pack_number(c.rule->fix, facts_);
      for (std::size_t i = 0; pack && i < confirmed_.size(); ++i) {
        const unsigned needed = service_pack_number(confirmed_[i]->rule->fix, facts_);
        if (needed && needed <= pack) c.cures.insert(i);
      }
    }
  }

  const Catalogue& catalogue_;
  const std::vector<const Match*>& confirmed_;
  const FactView& facts_;
  std::vector<Candidate> candidates_;
};

using Lines = std::vector<std::string>;

std::string family_of(const FactView& facts) {
  const evidence::Fact* os = facts.first("os");
  const std::string* family = os ? os->text("family") : nullptr;
  return family ? *family : "";
}

void say_why(const Rule& rule, const std::vector<const Match*>& cured, Lines& lines) {
  std::vector<std::string> others;
  for (const Match* match : cured)
    if (match->rule != &rule) others.push_back(article_of(*match->rule));
  if (!others.empty())
    lines.push_back(fmt::format("{} ({}) holds the fix of {} as well.", article_of(rule),
                                rule.title, join(others, "and")));
  if (!rule.fix.replaces.empty())
    lines.push_back(fmt::format("It replaces {}.", join(rule.fix.replaces, "and")));
}

void say_packs(const Fix& fix, const FactView& facts, Lines& lines) {
  const auto packs = service_packs_for(fix, facts);
  if (packs.empty()) return;
  std::vector<std::string> names;
  for (const auto& pack : packs) names.push_back(service_pack_name(pack));
  const auto has = machine_service_pack(facts);
  const unsigned needed = service_pack_number(fix, facts);
  lines.push_back(fmt::format("Install {} or later.", join(names)));
  if (has && needed && *has >= needed)
    lines.push_back(fmt::format(
        "The machine has Service Pack {} already, but the file is older: components added later "
        "come from the original disc, so install the service pack again.",
        *has));
}

void say_files(const Fix& fix, const FactView& facts, Lines& lines) {
  if (fix.unpublished) {
    lines.push_back("The article's table of files is not published: whether the fix is already in "
                    "must be looked up on the machine.");
    return;
  }
  const auto files = fixed_files_for(fix, facts);
  if (!files.empty()) lines.push_back(fmt::format("Fixed files: {}.", join(files, "and")));
}

void say_needs(const Fix& fix, const FactView& facts, Lines& lines) {
  const auto has = machine_service_pack(facts);
  for (const auto& needed : fix.needs) {
    FixFile row;
    row.fixed_in = needed;
    const bool known = apply_fixed_in(row);
    if (known && !is_for_machine(row, facts)) continue;
    const ServicePack* pack = find_service_pack(needed, row.terminal_server.value_or(false));
    const bool there = pack && has && *has >= pack->number;
    lines.push_back(fmt::format("It needs {} before it{}.", service_pack_name(needed),
                                there ? ", which the machine has" : ""));
  }
}

void say_terms(const Fix& fix, bool has_pack, Lines& lines) {
  if (fix.hotfix && !has_pack)
    lines.push_back(
        "It is a hotfix: made for systems with this very problem, before the next "
        "service pack, and handed out by Microsoft Product Support only (KB824684 tells "
        "hotfix, update and QFE apart).");
  else if (fix.hotfix)
    lines.push_back(
        "There is a hotfix too, for systems that cannot take the service pack: from "
        "Microsoft Product Support only (KB824684 tells hotfix, update and QFE apart).");
}

void say_how_to_obtain(const Fix& fix, const FactView& facts, bool has_pack, Lines& lines) {
  const std::string family = family_of(facts);
  const std::string_view article = family.starts_with("nt")                 ? "Q152734"
                                   : family == "2000"                       ? "Q260910"
                                   : family == "xp"                         ? "Q322389"
                                   : family == "ws2003" || family == "xp64" ? "KB889100"
                                                                            : "";
  if (has_pack && !article.empty())
    lines.push_back(fmt::format("{} tells how to obtain the service pack.", article));
  if (!fix.vendor.empty()) lines.push_back(fmt::format("Get from the vendor: {}.", fix.vendor));
}

void say_rest(const Rule& rule, Lines& lines) {
  if (rule.fix.restart)
    lines.push_back(*rule.fix.restart ? "The machine must be restarted after it."
                                      : "No restart is needed after it.");
  for (const auto& caveat : rule.fix.caveats) lines.push_back(caveat);
  if (!rule.workaround.empty()) lines.push_back("Instead or until then: " + rule.workaround);
}

bool already_there(const Rule& rule, const FactView& facts) {
  if (!rule.fixed_check) return false;
  const Finding found = rule.fixed_check->judge(facts);
  return found.answer == Answer::yes && !found.weak;
}

Lines lines_for(const Rule& rule, const std::vector<const Match*>& cured, const FactView& facts) {
  Lines lines;
  say_why(rule, cured, lines);
  if (already_there(rule, facts)) {
    lines.push_back(fmt::format("The files of {} are already there: nothing is to be installed, "
                                "compare the machine with the articles.",
                                article_of(rule)));
    return lines;
  }
  const bool has_pack = !service_packs_for(rule.fix, facts).empty();
  say_packs(rule.fix, facts, lines);
  if (!has_pack && rule.fix.hotfix)
    lines.push_back(fmt::format("Install the hotfix of {}.", article_of(rule)));
  say_files(rule.fix, facts, lines);
  say_needs(rule.fix, facts, lines);
  say_terms(rule.fix, has_pack, lines);
  say_how_to_obtain(rule.fix, facts, has_pack, lines);
  say_rest(rule, lines);
  return lines;
}

} // namespace

Recommendation recommend(const Catalogue& catalogue, const std::vector<Match>& matches,
                         const FactView& facts) {
  std::vector<const Match*> confirmed;
  for (const Match& match : matches)
    if (match.verdict == Verdict::confirmed) confirmed.push_back(&match);
  Recommendation recommendation;
  if (confirmed.empty()) return recommendation;
  const Candidate best = Choice(catalogue, confirmed, facts).best();
  std::vector<const Match*> cured;
  std::vector<std::string> left;
  for (std::size_t i = 0; i < confirmed.size(); ++i)
    if (best.cures.contains(i))
      cured.push_back(confirmed[i]);
    else
      left.push_back(article_of(*confirmed[i]->rule));
  recommendation.kb = article_of(*best.rule);
  for (const Match* match : cured) recommendation.cures.push_back(match->rule->id);
  recommendation.lines = lines_for(*best.rule, cured, facts);
  if (!left.empty())
    recommendation.lines.push_back(
        fmt::format("It does not hold the fix of {}: see there.", join(left, "and")));
  return recommendation;
}

} // namespace dumptriage::rules
