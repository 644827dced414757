// Walks against stacks whose truth the CPU noted itself: every test function wrote down its return
// address and the slot that holds it.  Needs the folder of real dumps; the images of Debian's
// libwine 8.0~repack-4 are used when they are at hand (DUMPTRIAGE_WINE_DIR or the installed path).
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "opened.h"
#include "synth/strip_pdb.h"

namespace dumptriage::stack {
namespace {

namespace fs = std::filesystem;
const fs::path kShared = DUMPTRIAGE_SHARED_DIR;

struct TrueFrame {
  std::string function; // that was called
  std::uint64_t pc, sp; // of its caller, right after the return
};
struct TrueThread {
  std::string id;
  std::vector<TrueFrame> frames;
};

std::vector<TrueThread> read_truth(const fs::path& path, int pointer_size) {
  std::ifstream in(path);
  std::vector<TrueThread> threads;
  const nlohmann::json truth = nlohmann::json::parse(in);
  for (const auto& thread : truth["threads"]) {
    TrueThread t{std::to_string(thread["tid"].get<unsigned>()), {}};
    for (const auto& f : thread["frames_inner_first"])
      t.frames.push_back({f["func"], std::stoull(f["ret"].get<std::string>(), nullptr, 16),
                          std::stoull(f["slot"].get<std::string>(), nullptr, 16) + pointer_size});
    threads.push_back(std::move(t));
  }
  return threads;
}

std::string wine_dir(bool is64) {
  const char* named = std::getenv(is64 ? "DUMPTRIAGE_WINE_DIR" : "DUMPTRIAGE_WINE32_DIR");
  if (named) return named;
  const std::string installed = is64 ? "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows"
                                     : "/usr/lib/i386-linux-gnu/wine/i386-windows";
  return fs::exists(installed) ? installed : "";
}

bool ours(const Frame& frame) {
  return frame.module_name == "crash.exe" || frame.module_name == "crashlib.dll";
}

// How many true frames stand, in order, in the first `count` frames.
std::size_t true_frames_in(const Stack& stack, std::size_t count, const TrueThread& truth) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < count && next < truth.frames.size(); ++i)
    if (stack.frames[i].pc == truth.frames[next].pc && stack.frames[i].sp == truth.frames[next].sp)
      ++next;
  return next;
}

// A sure frame in the test's own images must be a true one (frame 0 is the context itself), unless
// the truth, which keeps the innermost 64, has been left behind.  The innermost noted function
// itself has no entry when it stands in the middle of the stack: it may appear once, under its
// name.
void expect_nothing_invented(const Stack& stack, const TrueThread& truth) {
  std::size_t next = 0;
  bool inner_seen = ours(stack.frames[0]);
  for (std::size_t i = 1; i < stack.sure_frames && next < truth.frames.size(); ++i) {
    const Frame& frame = stack.frames[i];
    if (frame.pc == truth.frames[next].pc && frame.sp == truth.frames[next].sp) {
      ++next;
      continue;
    }
    const bool named = frame.symbol && !frame.symbol->symbol.far && frame.symbol->symbol.bounded;
    const bool inner = next == 0 && ours(frame) && !inner_seen &&
                       (!named || frame.symbol->symbol.function == truth.frames[0].function);
    inner_seen |= inner;
    EXPECT_TRUE(inner || (!ours(frame) && frame.module)) << "invented frame " << i << '\n'
                                                         << print(stack);
  }
}

// The caller of one noted function is the next noted function.
void expect_true_names(const Stack& stack, const TrueThread& truth) {
  std::size_t next = 0;
  for (const Frame& frame : stack.frames) {
    if (next + 1 >= truth.frames.size()) break;
    if (frame.pc != truth.frames[next].pc || frame.sp != truth.frames[next].sp) continue;
    ++next;
    ASSERT_TRUE(frame.symbol) << print(stack);
    EXPECT_EQ(frame.symbol->symbol.function, truth.frames[next].function) << print(stack);
    EXPECT_TRUE(frame.symbol->exact || frame.symbol->symbol.source == symbols::NameSource::pdb);
  }
}

// Every noted function is one of the test's own, compiled with lines.
void expect_true_lines(const Stack& stack, const TrueThread& truth) {
  std::size_t next = 0;
  for (const Frame& frame : stack.frames) {
    if (next >= truth.frames.size()) break;
    if (frame.pc != truth.frames[next].pc || frame.sp != truth.frames[next].sp) continue;
    ++next;
    if (!ours(frame)) continue; // a callback: the caller is in a system DLL
    ASSERT_TRUE(frame.symbol) << print(stack);
    EXPECT_TRUE(frame.symbol->symbol.file.ends_with(".c")) << frame.symbol->symbol.file;
    EXPECT_NE(frame.symbol->symbol.line, 0u) << print(stack);
  }
}

// A true frame has the name of the function that it is in, or says that it has none: no name, or
// one that is marked as far or unbounded.
void expect_true_frames_named_or_not(const Stack& stack, const TrueThread& truth,
                                     std::size_t& named) {
  std::size_t next = 0;
  for (const Frame& frame : stack.frames) {
    if (next + 1 >= truth.frames.size()) break;
    if (frame.pc != truth.frames[next].pc || frame.sp != truth.frames[next].sp) continue;
    ++next;
    if (!frame.symbol || frame.symbol->symbol.far || !frame.symbol->symbol.bounded) continue;
    EXPECT_EQ(frame.symbol->symbol.function, truth.frames[next].function) << print(stack);
    ++named;
  }
}

// The images of a folder, with their PDBs stripped to publics or without any.
class StrippedFolder {
public:
  explicit StrippedFolder(const fs::path& folder, bool with_publics = true)
      : path_(fs::temp_directory_path() /
              fmt::format("dumptriage-oracle-{}-{}", ::getpid(), with_publics)) {
    fs::create_directories(path_);
    for (const char* name : {"crash.exe", "crashlib.dll"})
      fs::copy_file(folder / name, path_ / name, fs::copy_options::overwrite_existing);
    for (const char* name : {"crash.pdb", "crashlib.pdb"}) {
      if (!with_publics) continue;
      std::ifstream in(folder / name, std::ios::binary);
      std::vector<std::uint8_t> pdb{std::istreambuf_iterator<char>(in), {}};
      EXPECT_TRUE(synth::strip_pdb(pdb));
      std::ofstream(path_ / name, std::ios::binary)
          .write(reinterpret_cast<const char*>(pdb.data()),
                 static_cast<std::streamsize>(pdb.size()));
    }
  }
  ~StrippedFolder() { fs::remove_all(path_); }
  StrippedFolder(const StrippedFolder&) = delete;
  StrippedFolder& operator=(const StrippedFolder&) = delete;
  std::string path() const { return path_.string(); }

private:
  fs::path path_;
};

std::vector<fs::path> dumps_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".dmp") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

using Check = std::function<void(const Stack&, const TrueThread&, bool crashed)>;

void check_dumps(const fs::path& folder, bool is64, const std::vector<symbols::SearchRoot>& roots,
                 const Check& check) {
  for (const fs::path& path : dumps_in(folder / "dumps")) {
    SCOPED_TRACE(path.filename().string());
    auto dump = dump::open(path.string());
    ASSERT_TRUE(dump) << dump.error().message();
    Opened opened(std::move(*dump), roots);
    fs::path truth_path = path;
    truth_path.replace_extension(".truth.json");
    const auto truths = read_truth(truth_path, is64 ? 8 : 4);
    ASSERT_FALSE(truths.empty());
    for (const TrueThread& truth : truths) {
      const auto& threads = opened.snapshot.threads;
      const auto thread = std::find_if(threads.begin(), threads.end(),
                                       [&](const auto& t) { return t.id == truth.id; });
      ASSERT_NE(thread, threads.end());
      ASSERT_TRUE(thread->context);
      const Stack stack = opened.walk_thread(*thread);
      if (std::getenv("DUMPTRIAGE_PRINT"))
        std::cout << path.filename() << " thread " << truth.id << '\n' << print(stack);
      expect_nothing_invented(stack, truth);
      check(stack, truth, thread->crashed);
    }
  }
}

void check_folder(const fs::path& folder, bool is64, bool with_images, bool with_wine,
                  const Check& check) {
  std::vector<symbols::SearchRoot> roots;
  if (with_images) roots.push_back({folder.string(), memory::Origin::image});
  if (with_wine) roots.push_back({wine_dir(is64), memory::Origin::image});
  check_dumps(folder, is64, roots, check);
}

std::vector<symbols::SearchRoot> with_wine(const std::string& images) {
  std::vector<symbols::SearchRoot> roots{{images, memory::Origin::image}};
  if (!wine_dir(true).empty()) roots.push_back({wine_dir(true), memory::Origin::image});
  return roots;
}

// The images of the test and of Wine, the full PDBs: every true frame is sure, in order, with its
// name, file and line, and the stack is known to its end.
TEST(Oracle, X64WithWineImagesEveryTrueFrameIsSure) {
  const fs::path folder = kShared / "oracles/user/clang-x86_64";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no folder of real dumps";
  if (wine_dir(true).empty()) GTEST_SKIP() << "skipped: no libwine images";
  check_folder(folder, true, true, true, [](const Stack& stack, const TrueThread& truth, bool) {
    EXPECT_EQ(true_frames_in(stack, stack.sure_frames, truth), truth.frames.size()) << print(stack);
    expect_true_names(stack, truth);
    expect_true_lines(stack, truth);
  });
}

// Publics are all that vendors give away: a frame gets the right function's public or none.
TEST(Oracle, X64WithPublicsOnlyNoWrongName) {
  const fs::path folder = kShared / "oracles/user/clang-x86_64";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no folder of real dumps";
  const StrippedFolder stripped(folder);
  std::size_t named = 0;
  check_dumps(folder, true, with_wine(stripped.path()),
              [&](const Stack& stack, const TrueThread& truth, bool) {
                expect_true_frames_named_or_not(stack, truth, named);
              });
  EXPECT_GE(named, 5u); // most of the noted functions are static
}

// No PDB at all: exports and unwind data of the images.
TEST(Oracle, X64WithoutSymbolsEveryTrueFrameIsSure) {
  const fs::path folder = kShared / "oracles/user/clang-x86_64";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no folder of real dumps";
  if (wine_dir(true).empty()) GTEST_SKIP() << "skipped: no libwine images";
  const StrippedFolder images(folder, false);
  std::size_t named = 0;
  check_dumps(folder, true, with_wine(images.path()),
              [&](const Stack& stack, const TrueThread& truth, bool) {
                EXPECT_EQ(true_frames_in(stack, stack.sure_frames, truth), truth.frames.size())
                    << print(stack);
                expect_true_frames_named_or_not(stack, truth, named);
              });
}

TEST(Oracle, X64WithOwnImagesOnly) {
  const fs::path folder = kShared / "oracles/user/clang-x86_64";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no folder of real dumps";
  check_folder(folder, true, true, false, [](const Stack& stack, const TrueThread& truth, bool) {
    // where the stack starts in our images nothing else is needed
    if (ours(stack.frames[0]) || stack.frames[0].pc == 0)
      EXPECT_EQ(true_frames_in(stack, stack.sure_frames, truth), truth.frames.size())
          << print(stack);
    else
      EXPECT_GT(true_frames_in(stack, stack.frames.size(), truth), 0u) << print(stack);
  });
}

// What was scanned is never in front of the marked end of the sure part.
TEST(Oracle, X64WithoutImagesNothingIsInvented) {
  const fs::path folder = kShared / "oracles/user/clang-x86_64";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no folder of real dumps";
  check_folder(folder, true, false, false, [](const Stack& stack, const TrueThread&, bool) {
    EXPECT_GE(stack.sure_frames, 1u);
    EXPECT_FALSE(stack.whole) << print(stack);
    EXPECT_FALSE(stack.sure_ended.empty()) << print(stack);
    for (std::size_t i = 0; i < stack.sure_frames; ++i)
      EXPECT_NE(stack.frames[i].trust, arch::Trust::scan) << print(stack);
  });
}

// What the truth says and how much of it was found, over all dumps of a folder.
struct Tally {
  std::size_t sure = 0, guessed = 0, total = 0;
  void count(const Stack& stack, const TrueThread& truth) {
    const std::size_t all = true_frames_in(stack, stack.frames.size(), truth);
    const std::size_t proved = true_frames_in(stack, stack.sure_frames, truth);
    sure += proved;
    guessed += all - proved;
    total += truth.frames.size();
  }
  void print(const char* setting) const {
    if (std::getenv("DUMPTRIAGE_PRINT"))
      std::cout << fmt::format("{}: {} sure, {} guessed, of {}\n", setting, sure, guessed, total);
  }
};

// The true frames that a stack can show: a deep one is cut at the walk's limit.
bool all_sure(const Stack& stack, const TrueThread& truth) {
  return true_frames_in(stack, stack.sure_frames, truth) == truth.frames.size();
}

TEST(Oracle, X86WithWineImagesEveryTrueFrameIsSure) {
  const fs::path folder = kShared / "oracles/user/clang-i686";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no folder of real dumps";
  if (wine_dir(false).empty()) GTEST_SKIP() << "skipped: no libwine images";
  Tally tally;
  check_folder(folder, false, true, true, [&](const Stack& stack, const TrueThread& truth, bool) {
    tally.count(stack, truth);
    EXPECT_TRUE(all_sure(stack, truth)) << print(stack);
    expect_true_names(stack, truth);
  });
  tally.print("x86, PDBs and all images");
}

TEST(Oracle, X86WithOwnImagesOnly) {
  const fs::path folder = kShared / "oracles/user/clang-i686";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no folder of real dumps";
  Tally tally;
  check_folder(folder, false, true, false, [&](const Stack& stack, const TrueThread& truth, bool) {
    tally.count(stack, truth);
    // where the stack starts in our images nothing else is needed
    if (ours(stack.frames[0]) || stack.frames[0].pc == 0)
      EXPECT_TRUE(all_sure(stack, truth)) << print(stack);
  });
  tally.print("x86, PDBs, no system images");
}

// Images without their PDBs, in a folder of their own.
TEST(Oracle, X86WithoutPdbs) {
  const fs::path folder = kShared / "oracles/user/clang-i686";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no folder of real dumps";
  const fs::path images = fs::temp_directory_path() / "dumptriage-oracle-x86-images";
  fs::create_directories(images);
  for (const char* name : {"crash.exe", "crashlib.dll"})
    fs::copy_file(folder / name, images / name, fs::copy_options::overwrite_existing);
  Tally tally;
  std::vector<symbols::SearchRoot> roots{{images.string(), memory::Origin::image}};
  if (!wine_dir(false).empty()) roots.push_back({wine_dir(false), memory::Origin::image});
  check_dumps(folder, false, roots, [&](const Stack& stack, const TrueThread& truth, bool) {
    tally.count(stack, truth);
    if (ours(stack.frames[0]) && roots.size() == 2)
      EXPECT_TRUE(all_sure(stack, truth)) << print(stack);
  });
  tally.print("x86, images, no PDBs");
  fs::remove_all(images);
}

TEST(Oracle, X86NothingIsInvented) {
  const fs::path folder = kShared / "oracles/user/clang-i686";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no folder of real dumps";
  for (bool with_images : {false, true}) {
    Tally tally;
    check_folder(folder, false, with_images, with_images && !wine_dir(false).empty(),
                 [&](const Stack& stack, const TrueThread& truth, bool) {
                   tally.count(stack, truth);
                   EXPECT_GE(stack.sure_frames, 1u);
                 });
    if (!with_images) tally.print("x86, the dump alone");
  }
}

} // namespace
} // namespace dumptriage::stack
