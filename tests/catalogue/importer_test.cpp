// tools/kb2rules on a facts file that it has never seen: invented articles of the same form, odd
// ones among them.  The machines are built here, by hand, from what the articles say.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include <fmt/format.h>

#include "catalogue/folder.h"
#include "catalogue/invented.h"

namespace dumptriage::rules::test {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int exit_code = -1;
  std::string said; // stderr
};

class Folder {
public:
  Folder() : path_(fs::temp_directory_path() / fmt::format("kb2rules-test-{}", getpid())) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
  }

private:
  fs::path path_;
};

bool python_is_missing() { return std::system("python3 -c pass >/dev/null 2>&1") != 0; }

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Outcome run_importer(const Folder& folder, const std::string& facts, const std::string& out) {
  const std::string log = folder.file("log");
  const int status = std::system(fmt::format("python3 '{}' '{}' '{}' >/dev/null 2>'{}'",
                                             DUMPTRIAGE_SOURCE_DIR "/tools/kb2rules",
                                             folder.file(facts), folder.file(out), log)
                                     .c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, contents(log)};
}

// The rule files of a folder, name and text, in order.
std::string all_files(const std::string& path) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::ranges::sort(files);
  std::string text;
  for (const auto& file : files)
    text += file.lexically_relative(path).string() + "\n" + contents(file);
  return text;
}

class Importer : public ::testing::Test {
protected:
  void SetUp() override {
    if (python_is_missing()) GTEST_SKIP() << "skipped: no python3 on this machine";
  }
  Folder folder_;
};

TEST_F(Importer, MakesSoundRulesOfAnUnseenFile) {
  folder_.write("facts.json", invented_articles());
  const Outcome run = run_importer(folder_, "facts.json", "out");
  ASSERT_EQ(run.exit_code, 0) << run.said;
  const RuleFolder made = read_rule_folder(folder_.file("out"));
  EXPECT_EQ(made.catalogue.errors.size(), 0u);
  EXPECT_EQ(made.catalogue.size(), invented_rules().size()) << run.said;
  for (const auto& id : invented_rules()) EXPECT_TRUE(made.catalogue.find(id)) << id << run.said;
  for (const auto& error : lint(made.catalogue, &made.examples)) ADD_FAILURE() << error.message();
  for (const auto& file : made.examples)
    for (const auto& error : file.errors) ADD_FAILURE() << error.message();
  for (const auto& result : run_examples(made.catalogue, made.examples))
    EXPECT_TRUE(result.passed) << result.rule << " '" << result.example << "': expected "
                               << name_of(result.expected) << ", got " << name_of(result.got)
                               << ": " << result.why;
}

TEST_F(Importer, PutsTheRightArticleFirst) {
  folder_.write("facts.json", invented_articles());
  ASSERT_EQ(run_importer(folder_, "facts.json", "out").exit_code, 0);
  const RuleFolder made = read_rule_folder(folder_.file("out"));
  for (const Invented& machine : invented_machines()) {
    const auto matches = judge(made.catalogue, machine.facts);
    ASSERT_FALSE(matches.empty()) << machine.rule;
    EXPECT_EQ(matches[0].rule->id, machine.rule);
    EXPECT_EQ(name_of(matches[0].verdict), name_of(machine.verdict)) << machine.rule;
    for (std::size_t i = 1; i < matches.size(); ++i)
      EXPECT_NE(matches[i].verdict, Verdict::confirmed)
          << matches[i].rule->id << " on the machine of " << machine.rule;
  }
}

TEST_F(Importer, RecommendsTheFixOfWhatIsConfirmed) {
  folder_.write("facts.json", invented_articles());
  ASSERT_EQ(run_importer(folder_, "facts.json", "out").exit_code, 0);
  const RuleFolder made = read_rule_folder(folder_.file("out"));
  for (const Invented& machine : invented_machines()) {
    const auto matches = judge(made.catalogue, machine.facts);
    const auto fix = recommend(made.catalogue, matches, FactView(machine.facts));
    EXPECT_EQ(fix.kb, machine.verdict == Verdict::confirmed ? machine.kb : "") << machine.rule;
  }
}

TEST_F(Importer, SaysWhatItLeavesOutAndWhy) {
  folder_.write("facts.json", invented_articles());
  const Outcome run = run_importer(folder_, "facts.json", "out");
  EXPECT_NE(run.said.find("Q900101: left out: only a stop code that many bugs share"),
            std::string::npos)
      << run.said;
  EXPECT_NE(run.said.find("left out: it has no article number"), std::string::npos) << run.said;
}

TEST_F(Importer, GivesTheSameBytesTwiceAndKeepsWhatPeopleWrote) {
  folder_.write("facts.json", invented_articles());
  fs::create_directories(folder_.file("b/netbt"));
  const std::string own = "schema: dumptriage.rule/1\nid: q900001\ntitle: by hand\n";
  folder_.write("b/netbt/q900001.yaml", own);
  ASSERT_EQ(run_importer(folder_, "facts.json", "a").exit_code, 0);
  ASSERT_EQ(run_importer(folder_, "facts.json", "b").exit_code, 0);
  EXPECT_EQ(contents(folder_.file("b/netbt/q900001.yaml")), own);
  EXPECT_FALSE(fs::exists(folder_.file("b/netbt/q900001.examples.yaml")));
  const std::string first = all_files(folder_.file("a"));
  ASSERT_EQ(run_importer(folder_, "facts.json", "a").exit_code, 0);
  EXPECT_EQ(all_files(folder_.file("a")), first);
}

TEST_F(Importer, LivesWithFilesThatAreNoFacts) {
  const std::vector<std::string> odd = {
      "",
      "[",
      "null",
      "[]",
      "{}",
      "[1, \"x\", null, [], {}]",
      "{\"thresholds\": 7}",
      R"([{"id": "Q900001", "os": 7, "bugchecks": "0xA", "stacks": {"a": 1}, "products": [7]}])",
      R"([{"id": "Q900002", "kind": "never heard of", "bugchecks": [{"code": "zzz"}, 7, null],)"
      R"( "fault_modules": [null, 7, "..", "../../etc/passwd"], "fixed_files": [{"file": 7}]}])"};
  for (const auto& text : odd) {
    folder_.write("odd.json", text);
    const Outcome run = run_importer(folder_, "odd.json", "odd");
    EXPECT_EQ(run.exit_code, 1) << text;
    EXPECT_EQ(run.said.find("Traceback"), std::string::npos) << text << run.said;
  }
}

TEST_F(Importer, OddFieldsCostThatFieldOnly) {
  // Each field of a good article replaced by nonsense in turn: a rule or a reason, never a crash.
  for (const auto& [name, text] : damaged_articles()) {
    folder_.write("odd.json", text);
    const Outcome run = run_importer(folder_, "odd.json", "odd");
    EXPECT_EQ(run.said.find("Traceback"), std::string::npos) << name << run.said;
    if (run.exit_code != 0) {
      EXPECT_NE(run.said.find("left out"), std::string::npos) << name;
      continue;
    }
    const RuleFolder made = read_rule_folder(folder_.file("odd"));
    EXPECT_EQ(made.catalogue.errors.size(), 0u) << name;
  }
}

TEST_F(Importer, TheCatalogueIsMadeOfThePublishedFacts) {
  const std::string facts = std::string(DUMPTRIAGE_SHARED_DIR) + "/kb/";
  if (!fs::exists(facts + "kb_facts_dev.json"))
    GTEST_SKIP() << "skipped: no facts files beside the project";
  fs::copy(DUMPTRIAGE_SOURCE_DIR "/signatures", folder_.file("made"), fs::copy_options::recursive);
  const int status =
      std::system(fmt::format("python3 '{0}' '{1}kb_facts_dev.json' '{1}kb_facts_modern.json' "
                              "'{1}sdp_thresholds.json' '{2}' >/dev/null 2>&1",
                              DUMPTRIAGE_SOURCE_DIR "/tools/kb2rules", facts, folder_.file("made"))
                      .c_str());
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(all_files(folder_.file("made")) == all_files(DUMPTRIAGE_SOURCE_DIR "/signatures"))
      << "signatures/ differs from what tools/kb2rules makes";
}

} // namespace
} // namespace dumptriage::rules::test
