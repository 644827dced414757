#include <algorithm>

#include <gtest/gtest.h>

#include "rules/facts_builder.h"
#include "rules/fix_state.h"
#include "rules/loader.h"
#include "rules/yaml_limits.h"

namespace dumptriage::rules::test {
namespace {

const std::string kHead = "schema: dumptriage.rule/1\nid: a-rule\ntitle: A title\n"; // lines 1-3
const std::string kGood = kHead + "require:\n  - bugcheck: 0xD1\n";                  // lines 4-5

// "line:column why" of every error.
std::vector<std::string> errors_of(const std::string& yaml) {
  std::vector<std::string> lines;
  for (const auto& error : load_rule("f.yaml", yaml).errors) {
    EXPECT_EQ(error.what, "f.yaml");
    EXPECT_EQ(error.where.space, Space::text);
    lines.push_back(std::to_string(error.where.at) + ":" + std::to_string(error.where.column) +
                    " " + error.why);
  }
  return lines;
}

struct Broken {
  const char* what;
  std::string yaml;
  std::string position;
  std::string says;
};

TEST(Loader, EveryErrorHasItsPlaceAndWhatWasExpected) {
  const Broken broken[] = {
      {"empty", "", "1:1", "the file holds no rule"},
      {"no map", "hello\n", "1:1", "expected a rule with keys"},
      {"list", "- a\n", "1:1", "expected a rule with keys"},
      {"missing key", kHead, "1:1", "missing key 'require'"},
      {"wrong schema", "schema: other/1\nid: a\ntitle: t\nrequire: [{bugcheck: 1}]\n", "1:9",
       "expected dumptriage.rule/1, found 'other/1'"},
      {"bad id", "schema: dumptriage.rule/1\nid: Bad Id\ntitle: t\nrequire: [{bugcheck: 1}]\n",
       "2:5", "expected an id of lower-case letters"},
      {"unknown key", kGood + "surprise: 1\n", "6:1",
       "unknown key 'surprise', expected one of: schema, id"},
      {"doubled key", kGood + "title: again\n", "6:1", "duplicated mapping key 'title'"},
      {"unknown condition", kHead + "require:\n  - bugchek: 0xD1\n", "5:5",
       "unknown key 'bugchek', expected one of: all, any, not, count, bugcheck"},
      {"two conditions in one", kHead + "require:\n  - bugcheck: 1\n    module_loaded: a.sys\n",
       "5:5", "expected a condition with one key, found 2"},
      {"condition as text", kHead + "require:\n  - bugcheck\n", "5:5",
       "expected a condition, written as 'name: arguments'"},
      {"bad number", kHead + "require:\n  - bugcheck: [0xA, D1]\n", "5:21",
       "expected a bugcheck code such as 0xD1, found 'D1'"},
      {"too wide", kHead + "require:\n  - bugcheck: 0x1FFFFFFFF\n", "5:15", "32 bits"},
      {"number over 64 bits", kHead + "require:\n  - bugcheck: 99999999999999999999\n", "5:15",
       "expected a bugcheck code"},
      {"nothing given", kHead + "require:\n  - bugcheck:\n", "5:14",
       "expected a bugcheck code such as 0xD1, found nothing"},
      {"empty list", kHead + "require: []\n", "4:10", "found an empty list"},
      {"unknown argument", kHead + "require:\n  - top_of_stack: {funtion: a!b}\n", "5:20",
       "unknown key 'funtion', expected one of: function, on"},
      {"bad choice", kHead + "require:\n  - top_of_stack: {function: a!b, on: all}\n", "5:39",
       "expected any_cpu or crashing_cpu, found 'all'"},
      {"no function", kHead + "require:\n  - frame_function: netbt\n", "5:21",
       "expected a function such as netbt!NbtConnect, found 'netbt'"},
      {"family", kHead + "require:\n  - os: {family: win95}\n", "5:18",
       "expected an OS family: nt3.1, nt3.5"},
      {"service pack", kHead + "require:\n  - os: {service_pack: two}\n", "5:24",
       "expected a service pack such as 2, SP6a or none, found 'two'"},
      {"boolean", kHead + "require:\n  - kernel_crash: yes\n", "5:19",
       "true or false, found 'yes'"},
      {"no file to compare", kHead + "require:\n  - module_fix: older\n", "5:17",
       "module_fix needs 'fix: files:'"},
      {"date", kGood + "fix:\n  files:\n    - {file: a.sys, built: 1999-13-01}\n", "8:28",
       "expected a date such as 1999-09-29"},
      {"version", kGood + "fix:\n  files:\n    - {file: a.sys, version: 5.2}\n", "8:30",
       "expected a version of four numbers"},
      {"contradiction", kGood + "fix:\n  unpublished: true\n  files:\n    - {file: a.sys}\n", "7:3",
       "expected either 'files' or 'unpublished: true'"},
      {"ceiling", kGood + "ceiling: confirmed\n", "6:10",
       "expected possible or likely, found 'confirmed'"},
      {"count", kHead + "require:\n  - count: {at_least: 3, of: [{bugcheck: 1}]}\n", "5:12",
       "expected 'at_least' between 1 and 1"},
      {"alias", kHead + "about: &x text\nnote: *x\nrequire: [{bugcheck: 1}]\n", "5:7",
       "aliases are not supported"},
      {"syntax", kHead + "require: [\n", "4:11", "Could not find closing ]"},
      {"two documents", kGood + "---\n" + kGood + "---\n", "", "one file holds one rule"},
      {"second document", kGood + "---\n" + kGood, "", "one file holds one rule"},
      {"not UTF-8", kGood + "note: \xFF\xFE\n", "6:7", "expected UTF-8 text"},
      {"control character", kGood + "note: a\x01\n", "6:8", "control character 0x01"},
  };
  for (const auto& b : broken) {
    auto errors = errors_of(b.yaml);
    ASSERT_FALSE(errors.empty()) << b.what;
    bool found = false;
    std::string all;
    for (const auto& error : errors) {
      all += error + "\n";
      found = found || (error.starts_with(b.position) && error.find(b.says) != std::string::npos);
    }
    EXPECT_TRUE(found) << b.what << " wants " << b.position << " " << b.says << ", got:\n" << all;
    EXPECT_FALSE(load_rule("f.yaml", b.yaml).rule) << b.what;
  }
}

TEST(Loader, OneReadingFindsAllErrors) {
  auto errors =
      errors_of("schema: dumptriage.rule/1\nid: UPPER\ntitle: t\nrequire:\n  - bugcheck: x\n"
                "  - nonsense: 1\nceiling: high\nextra: 1\n");
  std::vector<std::string> places;
  for (const auto& error : errors) places.push_back(error.substr(0, error.find(' ')));
  EXPECT_EQ(places, (std::vector<std::string>{"2:5", "5:15", "6:5", "7:10", "8:1"}));
}

TEST(Loader, ABrokenFileCostsThatFileOnly) {
  Catalogue catalogue = load({{"bad.yaml", "id: ["}, {"good.yaml", kGood}, {"twin.yaml", kGood}});
  ASSERT_EQ(catalogue.size(), 1u);
  EXPECT_EQ(catalogue.all()[0]->source_file, "good.yaml");
  ASSERT_EQ(catalogue.errors.size(), 2u);
  EXPECT_EQ(catalogue.errors[0].what, "bad.yaml");
  EXPECT_EQ(catalogue.errors[1].what, "twin.yaml");
  EXPECT_NE(catalogue.errors[1].why.find("'a-rule' is taken by good.yaml"), std::string::npos);
}

TEST(Loader, EveryTruncationIsHandled) {
  const auto& texts = builtin_rule_texts();
  for (std::size_t i = 0; i < texts.size(); i += texts.size() / 4 + 1) { // some of hundreds
    const RuleText& text = texts[i];
    ASSERT_TRUE(load_rule(text.name, text.text).rule) << text.name;
    std::size_t loaded = 0;
    for (std::size_t size = 0; size < text.text.size(); ++size) {
      LoadedRule part = load_rule("cut.yaml", std::string_view(text.text).substr(0, size));
      EXPECT_NE(part.rule.has_value(), !part.errors.empty()) << size;
      loaded += part.rule.has_value();
    }
    EXPECT_LT(loaded, text.text.size());
  }
}

TEST(Loader, HostileSizesAndDepths) {
  std::string big = kGood + "note: " + std::string(kMostRuleBytes, 'x');
  EXPECT_NE(errors_of(big).at(0).find("a rule file at most 1048576"), std::string::npos);
  for (const std::string unit : {"[", "{a: ", "- ", "? ", "[{", "{? ", "a:\n ", "-\n", "[,", ",",
                                 ":\n", "[\n:\n", "- &a\n", "- #\n"}) {
    std::string deep;
    while (deep.size() < 500000) deep += unit;
    EXPECT_FALSE(errors_of(deep).empty()) << unit;
  }
  std::string stairs, indent;
  for (int i = 0; i < 1000; ++i, indent += " ") stairs += indent + "a:\n";
  EXPECT_NE(errors_of(stairs).at(0).find("indented"), std::string::npos);
  std::string empties;
  for (int i = 0; i < 200000; ++i) empties += "---\n";
  EXPECT_NE(errors_of(empties).at(0).find("more than one document"), std::string::npos);
}

// The most of each kind of nesting that gets past the limits: the parser must live through it.
TEST(Loader, TheWorstFilesAllowedDoNoHarm) {
  auto repeated = [](const char* unit, int times) {
    std::string all;
    while (times-- > 0) all += unit;
    return all;
  };
  for (const std::string& yaml :
       {repeated("-\n", 1000), repeated("- &a\n", 1000), repeated("- !t\n", 1000),
        "{" + repeated(",\n", 5000), "[" + repeated(",\n", 5000), repeated("[\n", 400),
        repeated("{a:\n", 400), "[" + repeated("?\n", 100),
        repeated("[\n", 300) + repeated("{\n? ", 100) + repeated(",\n", 5000),
        repeated("-\n", 1000) + repeated(" [\n", 400) + repeated(",\n", 5000)})
    EXPECT_FALSE(errors_of(yaml).empty());
}

TEST(Loader, TheDeepestFileAllowedIsRead) {
  std::string nest = "{bugcheck: 1}";
  for (int i = 0; i < 190; ++i) nest = "{all: [\n" + nest + "]}";
  Catalogue catalogue = load({{"deep.yaml", kHead + "require: [" + nest + "]\n"}});
  ASSERT_EQ(catalogue.size(), 1u) << catalogue.errors.at(0).message();
  FactSet set;
  set.facts = {stop(1)};
  EXPECT_EQ(catalogue.all()[0]->require[0]->judge(FactView(set)).answer, Answer::yes);
}

TEST(Loader, EveryKeyIsRead) {
  auto loaded = load_rule(
      "f.yaml",
      kGood + "kb: KB1\nabout: a\nreferences: [KB2, \"https://example.org/kb\"]\nnote: n\n"
              "workaround: w\nrivals: KB3\ncaveats: [c, d]\nceiling: likely\nfix:\n"
              "  hotfix: true\n  service_packs: nt4 SP7\n  vendor: v\n  replaces: [KB4]\n"
              "  superseded_by: [KB5, KB6]\n  needs: nt4 SP6a\n  restart: false\n  files:\n"
              "    - {file: a.sys, family: nt4, fixed_in: nt4 SP4}\n"
              "support:\n  strong: [{bugcheck: 1}]\n  weak: [{bugcheck: 2}, {bugcheck: 3}]\n");
  ASSERT_TRUE(loaded.rule) << loaded.errors.at(0).message();
  const Rule& rule = *loaded.rule;
  using Texts = std::vector<std::string>;
  EXPECT_EQ(rule.references, (Texts{"KB2", "https://example.org/kb"}));
  EXPECT_EQ(rule.rivals, Texts{"KB3"});
  EXPECT_EQ(rule.workaround + rule.note + rule.about, "wna");
  EXPECT_EQ(rule.ceiling, Verdict::likely);
  EXPECT_TRUE(rule.fix.hotfix);
  EXPECT_EQ(rule.fix.caveats, (Texts{"c", "d"}));
  EXPECT_EQ(rule.fix.replaces, Texts{"KB4"});
  EXPECT_EQ(rule.fix.superseded_by, (Texts{"KB5", "KB6"}));
  EXPECT_EQ(rule.fix.needs, Texts{"nt4 SP6a"});
  EXPECT_EQ(rule.fix.restart, false);
  ASSERT_EQ(rule.fix.files.size(), 1u);
  EXPECT_EQ(rule.fix.files[0].fixed_in, "nt4 SP4");
  ASSERT_TRUE(rule.fix.files[0].fixed_from);
  EXPECT_GT(*rule.fix.files[0].fixed_from, *parse_file_time("1998-06-01"));
  EXPECT_LT(*rule.fix.files[0].fixed_from, *parse_file_time("1999-01-01"));
  ASSERT_EQ(rule.support.size(), 3u);
  EXPECT_TRUE(rule.support[0].strong);
  EXPECT_FALSE(rule.support[2].strong);
}

TEST(Loader, TextIsOneSafeLine) {
  auto loaded = load_rule("f.yaml", kGood + "about: >\n  two\n  lines\nnote: \"a\\x07b\"\n");
  ASSERT_TRUE(loaded.rule) << loaded.errors.at(0).message();
  EXPECT_EQ(loaded.rule->about, "two lines");
  EXPECT_EQ(loaded.rule->note, "a\xEF\xBF\xBD"
                               "b");
}

TEST(Lint, NoPathToConfirmedByStopAndModuleAlone) {
  const std::pair<const char*, bool> groups[] = {
      {"bugcheck: 0xD1", false},
      {"all: [{bugcheck: 0xD1}, {module_loaded: a.sys}, {os: {family: xp}}]", false},
      {"frame_module: a.sys", false},
      {"frame_function: a!*", false},
      {"not: {frame_function: a!Function}", false},
      {"any: [{frame_function: a!Function}, {bugcheck: 0xD1}]", false},
      {"count: {at_least: 1, of: [{frame_function: a!Function}, {bugcheck: 1}]}", false},
      {"count: {at_least: 2, of: [{frame_function: a!Function}, {bugcheck: 0xD1}]}", true},
      {"any: [{frame_function: a!Function}, {top_of_stack: a!Another}]", true},
      {"all: [{bugcheck: 0xD1}, {frame_function: a!Function}]", true},
  };
  for (auto [group, good] : groups) {
    Catalogue catalogue = load({{"r.yaml", kGood +
                                               "about: x\nfix: {hotfix: true, unpublished: true}\n"
                                               "applies:\n  - os: {family: xp}\nconfirm:\n  - " +
                                               group + "\n"}});
    ASSERT_EQ(catalogue.size(), 1u) << catalogue.errors.at(0).message();
    EXPECT_EQ(lint(catalogue).empty(), good) << group;
  }
}

} // namespace
} // namespace dumptriage::rules::test
