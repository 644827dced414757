#include "rules/advice.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/fix_words.h"

namespace dumptriage::rules {
namespace {

using Lines = std::vector<std::string>;

std::vector<std::string> pack_names(const Rule& rule, const FactView& facts) {
  std::vector<std::string> names;
  for (const auto& pack : service_packs_for(rule.fix, facts))
    names.push_back(service_pack_name(pack));
  return names;
}

void advise_confirmed(const Match& match, const FactView& facts, Lines& lines) {
  const Rule& rule = *match.rule;
  const Fix& fix = rule.fix;
  const auto packs = pack_names(rule, facts);
  if (!packs.empty())
    lines.push_back(fmt::format("Install {} or later, which holds the fix of {}.", join(packs),
                                article_of(rule)));
  if (fix.hotfix)
    lines.push_back(fmt::format("{} the hotfix of {}.", packs.empty() ? "Install" : "Or install",
                                article_of(rule)));
  if (!fix.vendor.empty()) lines.push_back(fmt::format("Get from the vendor: {}.", fix.vendor));
  if (lines.empty() && rule.workaround.empty())
    lines.push_back(fmt::format("Follow {}.", article_of(rule)));
  if (!fix.replaces.empty())
    lines.push_back(fmt::format("It replaces {}.", join(fix.replaces, "and")));
  if (match.fix_state == FixState::unpublished)
    lines.push_back("The article's file table is not published, so this dump cannot tell whether "
                    "the fix is already in: look on the machine first.");
  for (const auto& caveat : fix.caveats) lines.push_back(caveat);
  if (!rule.workaround.empty()) lines.push_back("Instead or until then: " + rule.workaround);
}

bool is_program(const FactView& facts) {
  const evidence::Fact* stop = facts.first("stop");
  const std::string* kind = stop ? stop->text("kind") : nullptr;
  return kind && *kind == "exception";
}

// The kernel's objects that the rule asks for and this dump shows in part or not at all.
std::vector<std::string> objects_not_shown(const Rule& rule, const FactView& facts) {
  constexpr auto kObjects = std::to_array<std::pair<std::string_view, std::string_view>>(
      {{"irp", "I/O requests"},
       {"corruption", "lists of free memory"},
       {"touched_block", "pool"},
       {"pool_block", "pool"},
       {"pool_usage", "use of pool by tag"},
       {"wait", "what threads wait for"},
       {"wait_cycle", "what threads wait for"},
       {"hold", "locks"},
       {"work_queue", "work queues"}});
  Needs needs;
  for (const auto& condition : rule.confirm) condition->needs(needs);
  for (const auto& item : rule.support) item.condition->needs(needs);
  std::vector<std::string> words;
  for (const Need& need : needs) {
    if (need.kind != NeedKind::fact) continue;
    for (const auto& [kind, name] : kObjects)
      if (std::ranges::find(need.any_of, kind) != need.any_of.end() && !facts.complete(kind) &&
          std::ranges::find(words, name) == words.end())
        words.emplace_back(name);
  }
  return words;
}

bool asks_for_a_hang(const Rule& rule) {
  Needs needs;
  for (const auto& condition : rule.require) condition->needs(needs);
  return std::ranges::any_of(needs, [](const Need& need) {
    return need.kind == NeedKind::stop_kind && need.any_of == std::vector<std::string>{"hang"};
  });
}

void say_what_to_collect(const Match& match, const FactView& facts, Lines& lines) {
  if (match.evidence_missing.empty()) return;
  if (is_program(facts)) {
    lines.push_back("Collect a full dump of the process, and the images and PDB files of the "
                    "modules named.");
    return;
  }
  const auto objects = objects_not_shown(*match.rule, facts);
  lines.push_back(fmt::format(
      "Collect a kernel or complete memory dump (KB254649 tells how){}, and the images and PDB "
      "files of the modules named.",
      objects.empty() ? "" : ": a small dump does not hold " + join(objects, "and")));
  if (asks_for_a_hang(*match.rule))
    lines.push_back("Take the dump while the machine hangs: by keyboard (KB244139) or a debugger.");
}

void say_proof(const Rule& rule, Lines& lines) {
  lines.push_back(
      rule.proof.empty()
          ? fmt::format(
                "No dump alone can prove {} by this rule: compare the machine with the article.",
                article_of(rule))
          : fmt::format("Look for the proof: {}.", rule.proof));
}

// Where the dump cannot tell whether the fix is in, the machine can.
void say_what_to_compare(const Match& match, const FactView& facts, Lines& lines) {
  if (match.fix_state != FixState::cannot_tell) return;
  const auto files = fixed_files_for(match.rule->fix, facts);
  if (!files.empty())
    lines.push_back(fmt::format("Compare the files on the machine with the fixed ones: {}.",
                                join(files, "and")));
}

} // namespace

std::vector<std::string> advise(const Match& match, const std::vector<std::string>& limits,
                                const FactView& facts) {
  const Rule& rule = *match.rule;
  Lines lines;
  switch (match.verdict) {
  case Verdict::confirmed: advise_confirmed(match, facts, lines); break;
  case Verdict::likely:
    lines.push_back(fmt::format("Get proof before acting on {}.", article_of(rule)));
    for (const auto& limit : limits) lines.push_back("Not more than likely: " + limit + ".");
    say_proof(rule, lines);
    say_what_to_compare(match, facts, lines);
    say_what_to_collect(match, facts, lines);
    if (!rule.workaround.empty()) lines.push_back("Harmless meanwhile: " + rule.workaround);
    break;
  case Verdict::possible:
    lines.push_back(fmt::format("Take {} as a lead, not as a finding.", article_of(rule)));
    say_proof(rule, lines);
    say_what_to_collect(match, facts, lines);
    break;
  case Verdict::undecided:
    lines.push_back(fmt::format(
        "Do not act on {}: this dump does not hold what it must be judged by.", article_of(rule)));
    say_what_to_collect(match, facts, lines);
    break;
  case Verdict::refuted:
    lines.push_back(
        match.fix_state == FixState::installed
            ? fmt::format("Look for another cause: the fix of {} is already in.", article_of(rule))
            : fmt::format("Look for another cause: it is not {}.", article_of(rule)));
    break;
  case Verdict::not_applicable:
  case Verdict::no_match: break;
  }
  return lines;
}

void advise_on_ties(Match& match) {
  if (match.tied_with.empty()) return;
  constexpr std::size_t kMost = 5;
  std::vector<std::string> others = match.tied_with;
  const std::size_t left = others.size() > kMost ? others.size() - kMost : 0;
  others.resize(others.size() - left);
  if (left) others.push_back(fmt::format("{} more", left));
  match.advice.push_back(fmt::format("The dump does not tell it from {}: as much speaks for {}.",
                                     join(others, "and"),
                                     match.tied_with.size() == 1 ? "that one" : "each of them"));
}

} // namespace dumptriage::rules
