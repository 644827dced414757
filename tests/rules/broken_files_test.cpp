// A folder of broken rule files: every error names file, line, column and what was expected, and
// the good rules among them work.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "rules/examples.h"
#include "rules/facts_builder.h"
#include "rules/yaml_limits.h"

namespace dumptriage::rules::test {
namespace {

const std::string kHead = "schema: dumptriage.rule/1\nid: broken\ntitle: t\n"; // lines 1-3
const std::string kGood = kHead + "require:\n  - bugcheck: 0xD1\n";            // lines 4-5
const std::string kFile = kGood + "fix:\n  files:\n    - ";                    // line 8, column 7

std::string repeated(const std::string& unit, std::size_t times) {
  std::string all;
  while (times-- > 0) all += unit;
  return all;
}

struct Broken {
  const char* name;
  std::string text;
  std::uint64_t line;
  std::uint32_t column; // 0 = wherever the parser noticed
  const char* expected;
};

const std::vector<Broken>& broken_files() {
  static const std::vector<Broken> files = {
      {"missing key", "schema: dumptriage.rule/1\nid: a\nrequire: [{bugcheck: 1}]\n", 1, 1,
       "missing key 'title'"},
      {"missing argument", kHead + "require:\n  - frame_module: {within: 3}\n", 5, 19,
       "missing key 'module'"},
      {"missing file name", kFile + "{version: 5.2.3790.1}\n", 8, 7, "missing key 'file'"},
      {"unknown key", kGood + "severity: high\n", 6, 1, "expected one of: schema, id, kb"},
      {"unknown key of fix", kGood + "fix:\n  hotfx: true\n", 7, 3, "expected one of: hotfix"},
      {"unknown key of support", kGood + "support:\n  middling: []\n", 7, 3,
       "expected one of: strong, weak"},
      {"doubled key", kGood + "id: again\n", 6, 1, "duplicated mapping key 'id'"},
      {"doubled key in brackets", kFile + "{file: a.sys, arch: x86, arch: x64}\n", 8, 32,
       "duplicated mapping key 'arch'"},
      {"text for a map", kGood + "fix: SP4\n", 6, 6, "expected fix with keys"},
      {"list for text", kGood + "about: [a, b]\n", 6, 8, "expected a sentence or two"},
      {"map for text", kGood + "note: {a: b}\n", 6, 7, "expected text"},
      {"map for a list", kGood + "rivals: {a: b}\n", 6, 9, "expected an article"},
      {"nothing for a list", kGood + "caveats:\n", 6, 9, "found nothing"},
      {"empty text", kGood + "about: ''\n", 6, 8, "found empty text"},
      {"bad date", kFile + "{file: a.sys, built: 1999-02-30}\n", 8, 28,
       "expected a date such as 1999-09-29"},
      {"bad time", kFile + "{file: a.sys, built: 1999-09-29 24:00}\n", 8, 28, "expected a date"},
      {"date of a month", kFile + "{file: a.sys, built: 1999-09}\n", 8, 28, "expected a date"},
      {"bad version", kFile + "{file: a.sys, version: 5.2.3790}\n", 8, 30,
       "expected a version of four numbers"},
      {"version in words", kFile + "{file: a.sys, version: SP2}\n", 8, 30, "expected a version"},
      {"bounds the wrong way",
       kFile + "{file: a.sys, older_before: 2001-01-01, fixed_from: 2000-01-01}\n", 8, 7,
       "'older_before' is later than 'fixed_from'"},
      {"previous without built", kFile + "{file: a.sys, previous: 2001-01-01}\n", 8, 7,
       "'previous' needs 'built'"},
      {"unknown service pack", kFile + "{file: a.sys, fixed_in: nt4 SP44}\n", 8, 7,
       "expected a service pack such as nt4 SP4"},
      {"two families", kFile + "{file: a.sys, family: [nt4, xp]}\n", 8, 7, "expected one family"},
      {"unknown family", kHead + "applies: [{os: {family: nt5}}]\nrequire: [{bugcheck: 1}]\n", 4,
       25, "expected an OS family: nt3.1"},
      {"unknown architecture", kHead + "applies: [{os: {arch: mips}}]\nrequire: [{bugcheck: 1}]\n",
       4, 23, "expected an architecture"},
      {"unknown condition", kHead + "require:\n  - bluescreen: 0xD1\n", 5, 5,
       "expected one of: all, any"},
      {"condition without arguments", kHead + "require:\n  - kernel_crash\n", 5, 5,
       "expected a condition, written as 'name: arguments'"},
      {"empty condition", kHead + "require: [{}]\n", 4, 11, "expected a condition with one key"},
      {"bad number", kHead + "require:\n  - bugcheck: D1h\n", 5, 15,
       "expected a bugcheck code such as 0xD1, found 'D1h'"},
      {"negative number", kHead + "require:\n  - cpus: {at_least: -1}\n", 5, 22,
       "expected a number of CPUs, found '-1'"},
      {"bad bytes", kFile + "{file: a.sys, bytes: 134 416}\n", 8, 28, "expected a number of bytes"},
      {"bad boolean", kGood + "fix: {hotfix: yes}\n", 6, 15, "true or false, found 'yes'"},
      {"bad id", "schema: dumptriage.rule/1\nid: KB 1\ntitle: t\nrequire: [{bugcheck: 1}]\n", 2, 5,
       "expected an id of lower-case letters"},
      {"bad schema", "schema: dumptriage.rule/2\nid: a\ntitle: t\nrequire: [{bugcheck: 1}]\n", 1, 9,
       "expected dumptriage.rule/1"},
      {"bad ceiling", kGood + "ceiling: none\n", 6, 10, "expected possible or likely"},
      {"tab as indentation", kHead + "require:\n\t- bugcheck: 0xD1\n", 5, 1,
       "expected spaces in front of the text, found a tab"},
      {"unclosed bracket", kGood + "rivals: [KB1, KB2\n", 0, 0, ""},
      {"unclosed brace", kHead + "require: [{bugcheck: 1]\n", 0, 0, ""},
      {"unclosed quote", kGood + "about: \"no end\n", 0, 0, ""},
      {"indentation", kHead + "require:\n    - bugcheck: 0xD1\n  - bugcheck: 0xA\n", 6, 0, ""},
      {"colon in text", kGood + "about: this: that\n", 6, 0, ""},
      {"alias", kGood + "about: *x\n", 6, 8, "aliases are not supported"},
      {"anchor", kGood + "about: &x text\n", 6, 0, "anchors are not supported"},
      {"tag", kGood + "about: !!str text\n", 6, 0, "tags are not supported"},
      {"merge key", kGood + "<<: {title: u}\n", 6, 1, "unknown key '<<'"},
      {"list as key", kGood + "? [a]\n: b\n", 6, 0, "expected a key"},
      {"two documents", kGood + "---\n" + kGood + "---\n", 0, 0, "one file holds one rule"},
      {"directive", "%YAML 1.2\n---\n" + kGood, 1, 1, "directives are not supported"},
      {"NUL", kGood + "about: a" + std::string(1, '\0') + "b\n", 6, 9,
       "found control character 0x00"},
      {"invalid UTF-8", kGood + "about: a\xC3(\n", 6, 9, "expected UTF-8 text"},
      {"UTF-16", std::string("\xFF\xFEs\0c\0h\0", 8), 1, 1, "expected UTF-8 text"},
      {"empty", "", 1, 1, "the file holds no rule"},
      {"comments only", "# nothing\n\n", 1, 1, "the file holds no rule"},
      {"more than 1 MiB", kGood + "note: " + std::string(kMostRuleBytes, 'x'), 1, 1,
       "a rule file at most 1048576"},
      {"deep brackets", kHead + "require: " + repeated("[", 100000), 4, 1, "more than 400"},
      {"deep indentation", repeated(" ", 61) + "a: b\n", 1, 1, "more than 60 spaces"},
      {"dashes", repeated("- ", 500), 1, 1, "more than 60 '-'"},
      {"lines of dashes", repeated("-\n", 100000), 1001, 1, "more than 1000 list items"},
      {"commas", "[" + repeated(",", 100000), 1, 1, "more than 5000 ','"},
      {"questions", repeated("?\n", 1000), 101, 1, "more than 100 '?'"},
  };
  return files;
}

TEST(BrokenFiles, EveryErrorHasFileLineColumnAndWhatWasExpected) {
  for (const Broken& broken : broken_files()) {
    const Catalogue catalogue =
        load({{"good.yaml", "schema: dumptriage.rule/1\nid: good\ntitle: t\n"
                            "require: [{bugcheck: 0xD1}]\n"},
              {"broken.yaml", broken.text}});
    ASSERT_EQ(catalogue.size(), 1u) << broken.name;
    EXPECT_EQ(catalogue.all()[0]->id, "good") << broken.name;
    ASSERT_FALSE(catalogue.errors.empty()) << broken.name;
    bool found = false;
    std::string all;
    for (const Error& error : catalogue.errors) {
      all += error.message() + "\n";
      EXPECT_EQ(error.what, "broken.yaml") << broken.name;
      EXPECT_EQ(error.where.space, Space::text) << broken.name;
      EXPECT_GT(error.where.at, 0u) << broken.name;
      EXPECT_GT(error.where.column, 0u) << broken.name;
      EXPECT_FALSE(error.why.empty()) << broken.name;
      found = found || ((broken.line == 0 || error.where.at == broken.line) &&
                        (broken.column == 0 || error.where.column == broken.column) &&
                        error.why.find(broken.expected) != std::string::npos);
    }
    EXPECT_TRUE(found) << broken.name << " wants " << broken.line << ":" << broken.column << " "
                       << broken.expected << ", got:\n"
                       << all;
  }
}

TEST(BrokenFiles, AllOfThemTogetherLeaveTheGoodOnesRunning) {
  std::vector<RuleText> texts;
  for (const Broken& broken : broken_files()) {
    texts.push_back({std::string(broken.name) + ".yaml", broken.text});
    const std::string id = "good" + std::to_string(texts.size());
    texts.push_back({id + ".yaml", "schema: dumptriage.rule/1\nid: " + id +
                                       "\ntitle: t\nrequire: [{bugcheck: 0xD1}]\n"});
  }
  const Catalogue catalogue = load(texts);
  EXPECT_EQ(catalogue.size(), broken_files().size());
  for (const Broken& broken : broken_files())
    EXPECT_TRUE(std::ranges::any_of(catalogue.errors, [&](const Error& error) {
      return error.what == std::string(broken.name) + ".yaml";
    })) << broken.name;
  FactSet set;
  set.facts = {stop(0xD1)};
  cover_all(set);
  EXPECT_EQ(judge(catalogue, set, true).size(), broken_files().size());
}

// What looks odd and is good all the same.
TEST(BrokenFiles, GoodFilesOfOtherHabits) {
  std::string crlf = kGood + "about: >\n  two\n  lines\n";
  for (std::size_t at = 0; (at = crlf.find('\n', at)) != std::string::npos; at += 2)
    crlf.insert(at, "\r");
  for (const std::string& text : std::vector<std::string>{
           crlf, "\xEF\xBB\xBF" + kGood, "---\n" + kGood, kGood + "...\n", "# c\n\n" + kGood,
           "{schema: dumptriage.rule/1, id: a, title: t, require: {bugcheck: 1}}",
           "\"schema\": dumptriage.rule/1\nid: a\ntitle: \"tab\\there\"\nrequire:\n- bugcheck: "
           "1\n"}) {
    const Catalogue catalogue = load({{"f.yaml", text}});
    EXPECT_EQ(catalogue.size(), 1u) << text << catalogue.errors.at(0).message();
  }
  EXPECT_EQ(load({{"f.yaml", crlf}}).all().at(0)->about, "two lines");
}

class RuleFolder : public testing::Test {
protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() /
            ("dumptriage_broken_files_" + std::to_string(::getpid()));
    std::filesystem::create_directories(root_);
  }
  void TearDown() override {
    std::filesystem::permissions(root_, std::filesystem::perms::owner_all);
    std::filesystem::remove_all(root_);
  }
  void file(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << text;
  }
  std::filesystem::path root_;
};

// Examples are found by the same walk: a pipe is never waited for.
TEST_F(RuleFolder, OddThingsAmongExamples) {
  file("good.yaml", kGood);
  file("good.examples.yaml", "schema: dumptriage.examples/1\n");
  ASSERT_EQ(::mkfifo((root_ / "pipe.examples.yaml").c_str(), 0600), 0);
  const auto texts = read_example_files(root_.string());
  ASSERT_TRUE(texts) << texts.error().message();
  ASSERT_EQ(texts->size(), 2u);
  EXPECT_FALSE((*texts)[0].error);
  EXPECT_TRUE((*texts)[1].error);
  const auto beside = read_example_files((root_ / "good.yaml").string());
  ASSERT_TRUE(beside);
  ASSERT_EQ(beside->size(), 1u);
  EXPECT_EQ(beside->front().text, "schema: dumptriage.examples/1\n");
  EXPECT_FALSE(read_example_files((root_ / "nothing").string()));
}

TEST_F(RuleFolder, OddThingsOnDisk) {
  namespace fs = std::filesystem;
  file("good.yaml", kGood);
  fs::create_directories(root_ / "folder.yaml");
  file("folder.yaml/inner.yaml",
       "schema: dumptriage.rule/1\nid: inner\ntitle: t\nrequire: [{bugcheck: 1}]\n");
  fs::create_symlink("loop.yaml", root_ / "loop.yaml");
  fs::create_symlink("nowhere", root_ / "dangling.yaml");
  fs::create_directory_symlink(".", root_ / "around");
  fs::create_directory_symlink(".", root_ / "around.yaml");
  ASSERT_EQ(::mkfifo((root_ / "pipe.yaml").c_str(), 0600), 0);
  file("large.yaml", kGood + "note: " + std::string(3 * kMostRuleBytes, 'x'));
  file("secret.yaml", kGood);
  fs::permissions(root_ / "secret.yaml", fs::perms::none);
  auto texts = read_rule_files(root_.string());
  ASSERT_TRUE(texts) << texts.error().message();
  const Catalogue catalogue = load(*texts);
  std::vector<std::string> ids, failed;
  for (const Rule* rule : catalogue.all()) ids.push_back(rule->id);
  for (const Error& error : catalogue.errors) {
    failed.push_back(fs::path(error.what).filename().string());
    EXPECT_FALSE(error.why.empty());
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"broken", "inner"}));
  std::ranges::sort(failed);
  // root reads everything, and then the id is taken
  EXPECT_EQ(failed, (std::vector<std::string>{"dangling.yaml", "large.yaml", "loop.yaml",
                                              "pipe.yaml", "secret.yaml"}));
  for (const RuleText& text : *texts) EXPECT_LE(text.text.size(), kMostRuleBytes + 1);
}

TEST_F(RuleFolder, FolderThatCannotBeReadIsSaid) {
  if (::geteuid() == 0) GTEST_SKIP() << "skipped: root reads every folder";
  namespace fs = std::filesystem;
  file("good.yaml", kGood);
  fs::create_directories(root_ / "locked");
  fs::permissions(root_ / "locked", fs::perms::none);
  auto texts = read_rule_files(root_.string());
  fs::permissions(root_ / "locked", fs::perms::owner_all);
  ASSERT_TRUE(texts);
  ASSERT_EQ(texts->size(), 2u);
  ASSERT_TRUE(texts->at(1).error);
  EXPECT_NE(texts->at(1).error->message().find("locked"), std::string::npos);
  EXPECT_EQ(load(*texts).size(), 1u);
}

} // namespace
} // namespace dumptriage::rules::test
