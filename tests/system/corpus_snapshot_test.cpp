// Snapshots of the real minidumps: what must hold between their parts, and the manifest's operating
// system.  Skipped where the folder of real dumps is missing.
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "system/snapshot.h"

namespace dumptriage::system {
namespace {

const std::string kCorpus = std::string(DUMPTRIAGE_SHARED_DIR) + "/corpus/";

struct Row {
  std::string path, os, event;
};

std::vector<Row> manifest() {
  std::vector<Row> rows;
  std::ifstream in(kCorpus + "MANIFEST.tsv");
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> column;
    std::stringstream stream(line);
    for (std::string part; std::getline(stream, part, '\t');) column.push_back(part);
    if (column.size() >= 7 && column[3] == "MDMP" && !column[0].starts_with("malformed/"))
      rows.push_back({column[0], column[5], column[6]});
  }
  return rows;
}

class CorpusSnapshot : public testing::Test {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(kCorpus + "MANIFEST.tsv"))
      GTEST_SKIP() << "skipped: the folder of real dumps is missing (" << kCorpus << ")";
  }
};

void check_windows(const Row& row, const Snapshot& s) {
  static const std::regex kOs(R"(winnt (\d+)\.(\d+)\.(\d+)(?: Service Pack (\d+))?)");
  std::smatch match;
  ASSERT_TRUE(std::regex_search(row.os, match, kOs));
  EXPECT_EQ(s.os.major, std::stoul(match[1]));
  EXPECT_EQ(s.os.minor, std::stoul(match[2]));
  EXPECT_EQ(s.os.build, std::stoul(match[3]));
  EXPECT_EQ(s.os.service_pack, match[4].matched ? std::stoul(match[4]) : 0);
  EXPECT_FALSE(s.os.family.empty());
  ASSERT_FALSE(s.processes.empty());
  EXPECT_TRUE(lower(s.processes[0].name).ends_with(".exe")) << s.processes[0].name;
  EXPECT_NE(s.processes[0].id, 0u);
  EXPECT_TRUE(s.uptime_seconds);
}

void check_registers(const Snapshot& s, const arch::Arch& arch) {
  for (const ThreadState& thread : s.threads) {
    ASSERT_TRUE(thread.context) << thread.id;
    auto sp = thread.context->get(arch.sp);
    ASSERT_TRUE(sp && thread.context->get(arch.pc));
    if (thread.stack_high != 0 && thread.crashed) {
      EXPECT_LE(thread.stack_low, *sp) << thread.id;
      EXPECT_GT(thread.stack_high, *sp) << thread.id;
    }
  }
}

TEST_F(CorpusSnapshot, PartsOfEachSnapshotAgree) {
  std::size_t windows = 0, faults = 0, with_threads = 0;
  for (const Row& row : manifest()) {
    SCOPED_TRACE(row.path);
    auto dump = dump::open(kCorpus + row.path);
    if (!dump) continue;
    Snapshot s = take_snapshot(*dump);
    EXPECT_EQ(s.threads.size(), dump->minidump->threads.size());
    bool exception = dump->minidump->exception.has_value();
    EXPECT_EQ(s.stop.exception.has_value(), exception);
    if (s.stop.kind == StopKind::exception && !s.threads.empty()) {
      EXPECT_TRUE(s.threads[0].crashed);
      EXPECT_EQ(s.threads[0].id, std::to_string(dump->minidump->exception->thread_id));
    }
    const arch::Arch* arch = arch::find(s.machine);
    if (arch && !s.threads.empty()) {
      ++with_threads;
      check_registers(s, *arch);
    }
    if (!row.os.starts_with("winnt")) continue;
    ++windows;
    check_windows(row, s);
    // The CPU stops at the instruction that faults.
    if (s.stop.code == 0xC0000005 && s.stop.fault_context) {
      ++faults;
      EXPECT_EQ(s.stop.fault_context->get(arch->pc), s.stop.exception->address);
    }
  }
  EXPECT_GE(windows, 30u);
  EXPECT_GE(faults, 20u);
  EXPECT_GE(with_threads, 70u);
}

// Registers and system of one dump as symbolicator's snapshot of it prints them.
TEST_F(CorpusSnapshot, RegistersAgreeWithSymbolicator) {
  const std::string folder = "user-sentry/getsentry+symbolicator/";
  auto dump = dump::open(kCorpus + folder + "tests/fixtures/windows.dmp");
  ASSERT_TRUE(dump);
  Snapshot s = take_snapshot(*dump);
  std::ifstream in(kCorpus + folder +
                   "crates/symbolicator-native/tests/integration/snapshots/"
                   "integration__process_minidump__minidump_windows.snap");
  const arch::Arch* arch = arch::find(s.machine);
  ASSERT_NE(arch, nullptr);
  std::size_t thread = 0, compared = 0;
  std::string id;
  static const std::regex kThread(R"(\s*- thread_id: (\d+))");
  static const std::regex kRegister(R"re(\s*(e[a-z][a-z]): "0x([0-9a-f]+)")re");
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (std::regex_match(line, match, kThread)) id = match[1];
    if (!std::regex_match(line, match, kRegister)) continue;
    for (thread = 0; thread < s.threads.size() && s.threads[thread].id != id;) ++thread;
    ASSERT_LT(thread, s.threads.size());
    for (std::size_t i = 0; i < arch->register_names.size(); ++i)
      if (arch->register_names[i] == match[1].str()) {
        ++compared;
        EXPECT_EQ(s.threads[thread].context->get(static_cast<int>(i)),
                  std::stoull(match[2], nullptr, 16))
            << id << " " << match[1];
      }
  }
  EXPECT_GE(compared, 4u * 9);
  EXPECT_EQ(s.crash_time, iso_time_from_unix(1521713273));
  // ProductType 3: a 32-bit process of a 64-bit server.
  EXPECT_EQ(s.os.name, "Windows Server 2016 (build 14393), x86");
}

} // namespace
} // namespace dumptriage::system
