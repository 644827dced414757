#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "pipeline/analyze.h"

namespace dumptriage::pipeline {
namespace {

namespace fs = std::filesystem;
const fs::path kSamples = DUMPTRIAGE_SOURCE_DIR "/dumps-samples";
const fs::path kKernel = kSamples / "kernel-x64-ws2003sp2-kb961799.dmp";

Analyzer make(std::vector<symbols::SearchRoot> roots = {}) {
  return Analyzer(rules::builtin_catalogue(), std::move(roots));
}

const evidence::Fact* os_fact(const report::Document& document) {
  for (const evidence::Fact& fact : document.facts)
    if (fact.kind == "os") return &fact;
  return nullptr;
}

bool any_image(const report::Document& document) {
  for (const report::ModuleRow& row : document.modules)
    if (row.image == "file") return true;
  return false;
}

std::string verdict_of(const report::Document& document, const std::string& kb) {
  for (const report::MatchRow& match : document.matches)
    if (match.kb == kb) return match.verdict;
  return "";
}

class Folder : public testing::Test {
protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("dumptriage-pipeline-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "with");
    fs::create_directories(folder_ / "without");
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST(Analyze, MissingFileIsADocumentWithAnError) {
  Analyzer analyzer = make();
  report::Document d = analyzer.analyze("no-such-file.dmp", {});
  ASSERT_TRUE(d.error);
  EXPECT_EQ(d.error->code, Code::io);
  EXPECT_EQ(d.dump.path, "no-such-file.dmp");
}

TEST(Analyze, BytesThatAreNoDumpAreNamed) {
  Analyzer analyzer = make();
  for (std::string bytes : {"", "MDMP", "PAGEDU64", "PK\x03\x04 and more",
                            "\x7F"
                            "ELF"}) {
    report::Document d =
        analyzer.analyze(MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "x"), {});
    ASSERT_TRUE(d.error) << bytes;
    EXPECT_EQ(d.dump.size, bytes.size());
    EXPECT_FALSE(d.dump.description.empty() && d.error->why.empty()) << bytes;
  }
}

TEST(Analyze, NamedImagesProveTheServicePack) {
  Analyzer analyzer = make({{(kSamples / "symbols").string(), memory::Origin::image}});
  report::Document d = analyzer.analyze(kKernel.string(), {});
  const evidence::Fact* os = os_fact(d);
  ASSERT_TRUE(os);
  EXPECT_EQ(os->number("service_pack"), 2u);
  EXPECT_TRUE(os->flag("service_pack_proved"));
  ASSERT_TRUE(os->text("service_pack_from"));
  EXPECT_NE(os->text("service_pack_from")->find("5.2.3790.3959"), std::string::npos);
  EXPECT_EQ(d.os.service_pack, "SP2");
  EXPECT_EQ(verdict_of(d, "KB961799"), "confirmed");
}

// An image that merely lies beside the dump proves no service pack and confirms nothing.
TEST_F(Folder, SiblingsProveNothing) {
  for (const auto& entry : fs::directory_iterator(kSamples / "symbols"))
    if (entry.is_regular_file()) fs::copy(entry.path(), folder_ / "with");
  fs::copy(kKernel, folder_ / "with/one.dmp");
  Options options;
  options.trust_siblings = true;
  Analyzer analyzer = make();
  report::Document d = analyzer.analyze((folder_ / "with/one.dmp").string(), options);
  EXPECT_TRUE(any_image(d));
  const evidence::Fact* os = os_fact(d);
  ASSERT_TRUE(os);
  const std::string* from = os->text("service_pack_from");
  EXPECT_TRUE(!from || from->find("exact image") == std::string::npos) << *from;
  EXPECT_NE(verdict_of(d, "KB961799"), "confirmed");
}

TEST_F(Folder, SiblingsOfOneDumpAreNotThoseOfTheNext) {
  for (const auto& entry : fs::directory_iterator(kSamples / "symbols"))
    if (entry.is_regular_file()) fs::copy(entry.path(), folder_ / "with");
  fs::copy(kKernel, folder_ / "with/one.dmp");
  fs::copy(kKernel, folder_ / "without/two.dmp");
  Options options;
  options.trust_siblings = true;
  Analyzer analyzer = make();
  EXPECT_TRUE(any_image(analyzer.analyze((folder_ / "with/one.dmp").string(), options)));
  EXPECT_FALSE(any_image(analyzer.analyze((folder_ / "without/two.dmp").string(), options)));
  options.trust_siblings = false;
  EXPECT_FALSE(any_image(analyzer.analyze((folder_ / "with/one.dmp").string(), options)));
}

TEST(Analyze, ThreadsByOption) {
  Analyzer analyzer = make();
  auto walked = [&](Threads threads) {
    Options options;
    options.threads = threads;
    std::size_t count = 0;
    for (const report::ThreadRow& row : analyzer.analyze(kKernel.string(), options).threads)
      count += row.walked;
    return count;
  };
  EXPECT_EQ(walked(Threads::crashed), 1u);
  EXPECT_EQ(walked(Threads::cpus), 2u);
  EXPECT_EQ(walked(Threads::all), 2u);
}

TEST(Analyze, WantedNamesFilesAndIds) {
  Analyzer analyzer = make();
  report::Document d = analyzer.analyze(kKernel.string(), {});
  bool kernel = false;
  for (const report::Wanted& row : d.wanted)
    if (row.kind == "image" && row.name == "ntoskrnl.exe") {
      kernel = true;
      EXPECT_EQ(row.id.substr(0, 8), "45D6C410");
      EXPECT_FALSE(row.why.empty());
    }
  EXPECT_TRUE(kernel);
}

TEST(Analyze, RuleFilesThatCannotBeReadAreNoted) {
  Analyzer analyzer(rules::load({{"bad.yaml", "id: [\n"}}), {});
  report::Document d = analyzer.analyze(kKernel.string(), {});
  bool noted = false;
  for (const Note& note : d.notes)
    noted |= note.message.starts_with("rule file left out: bad.yaml");
  EXPECT_TRUE(noted);
}

TEST(Analyze, WithoutRulesThereAreNoMatches) {
  Analyzer analyzer = make();
  Options options;
  options.judge = false;
  options.all_rules = true;
  EXPECT_TRUE(analyzer.analyze(kKernel.string(), options).matches.empty());
  options.judge = true;
  EXPECT_EQ(analyzer.analyze(kKernel.string(), options).matches.size(),
            analyzer.catalogue().size());
}

} // namespace
} // namespace dumptriage::pipeline
