// The samples inside of archives give the reports that they give alone.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <unistd.h>

#include "dump/archives.h"
#include "pipeline/analyze.h"

namespace dumptriage::pipeline {
namespace {

namespace fs = std::filesystem;
using namespace tests;
const std::string kSamples = DUMPTRIAGE_SOURCE_DIR "/dumps-samples";

class Archives : public testing::Test {
protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("dumptriage-archives-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static synth::Bytes sample(const std::string& name) {
    std::ifstream in(kSamples + "/" + name, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
    EXPECT_FALSE(bytes.empty()) << name;
    return {bytes.begin(), bytes.end()};
  }
  std::string write(const std::string& name, const synth::Bytes& bytes) {
    std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
    return path;
  }
  static std::vector<report::Document> analyze(const std::string& path, Options options = {}) {
    Analyzer analyzer(rules::builtin_catalogue(), {{kSamples + "/symbols", memory::Origin::image}});
    std::vector<report::Document> documents;
    analyzer.analyze_each(path, options, [&](report::Document document) {
      documents.push_back(std::move(document));
      return true;
    });
    return documents;
  }
  // All but where the file lies.
  static std::string json(report::Document document) {
    document.dump.path = "any";
    return report::to_json(document);
  }

  fs::path folder_;
};

TEST_F(Archives, EverySampleInEveryContainer) {
  const char* const names[] = {"kernel-x64-ws2003sp2-kb961799.dmp",
                               "damaged-kernel-x64-truncated.dmp", "user-x64-access-violation.dmp",
                               "user-x86-access-violation.dmp"};
  for (const char* name : names) {
    synth::Bytes bytes = sample(name);
    auto plain = analyze(kSamples + "/" + name);
    ASSERT_EQ(plain.size(), 1u);
    EXPECT_FALSE(plain[0].dump.id.empty());
    for (Container container : kContainers) {
      std::string path = write("packed", pack(container, {{name, bytes}}));
      auto packed = analyze(path);
      ASSERT_EQ(packed.size(), 1u) << name << static_cast<int>(container);
      EXPECT_EQ(packed[0].dump.path, path + "!" + (holds_many(container) ? name : "packed"));
      EXPECT_EQ(packed[0].dump.size, bytes.size());
      EXPECT_TRUE(json(packed[0]) == json(plain[0])) << name << static_cast<int>(container);
    }
  }
}

TEST_F(Archives, EveryDumpIsADocument) {
  synth::Bytes one = sample("user-x64-access-violation.dmp");
  synth::Bytes two = sample("user-x86-access-violation.dmp");
  synth::Bytes words = {'w', 'o', 'r', 'd'};
  std::string path =
      write("a.zip", pack(Container::zip, {{"1.dmp", one}, {"readme", words}, {"2.dmp", two}}));
  std::vector<std::string> unpacking;
  Options options;
  options.unpacking = [&](const std::string& entry) { unpacking.push_back(entry); };
  auto documents = analyze(path, options);
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0].dump.path, path + "!1.dmp");
  EXPECT_EQ(documents[0].dump.arch, "x64");
  EXPECT_EQ(documents[1].dump.path, path + "!2.dmp");
  EXPECT_EQ(documents[1].dump.arch, "x86");
  EXPECT_EQ(unpacking, (std::vector<std::string>{path + "!1.dmp", path + "!2.dmp"}));
}

TEST_F(Archives, WithoutADumpThereIsOneDocumentThatSaysSo) {
  synth::Bytes words = {'w', 'o', 'r', 'd'};
  synth::Bytes packed = pack(Container::zip, {{"readme", words}});
  std::string path = write("a.zip", packed);
  auto documents = analyze(path);
  ASSERT_EQ(documents.size(), 1u);
  ASSERT_TRUE(documents[0].error);
  EXPECT_EQ(documents[0].dump.path, path);
  EXPECT_EQ(documents[0].dump.size, packed.size());
  EXPECT_EQ(documents[0].error->message(),
            "no dump in it: " + documents[0].dump.description + ", which holds readme (text file)");
}

TEST_F(Archives, ADumpThatCannotBeHadIsADocumentWithAnError) {
  synth::Bytes dump = sample("user-x86-access-violation.dmp");
  std::string path =
      write("a.zip", write_archive(Container::zip, {{"MEMORY.DMP", dump}}, "secret"));
  auto documents = analyze(path);
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0].dump.path, path + "!MEMORY.DMP");
  ASSERT_TRUE(documents[0].error);
  EXPECT_EQ(documents[0].error->why, "is encrypted");
}

// Files beside the archive, not beside a name inside of it.
TEST_F(Archives, SiblingsLieBesideTheArchive) {
  synth::Bytes dump = sample("kernel-x64-ws2003sp2-kb961799.dmp");
  fs::copy(kSamples + "/symbols", folder_, fs::copy_options::recursive);
  std::string path = write("a.zip", pack(Container::zip, {{"deep/er/1.dmp", dump}}));
  std::string beside = write("plain.dmp", dump);
  Options options;
  options.trust_siblings = true;
  Analyzer analyzer(rules::builtin_catalogue(), {});
  auto packed = analyzer.analyze(path, options), plain = analyzer.analyze(beside, options);
  EXPECT_TRUE(json(packed) == json(plain));
  bool sibling = json(packed).find("sibling") != std::string::npos;
  EXPECT_TRUE(sibling);
}

} // namespace
} // namespace dumptriage::pipeline
