// Every rule's positive example, judged by the whole catalogue: its own article comes first, or
// stands first together with others, and no other article is confirmed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include <fmt/format.h>

#include "catalogue/folder.h"

namespace dumptriage::rules::test {
namespace {

// The outcome for one rule's example.
struct Talk {
  const Rule* own = nullptr;
  Verdict expected = Verdict::no_match, got = Verdict::no_match;
  std::size_t rank = 0, tied = 0, listed = 0;
  std::vector<std::string> confirmed_others;
  std::string ahead; // who stands before it
};

std::vector<Talk> talk_all() {
  std::vector<Talk> talks;
  const RuleFolder& folder = signatures();
  for (const ExampleFile& file : folder.examples) {
    const Rule* own = folder.catalogue.find(file.rule);
    for (const Example& example : file.examples) {
      if (!own || example.near_miss || example.expect < Verdict::possible) continue;
      Talk talk{own, example.expect, Verdict::no_match, 0, 0, 0, {}, {}};
      for (const Match& match : judge(folder.catalogue, example.facts)) {
        if (match.verdict < Verdict::possible) continue;
        ++talk.listed;
        if (talk.ahead.empty()) talk.ahead = match.rule->id;
        if (match.rule == own) {
          talk.got = match.verdict;
          talk.rank = match.rank;
          talk.tied = match.tied_with.size();
        } else if (match.verdict == Verdict::confirmed) {
          talk.confirmed_others.push_back(match.rule->id);
        }
      }
      talks.push_back(std::move(talk));
      break; // the first one is the affected machine
    }
  }
  return talks;
}

const std::vector<Talk>& talks() {
  static const std::vector<Talk> made = talk_all();
  return made;
}

bool discriminating(const Talk& talk) { return !talk.own->confirm.empty(); }

TEST(CrossTalk, NoOtherArticleIsConfirmed) {
  ASSERT_GE(talks().size(), 500u);
  std::vector<std::string> wrong;
  for (const auto& talk : talks())
    for (const auto& other : talk.confirmed_others)
      wrong.push_back(fmt::format("{} is confirmed on the machine of {}", other, talk.own->id));
  EXPECT_EQ(first_lines(wrong), "");
}

TEST(CrossTalk, ADiscriminatingRuleComesFirstOnItsOwnMachine) {
  std::size_t all = 0, first = 0;
  std::vector<std::string> others;
  for (const auto& talk : talks()) {
    if (!discriminating(talk)) continue;
    ++all;
    if (talk.rank == 1 && talk.tied == 0)
      ++first;
    else
      others.push_back(fmt::format("{}: rank {}, tied with {}, first is {}", talk.own->id,
                                   talk.rank, talk.tied, talk.ahead));
  }
  ASSERT_GT(all, 80u);
  EXPECT_GE(static_cast<double>(first), 0.95 * static_cast<double>(all)) << first_lines(others);
  RecordProperty("discriminating", static_cast<int>(all));
  RecordProperty("first", static_cast<int>(first));
}

TEST(CrossTalk, TheOthersStandInTheFirstGroup) {
  std::vector<std::string> wrong;
  for (const auto& talk : talks()) {
    if (discriminating(talk) || talk.got < Verdict::possible) continue;
    if (talk.rank != 1)
      wrong.push_back(fmt::format("{}: {}, rank {}, first is {}", talk.own->id, name_of(talk.got),
                                  talk.rank, talk.ahead));
  }
  // Leads that a stronger lead of another article covers.
  EXPECT_LE(wrong.size(), talks().size() / 20) << first_lines(wrong);
}

// DUMPTRIAGE_CROSS_TALK=FILE writes the numbers that docs/accuracy.md shows.
TEST(CrossTalk, Numbers) {
  struct Row {
    std::size_t rules = 0, alone = 0, group = 0, behind = 0, wrong = 0, tied = 0, listed = 0;
  };
  std::map<std::string, Row> rows;
  for (const auto& talk : talks()) {
    Row& row = rows[discriminating(talk)               ? "with a proof"
                    : talk.expected == Verdict::likely ? "at best likely"
                                                       : "at best possible"];
    ++row.rules;
    row.alone += talk.rank == 1 && talk.tied == 0;
    row.group += talk.rank == 1 && talk.tied > 0;
    row.behind += talk.rank > 1;
    row.wrong += talk.confirmed_others.size();
    row.tied += talk.tied;
    row.listed += talk.listed;
  }
  std::size_t rules = 0;
  std::string table = "| rules | number | first alone | first in a tied group | behind another | "
                      "others confirmed | listed on average |\n|---|---|---|---|---|---|---|\n";
  for (const auto& [name, row] : rows) {
    rules += row.rules;
    table += fmt::format("| {} | {} | {} | {} | {} | {} | {:.1f} |\n", name, row.rules, row.alone,
                         row.group, row.behind, row.wrong,
                         static_cast<double>(row.listed) / static_cast<double>(row.rules));
  }
  EXPECT_EQ(rules, talks().size());
  for (const auto& talk : talks())
    if (discriminating(talk) ? talk.rank != 1 || talk.tied > 0 : talk.rank > 1)
      table += fmt::format("\n* `{}`: rank {} with {} tied, behind or beside `{}`", talk.own->id,
                           talk.rank, talk.tied, talk.ahead);
  if (const char* file = std::getenv("DUMPTRIAGE_CROSS_TALK")) std::ofstream(file) << table << "\n";
}

} // namespace
} // namespace dumptriage::rules::test
