#include "rules/advice.h"

#include <fmt/format.h>

#include "rules/conditions/condition.h"

namespace dumptriage::rules {
namespace {

using Lines = std::vector<std::string>;

std::string article(const Rule& rule) { return rule.kb.empty() ? rule.id : rule.kb; }

void advise_confirmed(const Match& match, Lines& lines) {
  const Rule& rule = *match.rule;
  const Fix& fix = rule.fix;
  if (!fix.service_packs.empty())
    lines.push_back(fmt::format("Install {} or later, which holds the fix of {}.",
                                join(fix.service_packs), article(rule)));
  if (fix.hotfix)
    lines.push_back(fmt::format("{} the hotfix of {}.",
                                fix.service_packs.empty() ? "Install" : "Or install",
                                article(rule)));
  if (!fix.vendor.empty()) lines.push_back(fmt::format("Get from the vendor: {}.", fix.vendor));
  if (lines.empty() && rule.workaround.empty())
    lines.push_back(fmt::format("Follow {}.", article(rule)));
  if (!fix.replaces.empty())
    lines.push_back(fmt::format("It replaces {}.", join(fix.replaces, "and")));
  if (match.fix_state == FixState::unpublished)
    lines.push_back("The article's file table is not published, so this dump cannot tell whether "
                    "the fix is already in: look on the machine first.");
  for (const auto& caveat : fix.caveats) lines.push_back(caveat);
  if (!rule.workaround.empty()) lines.push_back("Instead or until then: " + rule.workaround);
}

void say_what_to_collect(const Match& match, bool kernel, Lines& lines) {
  if (match.evidence_missing.empty()) return;
  lines.push_back(kernel ? "Collect a kernel or complete memory dump (KB254649 tells how), and the "
                           "images and PDB files of the modules named."
                         : "Collect a full dump of the process, and the images and PDB files of "
                           "the modules named.");
}

void say_proof(const Rule& rule, Lines& lines) {
  lines.push_back(
      rule.proof.empty()
          ? fmt::format(
                "No dump alone can prove {} by this rule: compare the machine with the article.",
                article(rule))
          : fmt::format("Look for the proof: {}.", rule.proof));
}

} // namespace

std::vector<std::string> advise(const Match& match, const std::vector<std::string>& limits,
                                bool kernel) {
  const Rule& rule = *match.rule;
  Lines lines;
  switch (match.verdict) {
  case Verdict::confirmed: advise_confirmed(match, lines); break;
  case Verdict::likely:
    lines.push_back(fmt::format("Get proof before acting on {}.", article(rule)));
    for (const auto& limit : limits) lines.push_back("Not more than likely: " + limit + ".");
    say_proof(rule, lines);
    say_what_to_collect(match, kernel, lines);
    if (!rule.workaround.empty()) lines.push_back("Harmless meanwhile: " + rule.workaround);
    break;
  case Verdict::possible:
    lines.push_back(fmt::format("Take {} as a lead, not as a finding.", article(rule)));
    say_proof(rule, lines);
    say_what_to_collect(match, kernel, lines);
    break;
  case Verdict::undecided:
    lines.push_back(fmt::format(
        "Do not act on {}: this dump does not hold what it must be judged by.", article(rule)));
    say_what_to_collect(match, kernel, lines);
    break;
  case Verdict::refuted:
    lines.push_back(
        match.fix_state == FixState::installed
            ? fmt::format("Look for another cause: the fix of {} is already in.", article(rule))
            : fmt::format("Look for another cause: it is not {}.", article(rule)));
    break;
  case Verdict::not_applicable:
  case Verdict::no_match: break;
  }
  return lines;
}

} // namespace dumptriage::rules
