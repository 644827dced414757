// The recorded states as whole dumps: what the report's JSON says about the stack must be what the
// unwinders alone have found, and the truth.  Every 47th state of each program, or every n-th where
// DUMPTRIAGE_VECTORS_EVERY is n (1: all, some minutes).
#include <cstdio>
#include <cstdlib>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pipeline/analyze.h"
#include "vectors/moved.h"
#include "vectors/paper_dump.h"
#include "vectors/walk_alone.h"

namespace dumptriage::vectors {
namespace {

using arch::Machine;
using nlohmann::json;

constexpr std::size_t kStride = 47, kMostExamples = 8; // no multiple of a bundle's slots

std::size_t stride() {
  const char* every = std::getenv("DUMPTRIAGE_VECTORS_EVERY");
  const int n = every != nullptr ? std::atoi(every) : 0;
  return n > 0 ? static_cast<std::size_t>(n) : kStride;
}

json report_of(const Bytes& dump) {
  static pipeline::Analyzer analyzer({}, {});
  pipeline::Options options;
  options.threads = pipeline::Threads::crashed;
  options.judge = false;
  return json::parse(report::to_json(analyzer.analyze(
      MappedFile::borrow(ByteView(dump.data(), dump.size()), "recorded.dmp"), options)));
}

struct Tally {
  std::string name;
  std::string never; // what no dump may be said to have shown
  std::size_t dumps = 0, same = 0, frames = 0, names = 0, wrong = 0;
  std::map<std::string, std::size_t> settled; // what the dumps showed
  std::map<std::string, std::size_t> ended;   // why stacks that fall short do
  std::vector<std::string> wrongs, examples;

  void bad(const Snapshot& snapshot, const std::string& what) {
    if (wrong++ < kMostExamples)
      wrongs.push_back(
          fmt::format("wrong: step {}, pc {:x}: {}", snapshot.step, snapshot.pc, what));
  }
  void fault(const Snapshot& snapshot, const std::string& what) {
    if (examples.size() < kMostExamples)
      examples.push_back(fmt::format("step {}, pc {:x}: {}", snapshot.step, snapshot.pc, what));
  }
  void print() const {
    std::printf(
        "%-44s %5zu dumps, %5zu as the unwinder alone; %5zu sure frames, %5zu names; wrong %zu\n",
        name.c_str(), dumps, same, frames, names, wrong);
    for (const auto& [text, count] : settled) std::printf("    %5zu %s\n", count, text.c_str());
    for (const auto& [text, count] : ended)
      std::printf("    %5zu fall short: %s\n", count, text.c_str());
    for (const std::string& text : wrongs) std::printf("    %s\n", text.c_str());
    for (const std::string& text : examples) std::printf("    %s\n", text.c_str());
  }
};

std::uint64_t address_in(const json& frame, const char* key) {
  return std::stoull(frame.at(key).get<std::string>(), nullptr, 16);
}

// The name that the exports give: that of the function.  A piece that was cut off has none of its
// own.
bool is_named(const json& frame, const Frame& truth) {
  const std::string name = frame.value("function", "");
  return name.empty() ? truth.function.ends_with("_cold") || truth.function.ends_with(".cold")
                      : name == truth.function;
}

// How many sure frames there are; nothing when one of them is wrong.
std::optional<std::size_t> sure_frames(const json& thread, const Snapshot& snapshot,
                                       std::uint64_t mask, Tally& tally) {
  std::size_t count = 0;
  for (const json& frame : thread.at("frames")) {
    if (!frame.at("sure")) break;
    const Frame* truth = count < snapshot.frames.size() ? &snapshot.frames[count] : nullptr;
    if (truth == nullptr || ((address_in(frame, "pc") ^ truth->pc) & mask) ||
        ((address_in(frame, "sp") ^ truth->sp) & mask)) {
      tally.bad(snapshot, fmt::format("frame {} is {}", count, frame.dump()));
      return std::nullopt;
    }
    if (is_named(frame, *truth))
      ++tally.names;
    else
      tally.fault(snapshot, fmt::format("name: frame {} is {}", count, frame.dump()));
    ++count;
  }
  tally.frames += count;
  return count;
}

// Without what differs from dump to dump, to be counted.
std::string kind_of(const std::string& text, const char* end) {
  return text.substr(0, text.find(end));
}

void judge(const PaperImage& paper, const Snapshot& snapshot, const Bytes& dump, Tally& tally) {
  ++tally.dumps;
  const json report = report_of(dump);
  ASSERT_FALSE(report.contains("error")) << report["error"].dump();
  ASSERT_EQ(report.at("threads").size(), 1u);
  const json& thread = report["threads"][0];
  const std::uint64_t mask = paper.image.machine == Machine::alpha ? 0xFFFFFFFF : ~std::uint64_t{0};
  if (const std::string settled = thread.value("settled", ""); !settled.empty()) {
    ++tally.settled[kind_of(settled, ":")];
    if (!tally.never.empty() && settled.find(tally.never) != std::string::npos)
      tally.bad(snapshot, settled + "; " + thread.value("sure_ended", ""));
  }
  Score score;
  const std::size_t alone = std::min(walk_alone(paper.image, snapshot, score), frames_of(snapshot));
  const auto sure = sure_frames(thread, snapshot, mask, tally);
  if (!sure) return;
  if (*sure >= alone) {
    ++tally.same;
    return;
  }
  const std::string why = thread.value("sure_ended", thread.value("ended", ""));
  ++tally.ended[kind_of(kind_of(why, " ("), ": read")];
  tally.fault(snapshot,
              fmt::format("{} sure frames, {} by the unwinder alone: {}", *sure, alone, why));
}

void alpha(const Program& program, Machine machine) {
  const PaperImage paper = paper_image(program, machine);
  Tally tally;
  tally.name = program.name + ", " + std::string(arch::name_of(machine));
  for (std::size_t i = 0; i < program.snapshots.size(); i += stride())
    judge(paper, program.snapshots[i], paper_dump(paper, program.snapshots[i]), tally);
  tally.print();
  EXPECT_EQ(tally.same, tally.dumps) << tally.name;
  EXPECT_EQ(tally.names, tally.frames) << tally.name;
  EXPECT_EQ(tally.wrong, 0u) << tally.name;
}

struct Convention {
  const char* name;
  synth::RsBsp bsp;
  bool flushed;
};
// RsBSP and RsBSPSTORE of an interrupted frame.  In the last form the frame's own registers are not
// known to be in memory, so that a walk may fall short; it must still not take one for another.
constexpr Convention kConventions[] = {{"base, RsBSPSTORE = top", synth::RsBsp::base, true},
                                       {"top, RsBSPSTORE = top", synth::RsBsp::top, true},
                                       {"base, RsBSPSTORE = base", synth::RsBsp::base, false}};

// Each with nothing above the innermost frame in the backing store, and with what calls that have
// returned left there.
void itanium(const Program& program, const Convention& convention, bool stale) {
  const bool top = convention.bsp == synth::RsBsp::top;
  const PaperImage paper = paper_image(program, Machine::ia64, !top);
  Tally tally;
  tally.never = top ? "is the base" : "is the top";
  tally.name = fmt::format("{}, RsBSP = {}{}", program.name, convention.name,
                           stale ? ", stale words above" : "");
  Piece left;
  for (std::size_t i = 0; i < program.snapshots.size(); ++i) {
    const Snapshot& snapshot = program.snapshots[i];
    const Piece& now = snapshot.backing;
    if (i % stride() == 0)
      judge(paper, snapshot,
            paper_dump(paper, snapshot,
                       {convention.bsp, convention.flushed, stale ? &left : nullptr}),
            tally);
    left.address = now.address;
    if (left.bytes.size() < now.bytes.size()) left.bytes.resize(now.bytes.size());
    std::ranges::copy(now.bytes, left.bytes.begin());
  }
  tally.print();
  // Which reading held, in the report's words: never the other one.
  const auto held = tally.settled.find(top ? "RsBSP is the top of the interrupted frame"
                                           : "RsBSP is the base of the interrupted frame");
  EXPECT_TRUE(held != tally.settled.end()) << tally.name;
  if (convention.flushed) {
    EXPECT_EQ(tally.same, tally.dumps) << tally.name;
  }
  EXPECT_EQ(tally.names, tally.frames) << tally.name;
  EXPECT_EQ(tally.wrong, 0u) << tally.name;
}

TEST(EndToEnd, DumpsOfRecordedStates) {
  const std::vector<std::string> names = programs();
  if (names.empty()) GTEST_SKIP() << "skipped: no recorded states in " << folder();
  for (const std::string& name : names) {
    const auto program = read(name);
    if (!program) {
      ADD_FAILURE() << program.error();
      continue;
    }
    if (program->itanium) {
      for (const Convention& convention : kConventions)
        for (bool stale : {false, true}) itanium(*program, convention, stale);
    } else {
      alpha(*program, Machine::alpha64);
      if (!fits_32_bits(*program)) continue;
      alpha(*program, Machine::alpha);
      alpha(in_upper_half(*program), Machine::alpha);
    }
  }
}

} // namespace
} // namespace dumptriage::vectors
