#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "rules/facts_builder.h"
#include "rules/yaml_limits.h"

namespace dumptriage::rules::test {
namespace {

RuleText rule_file(const std::string& id, const std::string& more = "") {
  return {id + ".yaml", "schema: dumptriage.rule/1\nid: " + id +
                            "\ntitle: t\nrequire:\n  - bugcheck: 0xD1\n" + more};
}

TEST(Catalogue, DigestFollowsNamesAndTexts) {
  std::string one = load({{"a", "b"}}).digest;
  EXPECT_EQ(one.size(), 64u);
  EXPECT_EQ(one, load({{"a", "b"}}).digest);
  EXPECT_NE(one, load({{"ab", ""}}).digest);
  EXPECT_NE(one, load({{"a", "c"}}).digest);
}

TEST(RuleFiles, FolderInOrderAndSingleFile) {
  namespace fs = std::filesystem;
  fs::path root = fs::temp_directory_path() / "dumptriage_rule_files_test";
  fs::remove_all(root);
  fs::create_directories(root / "b");
  for (const char* name : {"b/z.yaml", "b/a.yaml", "c.yaml", "c.examples.yaml", "notes.txt"})
    std::ofstream(root / name) << "x";
  auto texts = read_rule_files(root.string());
  ASSERT_TRUE(texts);
  std::vector<std::string> names;
  for (const auto& text : *texts) names.push_back(fs::relative(text.name, root).generic_string());
  EXPECT_EQ(names, (std::vector<std::string>{"b/a.yaml", "b/z.yaml", "c.yaml"}));
  auto single = read_rule_files((root / "c.yaml").string());
  ASSERT_TRUE(single);
  EXPECT_EQ(single->size(), 1u);
  EXPECT_EQ(single->at(0).text, "x");
  EXPECT_EQ(read_rule_files((root / "missing").string()).error().code, Code::io);
  std::ofstream(root / "c.yaml") << std::string(kMostRuleBytes + 100, ' ');
  Catalogue large = load(*read_rule_files((root / "c.yaml").string()));
  ASSERT_EQ(large.errors.size(), 1u);
  EXPECT_EQ(large.errors[0].code, Code::limit);
  fs::remove_all(root);
}

TEST(Builtin, LoadsWithoutErrorsAndPassesTheLinter) {
  Catalogue catalogue = load(builtin_rule_texts());
  for (const auto& error : catalogue.errors) ADD_FAILURE() << error.message();
  for (const auto& error : lint(catalogue)) ADD_FAILURE() << error.message();
  std::vector<std::string> ids;
  for (const Rule* rule : catalogue.all()) ids.push_back(rule->id);
  for (const char* id : {"kb961799", "q188315", "q242896", "q260752"})
    EXPECT_NE(std::ranges::find(ids, id), ids.end()) << id;
  auto from_disk = read_rule_files(DUMPTRIAGE_SOURCE_DIR "/signatures");
  ASSERT_TRUE(from_disk);
  EXPECT_EQ(from_disk->size(), builtin_rule_texts().size());
  for (std::size_t i = 0; i < from_disk->size(); ++i)
    EXPECT_EQ(from_disk->at(i).text, builtin_rule_texts()[i].text);
}

// --- the compiled table against the texts it was made of -----------------------------------------

std::string in_words(const Finding& finding) {
  std::string text = std::string(name_of(finding.answer)) + (finding.weak ? " weak " : " ") +
                     finding.condition + ": " + finding.because;
  for (const std::string& fact : finding.facts) text += " " + fact;
  for (const Finding& child : finding.children) text += "\n (" + in_words(child) + ")";
  return text;
}

std::string in_words(const Fix& fix) {
  std::string text = std::to_string(fix.hotfix) + std::to_string(fix.unpublished) + fix.vendor +
                     std::to_string(fix.restart ? 1 + *fix.restart : 0);
  for (const auto* list :
       {&fix.service_packs, &fix.replaces, &fix.superseded_by, &fix.needs, &fix.caveats})
    for (const std::string& word : *list) text += "|" + word;
  for (const FixFile& file : fix.files) {
    text += "\n" + file.file + file.arch + file.branch + file.version + file.built + file.family +
            file.fixed_in + std::to_string(file.bytes);
    for (const auto& time :
         {file.built_time, file.previous_time, file.older_before, file.fixed_from})
      text += " " + (time ? std::to_string(*time) : "-");
  }
  return text;
}

std::vector<FactSet> machines() {
  std::vector<FactSet> all(4);
  all[1].facts = {stop(0xD1), os("ws2003", 2, "x86"), module("netbt.sys"),
                  frame(0, 0, "netbt.sys", "NbtCopyToStartOfIndicate", true, true)};
  all[2].facts = {
      stop(0xA),         os("nt4", 6, "x86"), module("sfmsrv.sys"),
      module("mup.sys"), module("rdr.sys"),   frame(0, 0, "sfmsrv.sys", "f", true, true)};
  all[3].facts = {stop_kind("hang"), os("win7", 1, "x64"), module("ntoskrnl.exe")};
  for (std::size_t i = 1; i < all.size(); ++i) cover_all(all[i]);
  return all;
}

TEST(Compiled, IsTheSameAsItsTexts) {
  const Catalogue compiled = builtin_catalogue(), loaded = load(builtin_rule_texts());
  for (const Error& error : loaded.errors) ADD_FAILURE() << error.message();
  EXPECT_EQ(compiled.digest, loaded.digest);
  EXPECT_EQ(compiled.size(), loaded.size());
  const auto a = compiled.all(), b = loaded.all();
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i]->id, b[i]->id);
    EXPECT_EQ(a[i]->kb, b[i]->kb);
    EXPECT_EQ(a[i]->title, b[i]->title);
    EXPECT_EQ(a[i]->about, b[i]->about);
    EXPECT_EQ(a[i]->source_file, b[i]->source_file);
    EXPECT_EQ(a[i]->proof, b[i]->proof);
    EXPECT_EQ(a[i]->workaround + a[i]->note, b[i]->workaround + b[i]->note);
    EXPECT_EQ(a[i]->references, b[i]->references);
    EXPECT_EQ(a[i]->rivals, b[i]->rivals);
    EXPECT_EQ(a[i]->ceiling, b[i]->ceiling);
    EXPECT_EQ(in_words(a[i]->fix), in_words(b[i]->fix)) << a[i]->id;
    EXPECT_EQ(compiled.find(a[i]->id), a[i]);
    for (const std::string& kb : a[i]->fix.replaces) {
      const auto replacing = compiled.replacing(kb);
      EXPECT_NE(std::ranges::find(replacing, a[i]), replacing.end()) << kb;
    }
  }
}

TEST(Compiled, JudgesTheSame) {
  const Catalogue compiled = builtin_catalogue(), loaded = load(builtin_rule_texts());
  for (const FactSet& facts : machines()) {
    const FactView view(facts);
    for (bool all : {false, true}) {
      const auto a = judge(compiled, facts, all), b = judge(loaded, facts, all);
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(a[i].rule->id, b[i].rule->id);
        EXPECT_EQ(a[i].verdict, b[i].verdict);
        EXPECT_EQ(a[i].fix_state, b[i].fix_state);
        EXPECT_EQ(in_words(a[i].explanation), in_words(b[i].explanation));
        EXPECT_EQ(a[i].advice, b[i].advice);
      }
    }
    EXPECT_EQ(compiled.candidates(view).size(), loaded.candidates(view).size());
  }
}

TEST(Compiled, RulesOfYourOwnStandBesideThem) {
  const Catalogue alone = builtin_catalogue();
  const Catalogue both = builtin_catalogue({rule_file("site-rule", "fix: {replaces: [KB955860]}\n"),
                                            rule_file("q188315"),
                                            {"bad.yaml", "id: ["}});
  EXPECT_EQ(both.size(), alone.size() + 1);
  EXPECT_NE(both.digest, alone.digest);
  ASSERT_EQ(both.errors.size(), 2u);
  EXPECT_EQ(both.errors[0].what, "bad.yaml");
  EXPECT_EQ(both.errors[1].what, "q188315.yaml");
  EXPECT_NE(both.errors[1].why.find("taken by signatures/sfm/q188315.yaml"), std::string::npos);
  ASSERT_NE(both.find("site-rule"), nullptr);
  EXPECT_EQ(both.find("q188315")->source_file, "signatures/sfm/q188315.yaml");
  EXPECT_EQ(both.find("no-such-rule"), nullptr);
  const auto all = both.all();
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Rule::id));
  std::vector<std::string> replacing;
  for (const Rule* rule : both.replacing("KB955860")) replacing.push_back(rule->id);
  EXPECT_NE(std::ranges::find(replacing, "kb961799"), replacing.end());
  EXPECT_NE(std::ranges::find(replacing, "site-rule"), replacing.end());
  EXPECT_TRUE(std::ranges::is_sorted(replacing));
  EXPECT_TRUE(both.replacing("KB1").empty());
}

TEST(Compiled, IsSharedByThreads) {
  const Catalogue catalogue = builtin_catalogue();
  std::vector<std::vector<const Rule*>> seen(4);
  {
    std::vector<std::jthread> threads;
    for (auto& rules : seen) threads.emplace_back([&] { rules = catalogue.all(); });
  }
  EXPECT_EQ(seen[0].size(), catalogue.size());
  for (const auto& rules : seen) EXPECT_EQ(rules, seen[0]);
}

TEST(Catalogue, ManyFilesGiveTheSameAsOneByOne) {
  std::vector<RuleText> texts;
  for (int i = 0; i < 500; ++i) {
    const std::string id = "r" + std::to_string((i * 7919) % 450); // 50 ids twice
    texts.push_back(rule_file(id, i % 50 == 0 ? "surprise: 1\n" : ""));
    texts.back().name = std::to_string(i) + ".yaml";
  }
  const Catalogue first = load(texts), second = load(texts);
  EXPECT_EQ(first.size(), second.size());
  ASSERT_EQ(first.errors.size(), second.errors.size());
  for (std::size_t i = 0; i < first.errors.size(); ++i)
    EXPECT_EQ(first.errors[i].message(), second.errors[i].message());
  const auto rules = first.all();
  for (std::size_t i = 1; i < rules.size(); ++i) EXPECT_LT(rules[i - 1]->id, rules[i]->id);
}

} // namespace
} // namespace dumptriage::rules::test
