// The order of judgement, on rules made of conditions with chosen answers.
#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

// y yes, n no, c cannot tell, w weak yes; F a function seen for certain, f one that is absent,
// g one that only a scan found, u one that cannot be told.
std::string leaf(char letter) {
  switch (letter) {
  case 'y': return "module_loaded: y.sys";
  case 'n': return "module_loaded: n.sys";
  case 'c': return "fault_in: c.sys";
  case 'w': return "frame_module: {module: w.sys, on: any_cpu}";
  case 'F': return "frame_function: {function: y!Certain, on: any_cpu}";
  case 'f': return "frame_function: {function: y!Absent, on: any_cpu}";
  case 'g': return "frame_function: {function: w!Guessed, on: any_cpu}";
  case 'u': return "frame_function: {function: y!Unknown, on: crashing_thread}";
  }
  return "";
}

FactSet facts() {
  Fact guess = frame(1, 5, "w.sys", "Guessed");
  guess.fields["trust"] = text("scan");
  FactSet set;
  set.facts = {stop(0xD1), os("nt4", 6, "x86"),
               module("y.sys", {{"timestamp", number(938649600)}}), // 1999-09-30
               frame(0, 0, "y.sys", "Certain", true), guess};
  cover_all(set);
  cover(set, "fault", Extent::none, "the fault is not in the dump");
  cover(set, "frame_crashed", Extent::partial, "frames of the crashing thread");
  return set;
}

struct Case {
  const char *applies, *refute, *require, *confirm, *strong, *weak;
  const char* fix;     // "unpublished", "missing", "installed", "unknown"
  const char* ceiling; // or ""
  Verdict expected;
};

std::string section(const char* name, const char* letters, const char* indent = "") {
  if (!*letters) return "";
  std::string text = std::string(indent) + name + ":\n";
  for (const char* c = letters; *c; ++c) text += std::string(indent) + "  - " + leaf(*c) + "\n";
  return text;
}

std::string rule_of(const Case& c) {
  std::string fix = c.fix;
  std::string yaml = "schema: dumptriage.rule/1\nid: r\nkb: Q1\ntitle: t\nfix:\n  hotfix: true\n";
  const std::string file =
      "  files:\n    - {file: y.sys, family: nt4, terminal_server: false, built: ";
  if (fix == "unpublished") yaml += "  unpublished: true\n";
  if (fix == "missing") yaml += "  files:\n    - {file: y.sys, built: 2000-05-01}\n";
  if (fix == "installed") yaml += "  files:\n    - {file: y.sys, built: 1998-05-01}\n";
  if (fix == "unknown") yaml += "  files:\n    - {file: y.sys, built: 1999-10-02}\n";
  yaml += section("applies", c.applies) + section("refute", c.refute) +
          section("require", c.require) + section("confirm", c.confirm);
  if (*c.strong || *c.weak)
    yaml += "support:\n" + section("strong", c.strong, "  ") + section("weak", c.weak, "  ");
  if (*c.ceiling) yaml += std::string("ceiling: ") + c.ceiling + "\n";
  return yaml;
}

Match judge_case(const Catalogue& catalogue) {
  auto matches = judge(catalogue, facts(), true);
  return matches.size() == 1 ? matches[0] : Match{};
}

TEST(Engine, OrderOfJudgement) {
  using V = Verdict;
  const Case cases[] = {
      // applies, refute, require, confirm, strong, weak, fix, ceiling
      {"y", "n", "y", "F", "", "", "unpublished", "", V::confirmed},
      {"y", "n", "y", "F", "", "", "missing", "", V::confirmed},
      // (1) applies no beats everything behind it
      {"n", "y", "n", "F", "y", "", "installed", "", V::not_applicable},
      {"yn", "", "y", "F", "", "", "unpublished", "", V::not_applicable},
      {"cn", "", "y", "F", "", "", "unpublished", "", V::not_applicable},
      // (2) any certain refute beats require
      {"y", "y", "n", "F", "", "", "unpublished", "", V::refuted},
      {"y", "ny", "y", "F", "", "", "unpublished", "", V::refuted},
      {"c", "y", "y", "F", "", "", "unpublished", "", V::refuted},
      // a weak or open one refutes nothing, but it stands against a confirmation
      {"y", "w", "y", "F", "", "", "unpublished", "", V::likely},
      {"y", "c", "y", "F", "", "", "unpublished", "", V::likely},
      // (3) require
      {"y", "", "n", "F", "", "", "unpublished", "", V::no_match},
      {"y", "", "cn", "F", "", "", "unpublished", "", V::no_match},
      {"y", "", "n", "F", "", "", "installed", "", V::no_match},
      {"y", "", "yc", "F", "", "", "unpublished", "", V::undecided},
      {"c", "", "c", "F", "y", "", "missing", "", V::undecided},
      // the fix is in: refuted, whatever was proved
      {"y", "", "y", "F", "y", "", "installed", "", V::refuted},
      {"y", "", "c", "F", "y", "", "installed", "", V::refuted},
      // (4) confirm
      {"y", "", "y", "f", "", "", "unpublished", "", V::possible},
      {"y", "", "y", "u", "", "", "unpublished", "", V::possible},
      {"y", "", "y", "g", "", "", "unpublished", "", V::possible},
      {"y", "", "y", "fF", "", "", "unpublished", "", V::confirmed},
      {"y", "", "y", "F", "", "", "unknown", "", V::likely},
      // code and module never confirm
      {"y", "", "y", "y", "", "", "unpublished", "", V::likely},
      // (5) support
      {"y", "", "y", "", "y", "", "unpublished", "", V::likely},
      {"y", "", "y", "", "n", "y", "unpublished", "", V::possible},
      {"y", "", "y", "", "", "yyy", "unpublished", "", V::possible},
      {"y", "", "y", "", "g", "", "unpublished", "", V::possible},
      {"y", "", "y", "", "c", "", "unpublished", "", V::possible},
      {"y", "", "y", "", "", "", "unpublished", "", V::possible},
      // (6) caps
      {"c", "", "y", "F", "", "", "unpublished", "", V::likely},
      {"w", "", "y", "F", "", "", "unpublished", "", V::likely},
      {"", "", "y", "F", "", "", "unpublished", "", V::confirmed},
      {"y", "", "y", "F", "", "", "unpublished", "likely", V::likely},
      {"y", "", "y", "F", "y", "", "missing", "possible", V::possible},
      {"y", "", "w", "F", "y", "", "unpublished", "", V::possible},
  };
  for (const Case& c : cases) {
    Catalogue catalogue = load({{"r.yaml", rule_of(c)}});
    ASSERT_TRUE(catalogue.errors.empty()) << catalogue.errors[0].message() << "\n" << rule_of(c);
    Match match = judge_case(catalogue);
    EXPECT_EQ(name_of(match.verdict), name_of(c.expected)) << rule_of(c);
  }
}

TEST(Engine, FixStateIsItsOwnAxis) {
  for (auto [fix, state] : {std::pair{"unpublished", FixState::unpublished},
                            {"missing", FixState::missing},
                            {"installed", FixState::installed},
                            {"unknown", FixState::cannot_tell}}) {
    Catalogue catalogue =
        load({{"r.yaml", rule_of({"y", "", "y", "f", "", "", fix, "", Verdict::possible})}});
    ASSERT_EQ(catalogue.size(), 1u);
    EXPECT_EQ(name_of(judge_case(catalogue).fix_state), name_of(state));
  }
}

TEST(Engine, AdviceFollowsTheVerdict) {
  auto advice = [](const Case& c) {
    Catalogue catalogue =
        load({{"r.yaml", rule_of(c) + "caveats: [Only where affected.]\nworkaround: Reboot.\n"}});
    std::string all;
    for (const auto& line : judge_case(catalogue).advice) all += line + "\n";
    return all;
  };
  std::string confirmed =
      advice({"y", "", "y", "F", "", "", "unpublished", "", Verdict::confirmed});
  EXPECT_NE(confirmed.find("Install the hotfix of Q1."), std::string::npos);
  EXPECT_NE(confirmed.find("Only where affected."), std::string::npos);
  EXPECT_NE(confirmed.find("cannot tell whether the fix is already in"), std::string::npos);
  EXPECT_NE(confirmed.find("Reboot."), std::string::npos);
  std::string missing = advice({"y", "", "y", "F", "", "", "missing", "", Verdict::confirmed});
  EXPECT_EQ(missing.find("cannot tell whether"), std::string::npos);
  const Case others[] = {{"c", "", "y", "F", "", "", "unpublished", "", Verdict::likely},
                         {"y", "", "y", "u", "", "", "unpublished", "", Verdict::possible},
                         {"y", "", "c", "F", "", "", "unpublished", "", Verdict::undecided},
                         {"y", "y", "y", "F", "", "", "unpublished", "", Verdict::refuted}};
  for (const auto& c : others) {
    std::string text = advice(c);
    EXPECT_NE(text, "") << name_of(c.expected);
    EXPECT_EQ(text.find("nstall"), std::string::npos) << text;
  }
}

TEST(Engine, MissingEvidenceIsNamed) {
  auto missing = [](const Case& c) {
    return judge_case(load({{"r.yaml", rule_of(c)}})).evidence_missing;
  };
  EXPECT_EQ(missing({"y", "", "y", "u", "", "", "unpublished", "", Verdict::possible}),
            std::vector<std::string>{
                "frame_function y!Unknown on the crashing thread: frames of the crashing thread"});
  EXPECT_EQ(missing({"y", "", "c", "F", "", "", "unpublished", "", Verdict::undecided}),
            std::vector<std::string>{"fault in c.sys: the fault is not in the dump"});
  EXPECT_EQ(missing({"y", "", "y", "f", "", "", "unpublished", "", Verdict::possible}),
            std::vector<std::string>{});
  EXPECT_EQ(missing({"y", "", "y", "g", "", "", "unpublished", "", Verdict::possible}),
            std::vector<std::string>{
                "frame_function w!Guessed on any CPU: w!Guessed+0x1C is on CPU 1 (scan, "
                "pdb_public); the frame was found by scanning the stack, a guess"});
}

TEST(Engine, TheExplanationIsTheTreeThatWasJudged) {
  Catalogue catalogue = load(
      {{"r.yaml", rule_of({"y", "n", "y", "F", "y", "n", "missing", "", Verdict::confirmed})}});
  Match match = judge_case(catalogue);
  std::vector<std::string> sections;
  for (const auto& child : match.explanation.children) sections.push_back(child.condition);
  EXPECT_EQ(sections, (std::vector<std::string>{"applies", "refute", "require", "fix installed",
                                                "confirm", "strong support", "weak support"}));
  const Finding& proof = match.explanation.children[4].children.at(0);
  EXPECT_EQ(proof.because, "y!Certain+0x1C is on CPU 0 (unwind_data, pdb_public)");
  EXPECT_EQ(proof.facts, (std::vector<std::string>{"frame:cpu 0:0"}));
  EXPECT_TRUE(match.evidence_missing.empty());
}

TEST(Engine, BestFirstAndQuietUnlessAllIsAsked) {
  auto named = [](const char* id, const Case& c) {
    std::string yaml = rule_of(c);
    return RuleText{std::string(id) + ".yaml",
                    yaml.replace(yaml.find("id: r"), 5, std::string("id: ") + id),
                    {}};
  };
  const Case possible = {"y", "", "y", "f", "", "", "unpublished", "", Verdict::possible};
  const Case confirmed = {"y", "", "y", "F", "", "", "unpublished", "", Verdict::confirmed};
  const Case no_match = {"y", "", "n", "F", "", "", "unpublished", "", Verdict::no_match};
  const Case other_os = {"n", "", "y", "F", "", "", "unpublished", "", Verdict::not_applicable};
  Catalogue catalogue = load({named("d", possible), named("c", confirmed), named("b", no_match),
                              named("a", other_os), named("e", confirmed)});
  auto ids = [&](bool all) {
    std::string text;
    for (const auto& match : judge(catalogue, facts(), all)) text += match.rule->id;
    return text;
  };
  EXPECT_EQ(ids(false), "ced");
  EXPECT_EQ(ids(true), "cedba");
}

// A dump that holds next to nothing must not list the whole catalogue.
TEST(Engine, UndecidedIsListedOnlyWhenSomethingSpeaksForIt) {
  auto listed = [](const Case& c, bool all) {
    Catalogue catalogue = load({{"r.yaml", rule_of(c)}});
    EXPECT_TRUE(catalogue.errors.empty());
    return judge(catalogue, facts(), all).size();
  };
  const Case nothing{"", "", "cc", "", "", "", "unpublished", "", Verdict::undecided};
  EXPECT_EQ(listed(nothing, false), 0u);
  EXPECT_EQ(listed(nothing, true), 1u);
  EXPECT_EQ(listed({"", "", "yc", "", "", "", "unpublished", "", Verdict::undecided}, false), 1u);
  EXPECT_EQ(listed({"", "", "c", "F", "", "", "unpublished", "", Verdict::undecided}, false), 1u);
  EXPECT_EQ(listed({"", "", "c", "f", "", "y", "unpublished", "", Verdict::undecided}, false), 1u);
}

RuleText named(const char* id, const Case& c, const char* more = "") {
  std::string yaml = rule_of(c);
  yaml.replace(yaml.find("id: r"), 5, std::string("id: ") + id);
  return {std::string(id) + ".yaml", yaml + more, {}};
}

// Of rules for one stop the one that more speaks for comes first; equal ones are said to be ties.
TEST(Engine, StrengthRanksAndTies) {
  const Case plain = {"y", "", "y", "f", "", "", "unpublished", "", Verdict::possible};
  const Case more = {"y", "", "y", "f", "", "y", "unpublished", "", Verdict::possible};
  const Case scanned = {"y", "", "y", "f", "", "g", "unpublished", "", Verdict::possible};
  const Case proved = {"y", "", "y", "F", "", "", "unpublished", "", Verdict::confirmed};
  Catalogue catalogue = load({named("a", plain), named("b", plain), named("c", more),
                              named("d", proved), named("e", scanned)});
  ASSERT_EQ(catalogue.size(), 5u);
  const auto matches = judge(catalogue, facts());
  std::string order;
  std::vector<std::size_t> ranks;
  for (const auto& match : matches) {
    order += match.rule->id;
    ranks.push_back(match.rank);
  }
  EXPECT_EQ(order, "dcabe");
  EXPECT_EQ(ranks, (std::vector<std::size_t>{1, 2, 3, 3, 3}));
  EXPECT_GT(matches[1].strength, matches[2].strength);
  // What rests on a scan adds nothing.
  EXPECT_EQ(matches[2].strength, matches[4].strength);
  EXPECT_EQ(matches[2].tied_with, (std::vector<std::string>{"b", "e"}));
  EXPECT_EQ(matches[0].tied_with, std::vector<std::string>{});
  EXPECT_NE(matches[2].advice.back().find("does not tell it from b and e"), std::string::npos);
}

// A rule that names a stronger one as its rival does not jump the queue, nor is it pushed back.
TEST(Engine, RivalsAreOrderedByStrengthOnly) {
  const Case plain = {"y", "", "y", "f", "", "", "unpublished", "", Verdict::possible};
  const Case more = {"y", "", "y", "f", "", "y", "unpublished", "", Verdict::possible};
  auto order = [](const Catalogue& catalogue) {
    std::string text;
    for (const auto& match : judge(catalogue, facts())) text += match.rule->id;
    return text;
  };
  EXPECT_EQ(order(load({named("a", plain, "rivals: [Q2]\n"), named("b", more)})), "ba");
  EXPECT_EQ(order(load({named("a", plain), named("b", more, "rivals: [Q2]\n")})), "ba");
}

TEST(Engine, RefutedIsListedOnlyWhereWhatIsRequiredIsNotRuledOut) {
  auto listed = [](const Case& c) {
    return judge(load({{"r.yaml", rule_of(c), {}}}), facts()).size();
  };
  EXPECT_EQ(listed({"y", "y", "y", "", "", "", "unpublished", "", Verdict::refuted}), 1u);
  EXPECT_EQ(listed({"y", "y", "c", "", "", "", "unpublished", "", Verdict::refuted}), 1u);
  EXPECT_EQ(listed({"y", "y", "yn", "", "", "", "unpublished", "", Verdict::refuted}), 0u);
  EXPECT_EQ(listed({"n", "y", "y", "", "", "", "unpublished", "", Verdict::not_applicable}), 0u);
  EXPECT_EQ(listed({"y", "", "y", "", "", "", "installed", "", Verdict::refuted}), 1u);
}

// A stop code, a crash, a system: what a hundred rules share lists none of them as undecided.
TEST(Engine, UndecidedIsNotListedForWhatManyRulesShare) {
  for (const char* shared : {"bugcheck: 0xD1", "kernel_crash: true", "os: {family: nt4}",
                             "cpus: {at_least: 1}", "not: {hang_dump: true}"}) {
    const std::string yaml =
        rule_with(shared) + "  - " + leaf('c') + "\nsupport:\n  weak:\n    - " + shared + "\n";
    Catalogue catalogue = load({{"r.yaml", yaml, {}}});
    ASSERT_EQ(catalogue.size(), 1u) << yaml;
    EXPECT_EQ(judge(catalogue, facts()).size(), 0u) << shared;
    ASSERT_EQ(judge(catalogue, facts(), true).size(), 1u);
    EXPECT_EQ(judge(catalogue, facts(), true)[0].verdict, Verdict::undecided) << shared;
  }
}

// The quick way (rules that are ruled out at once) and the full one say the same.
TEST(Engine, QuickAndFullJudgementAgree) {
  const Catalogue catalogue = builtin_catalogue();
  FactSet set = facts();
  set.facts.push_back(module("sfmsrv.sys"));
  std::map<std::string, Verdict> quick, full;
  for (const auto& match : judge(catalogue, set)) quick[match.rule->id] = match.verdict;
  for (const auto& match : judge(catalogue, set, true)) full[match.rule->id] = match.verdict;
  EXPECT_EQ(full.size(), catalogue.size());
  for (const auto& [id, verdict] : quick) EXPECT_EQ(full.at(id), verdict) << id;
  for (const auto& [id, verdict] : full)
    if (verdict >= Verdict::possible) EXPECT_TRUE(quick.contains(id)) << id;
}

TEST(Engine, OneRuleIsJudgedWhateverComesOut) {
  Catalogue catalogue =
      load({{"r.yaml",
             rule_of({"n", "", "y", "F", "", "", "unpublished", "", Verdict::confirmed}),
             {}}});
  const FactSet set = facts();
  const Match match = judge_rule(*catalogue.find("r"), FactView(set));
  EXPECT_EQ(match.verdict, Verdict::not_applicable);
  EXPECT_EQ(match.explanation.children.at(0).condition, "applies");
}

// A dump that lacks what proves it: which dump would hold it.
TEST(Engine, AdviceNamesWhatASmallDumpDoesNotHold) {
  const std::string yaml =
      "schema: dumptriage.rule/1\nid: r\nkb: Q1\ntitle: t\nfix:\n  hotfix: true\n  files: "
      "[{file: y.sys, family: nt4, terminal_server: false, built: 1999-10-02, bytes: "
      "5}]\nrequire:\n  - module_loaded: y.sys\nconfirm:\n  - irp: {twice: true, "
      "completion_in: y.sys}\nsupport:\n  strong:\n    - module_loaded: y.sys\n";
  Catalogue catalogue = load({{"r.yaml", yaml, {}}});
  ASSERT_EQ(catalogue.size(), 1u);
  FactSet set = facts();
  find(set, "os").fields["terminal_server"] = false;
  cover(set, "irp", Extent::none, "a small dump");
  const auto matches = judge(catalogue, set);
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].verdict, Verdict::likely);
  std::string advice;
  for (const auto& line : matches[0].advice) advice += line + "\n";
  EXPECT_NE(advice.find("KB254649"), std::string::npos) << advice;
  EXPECT_NE(advice.find("I/O requests"), std::string::npos) << advice;
  EXPECT_NE(advice.find("y.sys of 1999-10-02, 5 bytes"), std::string::npos) << advice;
  EXPECT_EQ(advice.find("nstall"), std::string::npos) << advice;
}

} // namespace
} // namespace dumptriage::rules::test
