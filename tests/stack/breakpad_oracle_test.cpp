// Real dumps with Breakpad symbol files, against the stacks that other programs committed beside
// them.  Needs the folder of real dumps.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/wire.h"
#include "opened.h"

namespace dumptriage::stack {
namespace {

namespace fs = std::filesystem;
const fs::path kBreakpad =
    fs::path(DUMPTRIAGE_SHARED_DIR) / "corpus/user-breakpad/google+breakpad/src/processor/testdata";
const fs::path kSymbolicator =
    fs::path(DUMPTRIAGE_SHARED_DIR) / "corpus/user-sentry/getsentry+symbolicator/tests/fixtures";

class BreakpadOracle : public testing::Test {
protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("dumptriage-breakpad-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // The corpus has some symbol files under other names.
  void lend(const fs::path& file, const char* name) {
    fs::copy_file(file, folder_ / name, fs::copy_options::overwrite_existing);
  }
  std::unique_ptr<Opened> open(const fs::path& path, const fs::path& more = {}) {
    auto dump = dump::open(path.string());
    if (!dump) return nullptr;
    std::vector<symbols::SearchRoot> roots{{folder_.string(), memory::Origin::image}};
    if (!more.empty()) roots.push_back({more.string(), memory::Origin::image});
    return std::make_unique<Opened>(std::move(*dump), std::move(roots));
  }
  static Stack crashed(Opened& opened) {
    for (const system::ThreadState& thread : opened.snapshot.threads) {
      if (!thread.crashed) continue;
      const auto& fault = opened.snapshot.stop.fault_context;
      if (fault) return opened.walk_from(*fault, thread);
      if (thread.context) return opened.walk_thread(thread);
    }
    return {};
  }
  fs::path folder_;
};

struct Expected {
  std::string module, function, file;
  std::uint32_t line = 0;
};

void expect_frames(const Stack& stack, const std::vector<Expected>& expected) {
  ASSERT_GE(stack.frames.size(), expected.size()) << print(stack);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Frame& frame = stack.frames[i];
    EXPECT_EQ(frame.module_name, expected[i].module) << i << '\n' << print(stack);
    EXPECT_EQ(frame.symbol ? frame.symbol->symbol.function : "", expected[i].function)
        << i << '\n'
        << print(stack);
    if (expected[i].line == 0 || !frame.symbol) continue;
    EXPECT_EQ(frame.symbol->symbol.line, expected[i].line) << i;
    EXPECT_TRUE(frame.symbol->symbol.file.ends_with(expected[i].file)) << frame.symbol->symbol.file;
  }
}

// "0|1|test_app.exe|main|c:\test_app.cc|65|0x5" of the thread 0.
std::vector<Expected> machine_readable(const fs::path& path) {
  std::vector<Expected> frames;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> fields(1);
    for (char c : line) c == '|' ? fields.emplace_back() : fields.back() += c;
    if (fields.size() < 7 || fields[0] != "0") continue;
    frames.push_back({fields[2], fields[3], fields[4],
                      fields[5].empty() ? 0 : static_cast<std::uint32_t>(std::stoul(fields[5]))});
  }
  return frames;
}

TEST_F(BreakpadOracle, Minidump2EqualsTheCommittedStack) {
  if (!fs::exists(kBreakpad)) GTEST_SKIP() << "skipped: no folder of real dumps";
  lend(kBreakpad / "module0.out", "test_app.sym");
  auto opened = open(kBreakpad / "minidump2.dmp", kBreakpad / "symbols");
  ASSERT_TRUE(opened);
  const auto expected = machine_readable(kBreakpad / "minidump2.stackwalk.machine_readable.out");
  ASSERT_EQ(expected.size(), 4u);
  const Stack stack = crashed(*opened);
  EXPECT_EQ(stack.frames.size(), 4u) << print(stack);
  expect_frames(stack, expected);
  // By the records of both symbol files; where no code is at hand they are no proof of an exact pc.
  for (std::size_t i = 1; i < stack.frames.size(); ++i)
    EXPECT_EQ(stack.frames[i].trust, arch::Trust::frame_data) << print(stack);
}

// What lies in the slot of crash.pdb is a cabinet with a Breakpad file in it.
TEST_F(BreakpadOracle, SymbolicatorsWindowsDump) {
  if (!fs::exists(kSymbolicator)) GTEST_SKIP() << "skipped: no folder of real dumps";
  auto opened = open(kSymbolicator / "windows.dmp", kSymbolicator / "symbols");
  ASSERT_TRUE(opened);
  const Stack stack = crashed(*opened);
  expect_frames(stack, {{"crash.exe", "main", "main.cpp", 35},
                        {"crash.exe", "__scrt_common_main_seh", "exe_common.inl", 283},
                        {"kernel32.dll", ""},
                        {"ntdll.dll", ""},
                        {"ntdll.dll", ""}});
  ASSERT_GE(stack.frames.size(), 5u);
  const std::uint64_t pcs[] = {0x2A2A3D, 0x2A2D97, 0x750662C4, 0x771D0F79, 0x771D0F44};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(stack.frames[i].pc, pcs[i]) << print(stack);
  EXPECT_GE(stack.sure_frames, 3u) << print(stack);
}

// Rules of DWARF in a symbol file prove frames of Linux programs up to libc's start.
TEST_F(BreakpadOracle, LinuxFramesByCallFrameRules) {
  if (!fs::exists(kBreakpad)) GTEST_SKIP() << "skipped: no folder of real dumps";
  auto opened = open(kBreakpad / "linux_overflow.dmp", kBreakpad / "symbols");
  ASSERT_TRUE(opened);
  Stack stack = crashed(*opened);
  ASSERT_GE(stack.sure_frames, 8u) << print(stack);
  const std::pair<std::size_t, const char*> names[] = {
      {0, "gsignal"}, {1, "abort"}, {5, "overflow"}, {6, "main"}, {7, "__libc_start_main"}};
  for (const auto& [index, name] : names) {
    ASSERT_TRUE(stack.frames[index].symbol);
    EXPECT_EQ(stack.frames[index].symbol->symbol.function, name) << print(stack);
  }
  opened = open(kBreakpad / "linux_null_read_av.dmp", kBreakpad / "symbols");
  ASSERT_TRUE(opened);
  stack = crashed(*opened);
  ASSERT_GE(stack.sure_frames, 3u) << print(stack);
  EXPECT_EQ(stack.frames[0].symbol->symbol.function, "crash");
  EXPECT_EQ(stack.frames[1].symbol->symbol.function, "main");
  EXPECT_EQ(stack.frames[2].symbol->symbol.function, "__libc_start_main");
}

// Both shapes of INLINE records on one dump.
TEST_F(BreakpadOracle, InlinedCallsOfBothShapes) {
  const fs::path folder = kBreakpad / "symbols/linux_inline/BBA6FA10B8AAB33D00000000000000000";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no folder of real dumps";
  for (const char* shape : {"linux_inline.new.sym", "linux_inline.old.sym"}) {
    SCOPED_TRACE(shape);
    lend(folder / shape, "linux_inline.sym");
    auto opened = open(kBreakpad / "linux_inline.dmp");
    ASSERT_TRUE(opened);
    const Stack stack = crashed(*opened);
    ASSERT_GE(stack.frames.size(), 1u);
    ASSERT_TRUE(stack.frames[0].symbol) << print(stack);
    const auto& symbol = *stack.frames[0].symbol;
    EXPECT_EQ(symbol.symbol.function, "main");
    EXPECT_EQ(symbol.symbol.line, 42u);
    ASSERT_EQ(symbol.inlines.size(), 3u);
    EXPECT_EQ(symbol.inlines[0].function, "func");
    EXPECT_EQ(symbol.inlines[1].function, "bar");
    EXPECT_EQ(symbol.inlines[1].line, 32u);
    EXPECT_EQ(symbol.inlines[2].function, "foo");
    EXPECT_EQ(symbol.inlines[2].line, 39u);
  }
}

} // namespace
} // namespace dumptriage::stack
