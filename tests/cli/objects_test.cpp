// --locks, --irps and --pool from outside, on kernels of ours that ran.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <nlohmann/json.hpp>

#include "synth/archives.h"
#include "synth/schema.h"

namespace dumptriage {
namespace {

namespace fs = std::filesystem;
const std::string kMachines = DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels/";

class ObjectOptions : public testing::Test {
protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "dumptriage-objects-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    if (!synth::unpacked_file(kMachines + "w7-x64-deadlock.dmp.xz"))
      GTEST_SKIP() << "skipped: no xz in this libarchive";
  }
  void TearDown() override { fs::remove_all(folder_); }

  int run(const std::string& machine, const std::string& options) {
    std::string line = "'" DUMPTRIAGE_PROGRAM "' analyze --no-siblings '" + kMachines + machine +
                       ".dmp.xz' " + options + " >'" + (folder_ / "out").string() + "' 2>&1";
    int status = std::system(line.c_str());
    std::ifstream file(folder_ / "out");
    std::stringstream text;
    text << file.rdbuf();
    out_ = text.str();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  bool said(const std::string& part) const { return out_.find(part) != std::string::npos; }

  fs::path folder_;
  std::string out_;
};

TEST_F(ObjectOptions, DeadlockIsInTheTextByItself) {
  ASSERT_EQ(run("w7-x64-deadlock", ""), 0);
  EXPECT_TRUE(said("Deadlock: 2 threads wait for each other"));
  EXPECT_TRUE(said("Deadlock: 3 threads wait for each other"));
  EXPECT_FALSE(said("I/O requests"));
  EXPECT_FALSE(said("Pool around"));
  ASSERT_EQ(run("w7-x64-fault", ""), 0);
  EXPECT_FALSE(said("Deadlock"));
}

TEST_F(ObjectOptions, IrpsAndPool) {
  std::ifstream in(kMachines + "w7-x64-deadlock.truth.json");
  auto truth = nlohmann::json::parse(in);
  std::string address = truth["pool"][0]["address"];
  ASSERT_EQ(run("w7-x64-deadlock", "--irps --pool " + address), 0);
  EXPECT_TRUE(said("I/O requests"));
  EXPECT_TRUE(said("\\Driver\\sfmsrv"));
  EXPECT_TRUE(said("AfpB  allocated, nonpaged"));
}

TEST_F(ObjectOptions, PoolStopShowsItsPage) {
  ASSERT_EQ(run("w7-x64-pool", ""), 0);
  EXPECT_TRUE(said("INCONSISTENT"));
  EXPECT_TRUE(said("has tag 'AfpB'"));
}

TEST_F(ObjectOptions, JsonHoldsAllOfIt) {
  ASSERT_EQ(run("w7-x64-deadlock", "--format json --locks --pool 'fffffa80`00c06a40'"), 0);
  for (const std::string& error :
       synth::schema_errors(out_, DUMPTRIAGE_SOURCE_DIR "/docs/report.schema.json"))
    ADD_FAILURE() << error;
  auto json = nlohmann::json::parse(out_);
  EXPECT_EQ(json["waits"]["cycles"].size(), 2u);
  EXPECT_EQ(json["irps"].size(), 1u);
  ASSERT_EQ(json["pool"].size(), 1u);
  EXPECT_EQ(json["pool"][0]["asked"], "0xFFFFFA8000C06A40");
  bool waits = false;
  for (const auto& thread : json["threads"]) waits |= thread.contains("wait_objects");
  EXPECT_TRUE(waits);
}

TEST_F(ObjectOptions, AddressThatIsNone) {
  EXPECT_EQ(run("w7-x64-fault", "--pool zz"), 2);
  EXPECT_TRUE(said("zz is no hexadecimal address"));
}

} // namespace
} // namespace dumptriage
