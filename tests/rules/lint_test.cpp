// What `rules check` finds in rules that load.
#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "rules/examples.h"
#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

// A rule without faults, in parts that a test replaces.
struct Parts {
  std::string id = "q100001", kb = "Q100001";
  std::string applies = "  - os: {family: nt4}\n";
  std::string fix = "  hotfix: true\n  files: [{file: a.sys, built: 1999-05-01}]\n";
  std::string refute = "", require = "  - bugcheck: 0xA\n  - module_loaded: a.sys\n";
  std::string confirm = "  - frame_function: a!FunctionOfA\n", support = "", more = "";

  RuleText text() const {
    auto section = [](const char* name, const std::string& body) {
      return body.empty() ? std::string() : std::string(name) + ":\n" + body;
    };
    return {id + ".yaml",
            "schema: dumptriage.rule/1\nid: " + id + "\nkb: " + kb + "\ntitle: t\nabout: a\n" +
                section("applies", applies) + section("fix", fix) + section("refute", refute) +
                section("require", require) + section("confirm", confirm) +
                section("support", support) + more,
            {}};
  }
};

std::string linted(const std::vector<Parts>& rules,
                   const std::vector<ExampleFile>* files = nullptr) {
  std::vector<RuleText> texts;
  for (const auto& parts : rules) texts.push_back(parts.text());
  const Catalogue catalogue = load(texts);
  std::string all;
  for (const auto& error : catalogue.errors) all += "LOAD " + error.message() + "\n";
  for (const auto& error : lint(catalogue, files)) all += error.message() + "\n";
  return all;
}

Parts with(const std::function<void(Parts&)>& change) {
  Parts parts;
  change(parts);
  return parts;
}

struct Case {
  const char* expected;
  std::function<void(Parts&)> change;
};

TEST(Lint, AGoodRuleIsSilent) { EXPECT_EQ(linted({Parts{}}), ""); }

TEST(Lint, NamesWhatIsWrong) {
  const Case cases[] = {
      // No way to "confirmed" by stop and module alone, however deep it hides.
      {"confirm group 1 holds nothing", [](Parts& p) { p.confirm = "  - bugcheck: 0xA\n"; }},
      {"confirm group 1 holds nothing",
       [](Parts& p) { p.confirm = "  - all: [{fault_in: a.sys}, {bugcheck: 0xA}]\n"; }},
      {"confirm group 2 holds nothing",
       [](Parts& p) {
         p.confirm += "  - any: [{frame_function: a!FunctionOfA}, {fault_in: a.sys}]\n";
       }},
      {"confirm group 1 holds nothing",
       [](Parts& p) {
         p.confirm = "  - count: {at_least: 1, of: [{frame_function: a!FunctionOfA}, {cpus: "
                     "{at_least: 2}}]}\n";
       }},
      {"confirm group 1 holds nothing",
       [](Parts& p) { p.confirm = "  - not: {frame_function: a!FunctionOfA}\n"; }},
      {"confirm group 1 holds nothing",
       [](Parts& p) { p.confirm = "  - frame_function: a!Fn*\n"; }},
      {"confirm group 1 holds nothing", [](Parts& p) { p.confirm = "  - fault_address: freed\n"; }},
      {"confirm group 1 holds nothing",
       [](Parts& p) {
         p.confirm = "  - all: [{fault_in: a.sys}, {fault_address: {is: [freed, wild]}}]\n";
       }},
      {"expected 'ceiling: possible' or 'ceiling: likely'", [](Parts& p) { p.confirm = ""; }},
      {"makes 'confirm' useless", [](Parts& p) { p.more = "ceiling: possible\n"; }},
      {"makes strong support useless",
       [](Parts& p) {
         p.confirm = "";
         p.support = "  strong:\n    - fault_in: a.sys\n";
         p.more = "ceiling: possible\n";
       }},
      {"can never be confirmed", [](Parts& p) { p.fix = "  hotfix: true\n"; }},
      // What no dump can reach.
      {"confirm group 1 can never hold: it asks for another stop code",
       [](Parts& p) {
         p.confirm = "  - all: [{bugcheck: 0x50}, {frame_function: a!FunctionOfA}]\n";
       }},
      {"strong support 1 can never hold",
       [](Parts& p) { p.support = "  strong:\n    - bugcheck: [0x50, 0x1E]\n"; }},
      {"confirm group 1 can never hold: it asks for another system",
       [](Parts& p) {
         p.confirm = "  - all: [{os: {family: xp}}, {frame_function: a!FunctionOfA}]\n";
       }},
      {"can never match", [](Parts& p) { p.require += "  - os: {family: xp}\n"; }},
      {"both requires and refutes", [](Parts& p) { p.refute = "  - module_loaded: a.sys\n"; }},
      // Names and dates.
      {"lies before 1990 or in the future",
       [](Parts& p) { p.fix = "  hotfix: true\n  files: [{file: a.sys, built: 2031-05-01}]\n"; }},
      {"'previous' is not before 'built'",
       [](Parts& p) {
         p.fix = "  hotfix: true\n  files: [{file: a.sys, built: 1999-05-01, previous: "
                 "1999-05-02}]\n";
       }},
      {"expected a file such as netbt.sys",
       [](Parts& p) { p.fix = "  hotfix: true\n  files: [{file: a, built: 1999-05-01}]\n"; }},
      {"expected a version or a date",
       [](Parts& p) { p.fix = "  hotfix: true\n  files: [{file: a.sys, bytes: 5}]\n"; }},
      {"neither a fix nor a workaround",
       [](Parts& p) { p.fix = "  files: [{file: a.sys, built: 1999-05-01}]\n"; }},
      {"replaces itself", [](Parts& p) { p.fix += "  replaces: [Q100001]\n"; }},
      {"its own rival", [](Parts& p) { p.more = "rivals: [Q100001]\n"; }},
      {"no 'applies'", [](Parts& p) { p.applies = ""; }},
  };
  for (const Case& c : cases) {
    const std::string found = linted({with(c.change)});
    EXPECT_NE(found.find(c.expected), std::string::npos)
        << "expected " << c.expected << "\nfound " << found;
    EXPECT_EQ(std::ranges::count(found, '\n'), 1) << found;
    EXPECT_NE(found.find("q100001.yaml"), std::string::npos) << found;
  }
}

TEST(Lint, TwoHalvesOfAProofAreOne) {
  for (const char* group :
       {"  - all: [{fault_in: a.sys}, {fault_address: freed}]\n",
        "  - all: [{bugcheck: 0xA}, {fault_in: a.sys}, {fault_address: {is: freed}}]\n",
        "  - all: [{frame_sequence: {frames: [nt!IoFreeIrp, a!*]}}, {corruption: {block: IRP}}]\n"})
    EXPECT_EQ(linted({with([&](Parts& p) { p.confirm = group; })}), "") << group;
}

TEST(Lint, DoubledAndShadowedRules) {
  const Parts first, second = with([](Parts& p) {
                       p.id = "q100002";
                       p.kb = "Q100002";
                     });
  EXPECT_NE(linted({first, second}).find("q100002: asks the same as q100001"), std::string::npos)
      << linted({first, second});
  // Ties that name each other are no mistake.
  Parts rival = second;
  rival.more = "rivals: [Q100001]\n";
  EXPECT_EQ(linted({first, rival}), "");
  // Another state of the fix tells them apart.
  Parts other_file = second;
  other_file.fix = "  hotfix: true\n  files: [{file: a.sys, built: 1999-06-01}]\n";
  EXPECT_EQ(linted({first, other_file}), "");
  Parts stronger = second;
  stronger.support = "  weak:\n    - fault_in: a.sys\n";
  EXPECT_NE(linted({first, stronger}).find("q100001: is shadowed by q100002"), std::string::npos)
      << linted({first, stronger});
  // Written in another order it is the same rule.
  Parts turned = second;
  turned.require = "  - module_loaded: a.sys\n  - bugcheck: 0xA\n";
  EXPECT_NE(linted({first, turned}).find("asks the same"), std::string::npos);
  Parts narrower = second;
  narrower.require = "  - bugcheck: 0xA\n  - module_loaded: [a.sys, b.sys]\n";
  EXPECT_EQ(linted({first, narrower}), "");
}

std::vector<ExampleFile> examples(const std::string& body) {
  return {load_examples("q100001.examples.yaml",
                        "schema: dumptriage.examples/1\nrule: q100001\nexamples:\n" + body)};
}

TEST(Lint, EveryRuleNeedsExamples) {
  const std::string hit = "  - name: hit\n    expect: confirmed\n    facts:\n"
                          "      - {kind: module, name: a.sys, base: 0x1000}\n";
  const std::string miss = "  - name: miss\n    like: hit\n    replace: {kind: module}\n    with: "
                           "{name: b.sys}\n    expect: no_match\n";
  auto found = [&](const std::vector<ExampleFile>& files) { return linted({Parts{}}, &files); };
  EXPECT_EQ(found(examples(hit + miss)), "");
  EXPECT_NE(found({}).find("has no examples"), std::string::npos);
  EXPECT_NE(found(examples(hit)).find("no near miss"), std::string::npos);
  const std::string refuted = "  - name: r\n    expect: refuted\n    facts:\n"
                              "      - {kind: module, name: a.sys, base: 0x1000}\n";
  EXPECT_NE(found(examples(refuted)).find("possible or better"), std::string::npos);
  const std::string named = "  - name: n\n    expect: confirmed\n    facts:\n"
                            "      - {kind: module, name: fix100001.sys, base: 0x1000}\n";
  EXPECT_NE(found(examples(named)).find("hold the number of the article"), std::string::npos);
  auto strange = examples(hit + miss);
  strange[0].rule = "q999999";
  EXPECT_NE(found(strange).find("there is no rule 'q999999'"), std::string::npos);
}

TEST(Lint, TheFirstFourAreClean) {
  const Catalogue catalogue = builtin_catalogue();
  for (const auto& error : lint(catalogue))
    for (const char* id : {"q188315", "q242896", "kb961799", "q260752"})
      EXPECT_EQ(error.message().find(std::string(id) + ":"), std::string::npos) << error.message();
}

} // namespace
} // namespace dumptriage::rules::test
