// The crashing program as several compilers build it: tests/data/builds, made by
// tools/samples/builds and dumped by Wine.  Beside each dump lies what the program noted itself:
// every noted function's return address and the stack slot that holds it.  Only the program's own
// images and symbols are here, none of the system's; SURE.tsv says how many true frames of each
// thread are at least sure.
#include <map>

#include "samples/samples.h"
#include "synth/archives.h"

namespace dumptriage::samples {
namespace {

namespace fs = std::filesystem;
const fs::path kBuilds = DUMPTRIAGE_SOURCE_DIR "/tests/data/builds";

struct NotedFrame {
  std::string function; // that was called
  std::uint64_t pc, sp; // of its caller, right after the return
};
struct NotedThread {
  std::string id, what;
  bool all; // the noted frames are all there were; of deep stacks the innermost are kept
  std::vector<NotedFrame> frames;
};

std::vector<NotedThread> read_truth(const fs::path& path, std::uint64_t word) {
  auto number = [](const nlohmann::json& text) {
    return std::stoull(text.get<std::string>(), nullptr, 16);
  };
  std::vector<NotedThread> threads;
  const nlohmann::json truth = read_json(path.string());
  for (const auto& thread : truth["threads"]) {
    NotedThread noted{thread["tid"].dump(), thread["what"], true, {}};
    for (const auto& frame : thread["frames_inner_first"])
      noted.frames.push_back({frame["func"], number(frame["ret"]), number(frame["slot"]) + word});
    noted.all = thread["total"].get<std::size_t>() == noted.frames.size();
    threads.push_back(std::move(noted));
  }
  return threads;
}

// Without what linkers and gcc's copies add: _ThreadCrash@4, LockBoth.constprop.0
std::string plain(std::string name) {
  name = name.substr(0, name.find_first_of(".@"));
  return name.substr(std::min(name.find_first_not_of('_'), name.size()));
}

bool own(const report::FrameRow& row) {
  return row.module == "crash.exe" || row.module == "crashlib.dll";
}
bool at(const report::FrameRow& row, const NotedFrame& frame) {
  return row.pc == frame.pc && row.sp == frame.sp;
}

// Calls that were inlined have rows of their own in front of the frame they ran in.
bool same_place(const report::FrameRow& a, const report::FrameRow& b) {
  return a.pc == b.pc && a.sp == b.sp;
}

struct Judged {
  std::size_t sure = 0;   // true frames that stand, in order, in the sure part
  std::string wrong;      // the first sure frame that is none of the program's
  std::string wrong_name; // the first true frame with the name of another function
};

// A recursive function that stopped on its way in has not noted itself: its return address is that
// of the calls around it, one frame further.
bool not_noted_yet(const report::FrameRow& row, const std::vector<NotedFrame>& frames) {
  return frames.size() > 1 && frames[0].pc == frames[1].pc && row.pc == frames[0].pc &&
         row.sp == 2 * frames[0].sp - frames[1].sp;
}

// The frames of `row` are true ones; besides them the sure part may hold frames of the system
// before the first and behind the last, and once the innermost noted function, which the system
// called from.
Judged judge(const report::ThreadRow& row, const NotedThread& noted) {
  Judged result;
  const auto& frames = noted.frames;
  std::size_t next = 0;
  bool inner = false;
  for (std::size_t i = 0; i < row.frames.size(); ++i) {
    const report::FrameRow& frame = row.frames[i];
    if (i + 1 < row.frames.size() && same_place(frame, row.frames[i + 1])) continue; // inlined
    const bool sure = i < row.sure_frames, first = same_place(frame, row.frames[0]);
    if (next < frames.size() && at(frame, frames[next])) {
      result.sure += sure;
      if (++next < frames.size() && !frame.name_source.empty() &&
          plain(frame.function) != frames[next].function)
        result.wrong_name = frame.function + " is " + frames[next].function;
      continue;
    }
    if (!sure) continue;
    bool allowed = !own(frame) && (next == 0 || next == frames.size());
    if (next == 0 && !allowed) {
      const bool named_right =
          frame.name_source.empty() || plain(frame.function) == frames[0].function;
      allowed = (!inner && named_right) || not_noted_yet(frame, frames);
      inner = true;
    }
    if (next == frames.size() && !noted.all) allowed = true; // nothing is known of these
    if (!allowed && !first && result.wrong.empty())
      result.wrong = "frame " + std::to_string(frame.index) + " " + frame.module + "!" +
                     frame.function + " pc " + std::to_string(frame.pc);
  }
  return result;
}

// One build's images and symbols, unpacked, and its dumps.
struct Build {
  TemporaryFolder images;
  std::map<std::string, synth::Bytes> dumps; // by scenario
  explicit Build(const std::string& name) {
    for (const auto& entry : fs::directory_iterator(kBuilds / name)) {
      if (entry.path().extension() != ".xz") continue;
      auto bytes = synth::unpacked_file(entry.path().string());
      const fs::path file = entry.path().stem();
      if (!bytes)
        ADD_FAILURE() << entry.path();
      else if (file.extension() == ".dmp")
        dumps[file.stem().string()] = std::move(*bytes);
      else
        images.add(file.string(), *bytes);
    }
  }
};

std::vector<std::string> build_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kBuilds))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

struct Thread {
  std::string name; // "BUILD SCENARIO WHAT"
  std::size_t noted = 0;
  Judged judged;
};

// Every thread that noted frames, of every dump.
std::vector<Thread> judge_all(bool with_images) {
  std::vector<Thread> threads;
  for (const std::string& name : build_names()) {
    Build build(name);
    for (const auto& [scenario, dump] : build.dumps) {
      const report::Document document =
          analyze(dump, with_images ? build.images.path() : "", pipeline::Threads::all);
      const auto truth = read_truth(kBuilds / name / (scenario + ".truth.json"),
                                    name.starts_with("x86_64") ? 8 : 4);
      for (const NotedThread& noted : truth) {
        const auto row = std::find_if(document.threads.begin(), document.threads.end(),
                                      [&](const auto& r) { return r.id == noted.id; });
        EXPECT_TRUE(row != document.threads.end()) << name << ' ' << scenario << ' ' << noted.id;
        if (row == document.threads.end()) continue;
        threads.push_back(
            {name + '\t' + scenario + '\t' + noted.what, noted.frames.size(), judge(*row, noted)});
      }
    }
  }
  return threads;
}

void expect_nothing_wrong(const std::vector<Thread>& threads) {
  for (const Thread& thread : threads) {
    EXPECT_EQ(thread.judged.wrong, "") << thread.name;
    EXPECT_EQ(thread.judged.wrong_name, "") << thread.name;
  }
}

std::map<std::string, std::size_t> read_sure() {
  std::map<std::string, std::size_t> rows;
  std::ifstream in(kBuilds / "SURE.tsv");
  std::string line;
  std::getline(in, line); // heads
  while (std::getline(in, line)) {
    const std::size_t sure = line.rfind('\t'), noted = line.rfind('\t', sure - 1);
    rows[line.substr(0, noted)] = std::stoull(line.substr(sure + 1));
  }
  return rows;
}

void write_sure(const std::vector<Thread>& threads) {
  std::ofstream out(kBuilds / "SURE.tsv");
  out << "build\tscenario\tthread\tnoted\tsure\n";
  for (const Thread& thread : threads)
    out << thread.name << '\t' << thread.noted << '\t' << thread.judged.sure << '\n';
}

TEST(Builds, NoSureFrameIsWrongAndTheTrueOnesAreSure) {
  const std::vector<Thread> threads = judge_all(true);
  ASSERT_GT(threads.size(), 20u);
  expect_nothing_wrong(threads);
  if (std::getenv("DUMPTRIAGE_UPDATE_EXPECTED")) {
    write_sure(threads);
    GTEST_SKIP() << "written: SURE.tsv";
  }
  const auto sure = read_sure();
  ASSERT_EQ(sure.size(), threads.size());
  for (const Thread& thread : threads) {
    ASSERT_TRUE(sure.contains(thread.name)) << thread.name;
    EXPECT_GE(thread.judged.sure, sure.at(thread.name)) << thread.name;
  }
}

TEST(Builds, WithoutAnyImageNoSureFrameIsWrong) { expect_nothing_wrong(judge_all(false)); }

} // namespace
} // namespace dumptriage::samples
