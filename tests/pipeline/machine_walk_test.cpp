// Stacks of kernels of ours that ran in an emulator on two CPUs.  Every function of them noted its
// own return address and the slot that holds it, every trap handler what it interrupted; so the
// truth is the CPU's, and no unwinder took part in it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include <nlohmann/json.hpp>

#include "pipeline/parts.h"
#include "synth/archives.h"

namespace dumptriage::pipeline {
namespace {

namespace fs = std::filesystem;
const fs::path kFolder = DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels";

std::vector<std::string> machine_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder))
    if (const std::string file = entry.path().filename().string(); file.ends_with(".truth.json"))
      names.push_back(file.substr(0, file.size() - 11));
  std::sort(names.begin(), names.end());
  return names;
}
std::uint64_t number(const nlohmann::json& text) {
  return std::stoull(text.get<std::string>(), nullptr, 16);
}

std::string print(const stack::Stack& stack, const std::string& from) {
  std::string text = "from " + from + "\n";
  char line[256];
  for (const stack::Frame& f : stack.frames) {
    std::snprintf(line, sizeof line, "pc %lx sp %lx %s %s!%s%s\n", f.pc, f.sp,
                  std::string(arch::name_of(f.trust)).c_str(), f.module_name.c_str(),
                  f.symbol ? f.symbol->symbol.function.c_str() : "?", f.exact_pc ? " exact" : "");
    text += line;
  }
  return text + "sure " + std::to_string(stack.sure_frames) + ": " + stack.sure_ended +
         "\nended: " + stack.ended + "\n";
}

struct Machine : ::testing::TestWithParam<std::string> {
  nlohmann::json truth;
  synth::Bytes bytes;
  dump::Dump dump;
  system::Snapshot snapshot;
  std::unique_ptr<symbols::Store> store;
  std::unique_ptr<symbols::ModuleSet> modules;
  Walks walks;
  std::set<std::string> noting; // functions that note themselves

  void SetUp() override {
    std::ifstream in(kFolder / (GetParam() + ".truth.json"));
    truth = nlohmann::json::parse(in);
    auto unpacked = synth::unpacked_file((kFolder / (GetParam() + ".dmp.xz")).string());
    if (!unpacked) GTEST_SKIP() << "skipped: no xz in this libarchive";
    bytes = std::move(*unpacked);
    auto opened =
        dump::open(MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "MEMORY.DMP"));
    ASSERT_TRUE(opened) << opened.error().message();
    dump = std::move(*opened);
    snapshot = system::take_snapshot(dump);
    const fs::path images = kFolder / truth["kernel"].get<std::string>();
    store = std::make_unique<symbols::Store>(
        std::vector<symbols::SearchRoot>{{images.string(), memory::Origin::image}});
    modules = std::make_unique<symbols::ModuleSet>(snapshot.modules, snapshot.memory,
                                                   snapshot.machine, store.get());
    walks = walk_threads(snapshot, *modules, Threads::all);
    for (const char* list : {"cpus", "threads"})
      for (const auto& owner : truth[list])
        for (const auto& frame : owner.value("frames", nlohmann::json::array()))
          if (frame.contains("function")) noting.insert(frame["function"]);
  }

  std::optional<std::size_t> thread_at(std::uint64_t object) const {
    for (std::size_t i = 0; i < snapshot.threads.size(); ++i)
      if (snapshot.threads[i].object == object) return i;
    return std::nullopt;
  }

  // Every noted frame from where the stack begins stands in the sure part, in order; and between
  // them only functions that note nothing.
  void check(const nlohmann::json& frames, std::size_t thread) {
    const stack::Stack& stack = walks.stacks[thread];
    const std::string text = print(stack, walks.context_from[thread]);
    const auto pointer = static_cast<std::uint64_t>(arch::find(snapshot.machine)->pointer_size);
    ASSERT_FALSE(stack.frames.empty()) << text;
    std::set<std::size_t> met;
    std::size_t next = 0;
    bool began = !snapshot.threads[thread].crashed || !snapshot.stop.fault_context;
    for (const auto& noted : frames) {
      const bool trap = noted["kind"] == "trap";
      const std::uint64_t pc = number(noted["pc"]);
      const std::uint64_t sp = number(noted["slot"]) + (trap ? 0 : pointer);
      if (pc == 0) continue; // the end
      began |= trap;         // a stack that starts at the fault leaves out the stop's machinery
      if (!began) continue;
      while (next < stack.sure_frames &&
             (stack.frames[next].pc != pc || stack.frames[next].sp != sp))
        ++next;
      ASSERT_LT(next, stack.sure_frames) << noted << '\n' << text;
      met.insert(next);
    }
    for (std::size_t i = 0; i < stack.sure_frames; ++i) {
      if (met.contains(i)) continue;
      ASSERT_TRUE(stack.frames[i].symbol) << i << '\n' << text;
      EXPECT_FALSE(noting.contains(stack.frames[i].symbol->symbol.function)) << i << '\n' << text;
    }
    if (std::getenv("DUMPTRIAGE_PRINT")) std::fputs(text.c_str(), stdout);
  }
};

TEST_P(Machine, EveryTrueFrameOfEveryCpuIsSure) {
  for (const auto& cpu : truth["cpus"]) {
    const auto thread = thread_at(number(cpu["thread"]));
    ASSERT_TRUE(thread) << cpu["number"];
    EXPECT_EQ(snapshot.threads[*thread].crashed, cpu["crashed"].get<bool>());
    check(cpu["frames"], *thread);
  }
}

TEST_P(Machine, EveryTrueFrameOfEveryWaitingThreadIsSure) {
  std::size_t checked = 0;
  for (const auto& noted : truth["threads"]) {
    if (noted.value("state", "") == "running" || !noted.contains("frames") ||
        noted["frames"].empty() || noted["frames"][0]["kind"] != "switch")
      continue;
    const auto thread = thread_at(number(noted["object"]));
    ASSERT_TRUE(thread) << noted["name"];
    SCOPED_TRACE(noted["name"].get<std::string>());
    // A thread that has not run yet resumes at the first instruction of its start, behind no call:
    // nothing proves that, and nothing is shown.
    if (noted["frames"][0].value("offset", 1) == 0) {
      EXPECT_TRUE(walks.stacks[*thread].frames.empty());
      continue;
    }
    check(noted["frames"], *thread);
    ++checked;
  }
  EXPECT_GT(checked, 3u);
}

// Without images and symbols beside the dump less is proved, and nothing wrong.
TEST_P(Machine, WithoutSymbolsNoSureFrameIsWrong) {
  system::Snapshot bare = system::take_snapshot(dump);
  symbols::ModuleSet no_symbols(bare.modules, bare.memory, bare.machine, nullptr);
  const Walks less = walk_threads(bare, no_symbols, Threads::all);
  const auto pointer = static_cast<std::uint64_t>(arch::find(bare.machine)->pointer_size);
  std::set<std::pair<std::uint64_t, std::uint64_t>> noted;
  for (const char* list : {"cpus", "threads"})
    for (const auto& owner : truth[list])
      for (const auto& frame : owner.value("frames", nlohmann::json::array()))
        noted.emplace(number(frame["pc"]),
                      number(frame["slot"]) + (frame["kind"] == "trap" ? 0 : pointer));
  std::size_t sure = 0;
  for (std::size_t i = 0; i < bare.threads.size(); ++i)
    for (std::size_t f = 0; f < less.stacks[i].sure_frames; ++f) {
      const stack::Frame& frame = less.stacks[i].frames[f];
      if (noted.contains({frame.pc, frame.sp})) {
        ++sure;
        continue;
      }
      const auto name = modules->name(frame.lookup());
      ASSERT_TRUE(name) << print(less.stacks[i], less.context_from[i]);
      EXPECT_FALSE(noting.contains(name->symbol.function))
          << name->symbol.function << ' ' << f << '\n'
          << print(less.stacks[i], less.context_from[i]);
    }
  EXPECT_GT(sure, 10u);
}

// Where a trap lies between the stop and the thread, the stack begins at what it interrupted.
TEST_P(Machine, TheCrashedStackBeginsAtTheFault) {
  const auto& cpu = truth["cpus"][0]["crashed"] ? truth["cpus"][0] : truth["cpus"][1];
  const std::string how = truth["stop"]["how"];
  const bool faulted =
      std::ranges::any_of(cpu["frames"], [](const auto& f) { return f["kind"] == "trap"; });
  const auto thread = thread_at(number(cpu["thread"]));
  ASSERT_TRUE(thread);
  const std::string text = print(walks.stacks[*thread], walks.context_from[*thread]);
  EXPECT_EQ(snapshot.stop.fault_context.has_value(), faulted) << text;
  if (!faulted) return;
  for (const auto& noted : cpu["frames"]) {
    if (noted["kind"] != "trap") continue;
    EXPECT_EQ(walks.stacks[*thread].frames[0].pc, number(noted["pc"])) << text;
    EXPECT_TRUE(walks.stacks[*thread].frames[0].exact_pc);
    EXPECT_NE(walks.context_from[*thread], "header") << text;
    if (how == "stack") {
      EXPECT_NE(walks.context_from[*thread].find("double fault"), std::string::npos) << text;
    }
    return;
  }
  ADD_FAILURE() << "no trap was noted";
}

INSTANTIATE_TEST_SUITE_P(All, Machine, ::testing::ValuesIn(machine_names()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

} // namespace
} // namespace dumptriage::pipeline
