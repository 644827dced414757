#include "batch/scan.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

#include "dump/archives.h"

namespace dumptriage::batch {
namespace {

namespace fs = std::filesystem;
const fs::path kSamples = DUMPTRIAGE_SOURCE_DIR "/dumps-samples";

class Scan : public testing::Test {
protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("dumptriage-batch-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void add(const std::string& name, const std::string& sample) {
    fs::create_directories((folder_ / name).parent_path());
    fs::copy(kSamples / sample, folder_ / name);
  }
  void write(const std::string& name, const std::string& bytes) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  report::ShareDocument run(const std::vector<std::string>& paths, Callbacks callbacks = {}) {
    pipeline::Analyzer analyzer(rules::builtin_catalogue(),
                                {{(kSamples / "symbols").string(), memory::Origin::image}});
    return scan(paths, analyzer, {}, callbacks);
  }

  fs::path folder_;
};

TEST_F(Scan, BucketsAndKnownIssues) {
  add("b/one.dmp", "kernel-x64-ws2003sp2-kb961799.dmp");
  add("a/two.dmp", "kernel-x64-ws2003sp2-kb961799.dmp");
  add("c/other.dmp", "user-x64-access-violation.dmp");
  write("c/readme.txt", "no dump");
  std::vector<std::string> seen;
  Callbacks callbacks;
  callbacks.document = [&](const report::Document& d) { seen.push_back(d.dump.path); };
  report::ShareDocument share = run({folder_.string()}, callbacks);
  EXPECT_EQ(seen, (std::vector<std::string>{folder_ / "a/two.dmp", folder_ / "b/one.dmp",
                                            folder_ / "c/other.dmp"}));
  EXPECT_EQ(share.analysed, 3u);
  EXPECT_EQ(share.failed, 0u);
  EXPECT_EQ(share.other_files, 1u);
  ASSERT_EQ(share.buckets.size(), 2u);
  EXPECT_EQ(share.buckets[0].count, 2u);
  EXPECT_EQ(share.buckets[0].first_path, folder_ / "a/two.dmp");
  EXPECT_EQ(share.buckets[0].kb, "KB961799");
  EXPECT_EQ(share.buckets[1].count, 1u);
  EXPECT_EQ(share.buckets[1].verdict, "");
  ASSERT_EQ(share.kbs.size(), 1u);
  EXPECT_EQ(share.kbs[0].kb, "KB961799");
  EXPECT_EQ(share.kbs[0].count, 2u);
  EXPECT_EQ(share.kbs[0].verdict, "confirmed");
  ASSERT_EQ(share.rows.size(), 3u);
  EXPECT_EQ(share.rows[0].stop, "0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL");
}

TEST_F(Scan, FilesThatFailAreRows) {
  write("cut.dmp", std::string("PAGEDU64", 8));
  report::ShareDocument share = run({folder_.string(), (folder_ / "missing.dmp").string()});
  EXPECT_EQ(share.failed, 2u);
  ASSERT_EQ(share.rows.size(), 2u);
  EXPECT_TRUE(share.rows[0].failed);
  EXPECT_FALSE(share.rows[1].error.empty());
  EXPECT_TRUE(share.buckets.empty());
}

// A file named by hand is wanted, whatever it is; one met in a folder is only counted.
TEST_F(Scan, NamedFilesAreAlwaysReported) {
  write("letter.txt", "no dump");
  EXPECT_EQ(run({folder_.string()}).rows.size(), 0u);
  EXPECT_EQ(run({folder_.string()}).other_files, 1u);
  report::ShareDocument named = run({(folder_ / "letter.txt").string()});
  EXPECT_EQ(named.failed, 1u);
  EXPECT_EQ(named.other_files, 0u);
}

TEST_F(Scan, LinksPipesAndLoops) {
  add("real/one.dmp", "user-x64-access-violation.dmp");
  fs::create_directory_symlink(folder_, folder_ / "real/loop");
  fs::create_symlink(folder_ / "real/one.dmp", folder_ / "link.dmp");
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  report::ShareDocument share = run({folder_.string()});
  EXPECT_EQ(share.rows.size(), 1u);
  EXPECT_EQ(share.other_files, 0u);
}

TEST_F(Scan, StopEndsTheScan) {
  add("1.dmp", "user-x64-access-violation.dmp");
  add("2.dmp", "user-x64-access-violation.dmp");
  int documents = 0;
  Callbacks callbacks;
  callbacks.document = [&](const report::Document&) { ++documents; };
  callbacks.stop = [&] { return documents == 1; };
  EXPECT_EQ(run({folder_.string()}, callbacks).rows.size(), 1u);
}

TEST_F(Scan, ProgressCountsEveryFile) {
  add("1.dmp", "user-x64-access-violation.dmp");
  write("2.txt", "no dump");
  std::vector<std::uint64_t> done;
  Callbacks callbacks;
  callbacks.progress = [&](const Progress& p) {
    EXPECT_EQ(p.found, 2u);
    done.push_back(p.done);
  };
  run({folder_.string()}, callbacks);
  EXPECT_EQ(done, (std::vector<std::uint64_t>{0, 1, 2}));
}

TEST_F(Scan, DeepFoldersDoNotRecurse) {
  fs::path deep = folder_;
  for (int i = 0; i < 400; ++i) deep /= "d";
  fs::create_directories(deep);
  EXPECT_EQ(run({folder_.string()}).rows.size(), 0u);
}

// Archives are looked into; one that holds no dump is a file like any other, unless it was named.
TEST_F(Scan, LooksIntoArchives) {
  std::ifstream in(kSamples / "user-x64-access-violation.dmp", std::ios::binary);
  std::vector<char> chars{std::istreambuf_iterator<char>(in), {}};
  synth::Bytes dump(chars.begin(), chars.end()), words = {'w', 'o', 'r', 'd'};
  auto add_archive = [&](const std::string& name, const std::vector<tests::Packed>& items,
                         const char* password = nullptr) {
    synth::Bytes bytes = tests::write_archive(tests::Container::zip, items, password);
    write(name, std::string(bytes.begin(), bytes.end()));
  };
  add_archive("a.zip", {{"1.dmp", dump}, {"2.dmp", dump}});
  add_archive("b.zip", {{"readme", words}});
  add_archive("c.zip", {{"MEMORY.DMP", dump}}, "secret");
  add_archive("d.zip", {{"letter", words}}, "secret");
  std::vector<std::string> progress;
  Callbacks callbacks;
  callbacks.progress = [&](const Progress& p) { progress.push_back(p.path); };
  report::ShareDocument share = run({folder_.string()}, callbacks);
  EXPECT_EQ(share.analysed, 2u);
  EXPECT_EQ(share.failed, 1u);
  EXPECT_EQ(share.other_files, 2u);
  ASSERT_EQ(share.rows.size(), 3u);
  std::string a = (folder_ / "a.zip").string();
  EXPECT_EQ(share.rows[0].path, a + "!1.dmp");
  EXPECT_EQ(share.rows[1].path, a + "!2.dmp");
  EXPECT_EQ(share.rows[2].error, "is encrypted");
  EXPECT_NE(std::find(progress.begin(), progress.end(), "unpacking " + a + "!2.dmp"),
            progress.end());
  share = run({(folder_ / "b.zip").string()});
  ASSERT_EQ(share.rows.size(), 1u);
  EXPECT_TRUE(share.rows[0].failed);
}

} // namespace
} // namespace dumptriage::batch
