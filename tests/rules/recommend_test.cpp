// The fix that is recommended: the newest that contains the others, for what is confirmed.
#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

// A rule that is confirmed on `machine()`, with these lines in its `fix`.
RuleText rule(const std::string& kb, const std::string& fix, const std::string& os = "ws2003",
              const std::string& more = "") {
  std::string id = kb;
  for (char& c : id) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return {id + ".yaml",
          "schema: dumptriage.rule/1\nid: " + id + "\nkb: " + kb + "\ntitle: Title of " + kb +
              "\nabout: a\napplies:\n  - os: {family: " + os + "}\nfix:\n" + fix +
              "require:\n  - module_loaded: y.sys\nconfirm:\n  - frame_function: {function: "
              "y!Certain, on: any_cpu}\n" +
              more,
          {}};
}
const std::string kHotfix = "  hotfix: true\n  unpublished: true\n";

// The same, but nothing confirms it.
RuleText lead(const std::string& kb, const std::string& fix, const std::string& os = "ws2003") {
  RuleText text = rule(kb, fix, os);
  const auto at = text.text.find("y!Certain");
  text.text.replace(at, 9, "y!Another");
  return text;
}

FactSet machine(const char* family = "ws2003", std::uint64_t pack = 2) {
  FactSet set;
  set.facts = {stop(0xD1), os(family, pack, "x86"),
               module("y.sys", {{"timestamp", number(930000000)}}),
               frame(0, 0, "y.sys", "Certain", true, true)};
  find(set, "os").fields["terminal_server"] = false;
  cover_all(set);
  return set;
}

Recommendation recommended(const std::vector<RuleText>& texts, const FactSet& facts = machine()) {
  Catalogue catalogue = load(texts);
  for (const auto& error : catalogue.errors) ADD_FAILURE() << error.message();
  return recommend(catalogue, judge(catalogue, facts), FactView(facts));
}

std::string lines(const Recommendation& recommendation) {
  std::string all;
  for (const auto& line : recommendation.lines) all += line + "\n";
  return all;
}

using Ids = std::vector<std::string>;

TEST(Recommend, NothingWithoutAConfirmedRule) {
  const Recommendation none = recommended({lead("KB100001", kHotfix)});
  EXPECT_EQ(none.kb, "");
  EXPECT_TRUE(none.cures.empty());
  EXPECT_TRUE(none.lines.empty());
}

// KB961799 replaces KB955860 and KB948354.
TEST(Recommend, TheNewestThatContainsTheOthers) {
  const std::string newest = kHotfix + "  replaces: [KB955860, KB948354]\n";
  const Recommendation got =
      recommended({rule("KB948354", kHotfix), rule("KB955860", kHotfix), lead("KB961799", newest)});
  EXPECT_EQ(got.kb, "KB961799");
  EXPECT_EQ(got.cures, (Ids{"kb948354", "kb955860"}));
  EXPECT_NE(lines(got).find("holds the fix of KB948354 and KB955860 as well"), std::string::npos)
      << lines(got);
  // Confirmed or not, it is taken in place of what it replaces.
  EXPECT_EQ(recommended({rule("KB948354", kHotfix), rule("KB961799", newest)}).kb, "KB961799");
  // The older article may be the one that says so.
  EXPECT_EQ(recommended({rule("KB948354", kHotfix + "  superseded_by: [KB961799]\n"),
                         lead("KB961799", kHotfix)})
                .kb,
            "KB961799");
}

TEST(Recommend, FollowsChainsAndSurvivesCircles) {
  EXPECT_EQ(
      recommended({rule("KB100001", kHotfix), lead("KB100002", kHotfix + "  replaces: [Q100001]\n"),
                   lead("KB100003", kHotfix + "  replaces: [KB100002]\n")})
          .kb,
      "KB100003");
  const Recommendation circle =
      recommended({rule("KB100001", kHotfix + "  replaces: [KB100002]\n"),
                   rule("KB100002", kHotfix + "  replaces: [KB100001]\n")});
  EXPECT_EQ(circle.kb, "KB100002");
  EXPECT_EQ(circle.cures, (Ids{"kb100001", "kb100002"}));
}

TEST(Recommend, OnlyWhatIsForThisSystem) {
  const Recommendation got = recommended(
      {rule("KB100001", kHotfix), lead("KB100002", kHotfix + "  replaces: [KB100001]\n", "vista")});
  EXPECT_EQ(got.kb, "KB100001");
  // A successor that no rule describes is not recommended.
  EXPECT_EQ(recommended({rule("KB100001", kHotfix + "  superseded_by: [KB999999]\n")}).kb,
            "KB100001");
}

TEST(Recommend, WhatIsNotCuredIsSaid) {
  const Recommendation got = recommended({rule("KB100001", kHotfix), rule("KB100002", kHotfix),
                                          lead("KB100003", kHotfix + "  replaces: [KB100002]\n")});
  EXPECT_EQ(got.cures.size(), 1u);
  EXPECT_NE(lines(got).find("does not hold the fix of"), std::string::npos) << lines(got);
}

TEST(Recommend, AServicePackHoldsTheFixesOfThoseBeforeIt) {
  const std::string fifth = "  service_packs: [nt4 SP5]\n  hotfix: true\n  files: [{file: y.sys, "
                            "built: 1999-12-01}]\n";
  const Recommendation got = recommended(
      {rule("Q100001", "  service_packs: [nt4 SP4, 2000 SP1]\n  unpublished: true\n", "nt4"),
       rule("Q100002", fifth, "nt4")},
      machine("nt4", 3));
  EXPECT_EQ(got.kb, "Q100002");
  EXPECT_EQ(got.cures, (Ids{"q100001", "q100002"}));
  const std::string text = lines(got);
  EXPECT_NE(text.find("Install Service Pack 5 for Windows NT 4.0 or later."), std::string::npos);
  EXPECT_NE(text.find("Q152734"), std::string::npos);
  EXPECT_NE(text.find("KB824684"), std::string::npos);
  EXPECT_EQ(text.find("Windows 2000"), std::string::npos);
  EXPECT_EQ(text.find("already"), std::string::npos);
  // The machine has the pack, its file does not: it goes in again.
  const std::string again = lines(recommended({rule("Q100002", fifth, "nt4")}, machine("nt4", 6)));
  EXPECT_NE(again.find("has Service Pack 6 already, but the file is older"), std::string::npos)
      << again;
}

TEST(Recommend, FilesOfThisBranchPrerequisitesAndRestart) {
  const std::string fix =
      "  hotfix: true\n  files:\n    - {file: y.sys, family: nt4, arch: x86, built: 1999-09-29 "
      "19:49, bytes: 134416}\n    - {file: y.sys, family: nt4, arch: alpha, built: 1999-09-29 "
      "19:48, bytes: 241744}\n  needs: [nt4 SP6a]\n  restart: true\n";
  const std::string text = lines(recommended(
      {rule("Q100001", fix, "nt4", "caveats: [Only affected systems.]\nworkaround: Wait.\n")},
      machine("nt4", 5)));
  EXPECT_NE(text.find("y.sys of 1999-09-29 19:49, 134,416 bytes"), std::string::npos) << text;
  EXPECT_EQ(text.find("241,744"), std::string::npos) << text;
  EXPECT_NE(text.find("It needs Service Pack 6a for Windows NT 4.0 before it.\n"),
            std::string::npos)
      << text;
  for (const char* part :
       {"Install the hotfix of Q100001.", "must be restarted", "this very problem",
        "Only affected systems.", "Instead or until then: Wait."})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  const std::string there = lines(recommended({rule("Q100001", fix, "nt4")}, machine("nt4", 6)));
  EXPECT_NE(there.find("before it, which the machine has"), std::string::npos) << there;
}

TEST(Recommend, SaysWhenItIsThereAlready) {
  const Recommendation got = recommended(
      {rule("KB100001", kHotfix),
       lead("KB100002", "  hotfix: true\n  files: [{file: y.sys, built: 1999-05-01}]\n  replaces: "
                        "[KB100001]\n")});
  EXPECT_EQ(got.kb, "KB100002");
  EXPECT_NE(lines(got).find("are already there"), std::string::npos) << lines(got);
  EXPECT_EQ(lines(got).find("Install"), std::string::npos) << lines(got);
}

} // namespace
} // namespace dumptriage::rules::test
