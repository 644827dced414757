// The index leaves out only rules that could say nothing.
#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "rules/facts_builder.h"
#include "rules/rule_index.h"

namespace dumptriage::rules::test {
namespace {

std::vector<std::uint32_t> numbers(std::initializer_list<std::uint32_t> all) { return all; }

// 0: 0xA and netbt; 1: 0x50 or 0xA; 2: nothing; 3: nt4; 4: pool blocks; 5: a frame in tcpip
IndexTables small_index() {
  const std::vector<IndexedRule> rules = {
      {{{NeedKind::bugcheck, {"10"}}, {NeedKind::module, {"netbt"}}}, {"KB1", "KB2"}},
      {{{NeedKind::bugcheck, {"80", "10"}}}, {}},
      {{}, {"KB2", "KB2"}},
      {{{NeedKind::family, {"nt4"}}}, {}},
      {{{NeedKind::fact, {"pool_block"}}}, {}},
      {{{NeedKind::frame_module, {"tcpip"}}, {NeedKind::stop_kind, {"bugcheck"}}}, {}},
  };
  return make_index(rules);
}

TEST(RuleIndex, FindsRulesWhoseNeedsHold) {
  const IndexTables index = small_index();
  FactSet set;
  set.facts = {stop(0x1000000A), os("ws2003", 2, "x86"), module("NetBT.sys"),
               frame(0, 0, "tcpip.sys", "f")};
  cover_all(set);
  cover(set, "pool_block", Extent::complete);
  EXPECT_EQ(index.view().candidates(FactView(set)), numbers({0, 1, 2, 5}));
  set.facts = {stop(0x50), os("nt4", 6, "x86"), module("netbt.sys")};
  EXPECT_EQ(index.view().candidates(FactView(set)), numbers({1, 2, 3}));
  set.facts = {stop(0xC2), fact("pool_block", "p", {})};
  cover(set, "os", Extent::complete); // but no family is known
  EXPECT_EQ(index.view().candidates(FactView(set)), numbers({2, 3, 4}));
}

TEST(RuleIndex, IncompleteCoverageLeavesRulesIn) {
  const IndexTables index = small_index();
  FactSet set;
  set.facts = {stop(0xA), os("xp", 2, "x86")};
  cover_all(set);
  cover(set, "pool_block", Extent::complete);
  EXPECT_EQ(index.view().candidates(FactView(set)), numbers({1, 2}));
  cover(set, "module", Extent::partial);
  EXPECT_EQ(index.view().candidates(FactView(set)), numbers({0, 1, 2}));
  cover(set, "pool_block", Extent::none);
  EXPECT_EQ(index.view().candidates(FactView(set)), numbers({0, 1, 2, 4}));
  for (const char* kind : {"frame", "frame_crashed", "thread", "top"}) {
    FactSet open = set;
    cover(open, kind, Extent::partial);
    EXPECT_EQ(index.view().candidates(FactView(open)), numbers({0, 1, 2, 4, 5})) << kind;
  }
  set.facts.clear();
  set.coverage.clear();
  EXPECT_EQ(index.view().candidates(FactView(set)), numbers({0, 1, 2, 3, 4, 5}));
}

TEST(RuleIndex, RulesThatReplaceAnArticle) {
  const IndexTables index = small_index();
  auto replacing = [&](const char* kb) {
    const auto found = index.view().rules_replacing(kb);
    return std::vector<std::uint32_t>(found.begin(), found.end());
  };
  EXPECT_EQ(replacing("KB1"), numbers({0}));
  EXPECT_EQ(replacing("KB2"), numbers({0, 2}));
  EXPECT_EQ(replacing("KB3"), numbers({}));
  EXPECT_TRUE(IndexTables().view().rules_replacing("KB1").empty());
}

// --- every condition against random facts --------------------------------------------------------

const char* const kConditions[] = {
    "bugcheck: [0xA, 0xD1]",
    "bugcheck: 0x50",
    "kernel_crash: true",
    "hang_dump: true",
    "os: {family: nt4}",
    "os: [{family: [xp, ws2003]}, {family: nt4, arch: alpha}]",
    "os: {arch: x86}",
    "module_loaded: netbt.sys",
    "module_loaded: [netbt, afd.sys]",
    "module_loaded: nt",
    "module_loaded: net*",
    "module_not_loaded: netbt.sys",
    "fault_in: netbt.sys",
    "fault_in: nt",
    "frame_module: netbt.sys",
    "frame_module: {module: netbt, on: any_cpu}",
    "frame_module: {module: [netbt.sys, afd.sys], within: 1, on: any_thread}",
    "frame_function: netbt!Function",
    "frame_function: {function: afd!Other, on: crashing_thread}",
    "top_of_stack: netbt!Function",
    "top_of_stack: {function: afd!Other, on: crashing_cpu}",
    "cpus: {at_least: 2}"};

std::string some_condition(std::mt19937& random, int depth) {
  auto leaf = [&] { return std::string(kConditions[random() % std::size(kConditions)]); };
  if (depth == 0 || random() % 3 != 0) return leaf();
  const std::string a = some_condition(random, depth - 1), b = some_condition(random, depth - 1);
  switch (random() % 4) {
  case 0: return "all: [{" + a + "}, {" + b + "}]";
  case 1: return "any: [{" + a + "}, {" + b + "}]";
  case 2: return "not: {" + a + "}";
  default: return "count: {at_least: 1, of: [{" + a + "}, {" + b + "}]}";
  }
}

FactSet some_facts(std::mt19937& random) {
  auto chance = [&] { return random() % 2 == 0; };
  FactSet set;
  constexpr std::uint64_t kCodes[] = {0xA, 0xD1, 0x50, 0x1000007E, 0xE2, 0xDEADDEAD};
  if (chance())
    set.facts.push_back(stop(kCodes[random() % std::size(kCodes)]));
  else if (chance())
    set.facts.push_back(stop_kind(chance() ? "hang" : "none"));
  constexpr const char* kFamilies[] = {"nt4", "xp", "ws2003", "win7"};
  if (chance()) set.facts.push_back(os(kFamilies[random() % 4], 2, chance() ? "x86" : "alpha"));
  constexpr const char* kModules[] = {"netbt.sys", "NETBT.SYS", "afd.sys", "ntoskrnl.exe"};
  for (const char* name : kModules)
    if (random() % 3 == 0) set.facts.push_back(module(name));
  for (std::uint64_t i = 0; i < random() % 4; ++i)
    set.facts.push_back(frame(random() % 2, i, kModules[random() % 4],
                              chance() ? "Function" : "Other", chance(), chance()));
  if (chance())
    set.facts.push_back(
        fact("fault", "fault",
             {{"ip", Address{0x1000}}, {"module", std::string(kModules[random() % 4])}}));
  for (const char* kind :
       {"stop", "os", "module", "cpu", "thread", "frame", "frame_crashed", "top", "fault"})
    if (random() % 4 != 0)
      cover(set, kind, chance() || chance() ? Extent::complete : Extent::partial);
  return set;
}

bool could_say_something(const Rule& rule, const FactView& facts) {
  auto is_no = [&](const auto& condition) { return condition->judge(facts).answer == Answer::no; };
  return !std::ranges::any_of(rule.applies, is_no) && !std::ranges::any_of(rule.require, is_no);
}

TEST(RuleIndex, LosesNoRuleThatCouldSaySomething) {
  std::mt19937 random(242896);
  std::vector<RuleText> texts;
  for (int i = 0; i < 400; ++i) {
    std::string text = "schema: dumptriage.rule/1\nid: r" + std::to_string(i) + "\ntitle: t\n";
    if (i % 2) text += "applies:\n  - " + some_condition(random, 1) + "\n";
    text +=
        "require:\n  - " + some_condition(random, 2) + "\n  - " + some_condition(random, 2) + "\n";
    texts.push_back({"r" + std::to_string(i), text});
  }
  const Catalogue catalogue = load(texts);
  for (const Error& error : catalogue.errors) ADD_FAILURE() << error.message();
  std::size_t left_out = 0, all = 0;
  for (int round = 0; round < 300; ++round) {
    const FactSet set = some_facts(random);
    const FactView facts(set);
    const auto candidates = catalogue.candidates(facts);
    for (const Rule* rule : catalogue.all()) {
      ++all;
      if (std::ranges::find(candidates, rule) != candidates.end()) continue;
      ++left_out;
      ASSERT_FALSE(could_say_something(*rule, facts))
          << texts[std::stoul(rule->id.substr(1))].text
          << judge_rule(*rule, facts).explanation.because;
    }
  }
  EXPECT_GT(left_out, all / 8) << "the index should leave out much of this";
}

TEST(RuleIndex, TheBuiltinRulesOnThinnedFacts) {
  std::mt19937 random(961799);
  const Catalogue catalogue = builtin_catalogue();
  const auto rules = catalogue.all();
  for (int round = 0; round < 300; ++round) {
    FactSet set = some_facts(random);
    set.facts.push_back(module(round % 2 ? "sfmsrv.sys" : "mup.sys"));
    const FactView facts(set);
    const auto candidates = catalogue.candidates(facts);
    for (const Rule* rule : rules)
      if (std::ranges::find(candidates, rule) == candidates.end())
        ASSERT_FALSE(could_say_something(*rule, facts)) << rule->id;
  }
}

} // namespace
} // namespace dumptriage::rules::test
