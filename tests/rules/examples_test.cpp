// Examples of rules: what a file of them holds, and what running them says.
#include "rules/examples.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

const std::string kHead = "schema: dumptriage.examples/1\nrule: t\nexamples:\n";
const std::string kBase =
    "  - name: base\n    expect: possible\n    facts:\n"
    "      - {kind: stop, code: 0x1000007E, p1: 0xC0000005}\n"
    "      - {kind: os, family: nt4, service_pack: 6, terminal_server: false}\n"
    "      - {kind: module, name: netbt.sys, base: 0xF86D1000}\n"
    "      - {kind: frame, thread: cpu 1, index: 2, module: netbt.sys, trust: "
    "unwind_data, sure: true}\n"
    "      - {kind: parameter, number: 1, value: 0xFC}\n"
    "      - {kind: irp, address: 0x81B25E48, freed: true}\n"
    "      - {kind: irp, address: 0x81B25F48, freed: false}\n";

ExampleFile loaded(const std::string& body) {
  return load_examples("t.examples.yaml", kHead + body);
}

std::string errors(const ExampleFile& file) {
  std::string all;
  for (const auto& error : file.errors) all += error.message() + "\n";
  return all;
}

TEST(Examples, FactsAreTypedAndGetTheExtractorsIds) {
  ExampleFile file = loaded(kBase);
  ASSERT_EQ(errors(file), "");
  ASSERT_EQ(file.examples.size(), 1u);
  const Example& example = file.examples[0];
  EXPECT_EQ(file.rule, "t");
  EXPECT_EQ(example.expect, Verdict::possible);
  EXPECT_FALSE(example.near_miss);
  std::vector<std::string> ids;
  for (const Fact& fact : example.facts.facts) ids.push_back(fact.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"stop", "os", "module:netbt.sys@F86D1000",
                                           "frame:cpu 1:2", "parameter:1", "irp:1", "irp:2"}));
  const auto& facts = example.facts.facts;
  EXPECT_EQ(facts[0].fields.at("p1"), evidence::Value(Address{0xC0000005}));
  EXPECT_EQ(facts[0].fields.at("code"), evidence::Value(number(0x1000007E)));
  EXPECT_EQ(facts[0].fields.at("kind"), evidence::Value(text("bugcheck")));
  EXPECT_EQ(facts[0].fields.at("normalized"), evidence::Value(number(0x7E)));
  EXPECT_EQ(facts[1].fields.at("terminal_server"), evidence::Value(false));
  EXPECT_EQ(facts[3].fields.at("trust"), evidence::Value(text("unwind_data")));
  EXPECT_EQ(facts[2].trust, "dump");
}

TEST(Examples, EveryKindIsCompleteButWhatIsSaidToBePartial) {
  ExampleFile file = loaded(kBase + "    partial: {frame: beyond frame 3}\n    none: {irp: paged "
                                    "out}\n");
  ASSERT_EQ(errors(file), "");
  const FactSet& set = file.examples[0].facts;
  EXPECT_EQ(set.coverage_of("frame")->extent, Extent::partial);
  EXPECT_EQ(set.coverage_of("frame")->missing, "beyond frame 3");
  EXPECT_EQ(set.coverage_of("irp")->extent, Extent::none);
  for (const char* kind : {"stop", "module", "frame_crashed", "top", "wait_cycle", "network_peer"})
    EXPECT_EQ(set.coverage_of(kind)->extent, Extent::complete) << kind;
  EXPECT_EQ(set.coverage_of("unloaded_module")->extent, Extent::partial);
}

TEST(Examples, LikeChangesExactlyOneFact) {
  ExampleFile file =
      loaded(kBase + "  - name: miss\n    like: base\n    replace: {kind: parameter, number: "
                     "1}\n    with: {value: 0xFD}\n    expect: no_match\n"
                     "  - name: gone\n    like: base\n    replace: {kind: irp, freed: "
                     "true}\n    remove: true\n    expect: undecided\n"
                     "  - name: code\n    like: base\n    replace: {kind: stop}\n    with: "
                     "{code: 0xD1}\n    expect: no_match\n");
  ASSERT_EQ(errors(file), "");
  ASSERT_EQ(file.examples.size(), 4u);
  const auto& base = file.examples[0].facts.facts;
  const auto& miss = file.examples[1].facts.facts;
  EXPECT_TRUE(file.examples[1].near_miss);
  ASSERT_EQ(miss.size(), base.size());
  for (std::size_t i = 0; i < base.size(); ++i)
    EXPECT_EQ(base[i].fields == miss[i].fields, i != 4) << i;
  EXPECT_EQ(miss[4].fields.at("value"), evidence::Value(Address{0xFD}));
  EXPECT_EQ(file.examples[2].facts.facts.size(), base.size() - 1);
  EXPECT_EQ(file.examples[3].facts.facts[0].fields.at("normalized"), evidence::Value(number(0xD1)));
}

TEST(Examples, NamesWhatIsWrong) {
  const std::string like = "  - name: b\n    expect: possible\n    like: base\n";
  const std::pair<std::string, const char*> cases[] = {
      {"  - name: a\n    expect: maybe\n    facts: [{kind: os}]\n", "expected a verdict"},
      {"  - name: a\n    expect: likely\n    facts: [{kind: rabbit}]\n", "found 'rabbit'"},
      {"  - name: a\n    expect: likely\n    facts: [{kind: os, base: 0x1}]\n",
       "a fact 'os' has no field 'base'"},
      {"  - name: a\n    expect: likely\n    facts: [{kind: os, colour: red}]\n", "unknown key"},
      {"  - name: a\n    expect: likely\n    facts: [{kind: os, service_pack: two}]\n",
       "found 'two'"},
      {"  - name: a\n    expect: likely\n    facts: [{kind: module, third_party: 1}]\n",
       "true or false"},
      {"  - name: a\n    expect: likely\n    facts: [{family: nt4}]\n", "missing key 'kind'"},
      {"  - name: a\n    expect: likely\n", "expected either 'facts' or 'like'"},
      {"  - name: a\n    expect: likely\n    like: nobody\n    replace: {kind: os}\n    remove: "
       "true\n",
       "no example 'nobody'"},
      {kBase + like, "'like' needs 'replace'"},
      {kBase + like + "    replace: {kind: irp}\n    remove: true\n", "fits 2 facts"},
      {kBase + like + "    replace: {kind: fault}\n    remove: true\n", "fits 0 facts"},
      {kBase + like + "    replace: {kind: os}\n    with: {family: nt4}\n", "changes nothing"},
      {kBase + like + "    replace: {kind: os}\n    with: {family: xp}\n    remove: true\n",
       "either 'with' or"},
      {kBase + like + "    replace: {kind: os}\n    with: {kind: module}\n", "cannot change"},
      {kBase + kBase, "an example 'base' already"},
      {kBase + "    partial: {nothing: x}\n", "unknown key"},
      {kBase + "    remove: true\n", "need 'like'"},
  };
  for (const auto& [body, expected] : cases) {
    ExampleFile file = loaded(body);
    EXPECT_NE(errors(file).find(expected), std::string::npos)
        << "expected " << expected << "\nfound " << errors(file) << "\n"
        << body;
    for (const auto& error : file.errors) EXPECT_EQ(error.what, "t.examples.yaml");
  }
  EXPECT_NE(errors(load_examples("x", "")), "");
  EXPECT_NE(errors(load_examples("x", "schema: dumptriage.rule/1\nrule: t\nexamples: []\n")), "");
}

TEST(Examples, TextCutAnywhereIsNoCrash) {
  const std::string whole = kHead + kBase;
  for (std::size_t size = 0; size < whole.size(); size += 3) {
    ExampleFile file = load_examples("t.examples.yaml", whole.substr(0, size));
    EXPECT_TRUE(!file.errors.empty() || !file.examples.empty()) << size;
  }
}

TEST(Examples, RunningThemSaysWhatFailedAndWhy) {
  Catalogue catalogue = load({{"t.yaml", rule_with("module_loaded: netbt.sys")}});
  ASSERT_EQ(catalogue.size(), 1u);
  auto run = [&](ExampleFile file) { return run_examples(catalogue, {std::move(file)}); };
  auto results = run(loaded(kBase + "  - name: miss\n    like: base\n    replace: {kind: module}\n"
                                    "    with: {name: tdi.sys}\n    expect: possible\n"));
  ASSERT_EQ(results.size(), 2u);
  EXPECT_TRUE(results[0].passed);
  EXPECT_EQ(results[0].got, Verdict::possible);
  EXPECT_FALSE(results[1].passed);
  EXPECT_EQ(results[1].example, "miss");
  EXPECT_EQ(results[1].got, Verdict::no_match);
  EXPECT_NE(results[1].why.find("netbt.sys is not loaded"), std::string::npos) << results[1].why;
  ExampleFile strange = loaded(kBase);
  strange.rule = "nobody";
  results = run(strange);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_FALSE(results[0].passed);
  EXPECT_NE(results[0].why.find("no rule 'nobody'"), std::string::npos);
}

TEST(Examples, FilesOfAFolderOrBesideARule) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "dumptriage_examples_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder / "b");
  for (const char* name : {"b/z.examples.yaml", "a.examples.yaml", "a.yaml", "c.yaml"})
    std::ofstream(folder / name) << "text of " << name;
  auto names = [&](const std::filesystem::path& path) {
    std::vector<std::string> found;
    auto texts = read_example_files(path.generic_string());
    if (!texts) return std::vector<std::string>{"error"};
    for (const auto& text : *texts)
      found.push_back(std::filesystem::path(text.name).filename().generic_string());
    return found;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(folder), (Names{"a.examples.yaml", "z.examples.yaml"}));
  EXPECT_EQ(names(folder / "a.yaml"), (Names{"a.examples.yaml"}));
  EXPECT_EQ(names(folder / "c.yaml"), Names{});
  EXPECT_EQ(names(folder / "b/z.examples.yaml"), (Names{"z.examples.yaml"}));
  EXPECT_EQ(names(folder / "none"), (Names{"error"}));
  std::filesystem::remove_all(folder);
}

// The rules that are written by hand, by their own examples.
TEST(Examples, OfTheFirstFour) {
  const Catalogue catalogue = builtin_catalogue();
  std::size_t run = 0;
  for (const char* rule : {"sfm/q188315", "sfm/q242896", "netbt/kb961799", "dfs/q260752"}) {
    auto texts =
        read_example_files(std::string(DUMPTRIAGE_SOURCE_DIR "/signatures/") + rule + ".yaml");
    ASSERT_TRUE(texts && texts->size() == 1) << rule;
    const ExampleFile file = load_examples(texts->front().name, texts->front().text);
    EXPECT_EQ(errors(file), "");
    for (const auto& result : run_examples(catalogue, {file})) {
      ++run;
      EXPECT_TRUE(result.passed) << result.rule << ", " << result.example << ": "
                                 << name_of(result.got) << ", " << result.why;
    }
  }
  EXPECT_GT(run, 30u);
}

} // namespace
} // namespace dumptriage::rules::test
