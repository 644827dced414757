// Stacks of the samples against the truth files, which come from watching the CPU (call
// instructions, or return addresses that each function noted itself): no unwinder took part in
// them.
#include "samples/true_stacks.h"

namespace dumptriage::samples {
namespace {

const report::ThreadRow* by_id(const report::Document& document, const std::string& id) {
  for (const report::ThreadRow& row : document.threads)
    if (row.id == id) return &row;
  return nullptr;
}

// The noted frames that a report shows: the crashed thread's stack begins at the fault.
std::vector<nlohmann::json> shown(const nlohmann::json& cpu, const report::ThreadRow& row) {
  std::vector<nlohmann::json> frames = cpu["frames"];
  if (!row.crashed) return frames;
  auto fault = std::find_if(frames.begin(), frames.end(),
                            [](const auto& frame) { return frame["kind"] == "interrupted"; });
  frames.erase(frames.begin(), fault);
  return frames;
}

TEST(Truth, EveryFrameOfBothCpusOfTheKernelSample) {
  report::Document document = analyze(read(folder() + "/" + kKernel), symbols_folder());
  nlohmann::json truth = read_json(folder() + "/truth/kernel-x64-ws2003sp2-kb961799.json");
  ASSERT_EQ(truth["cpus"].size(), 2u);
  for (const auto& cpu : truth["cpus"]) {
    const report::ThreadRow* row = of_cpu(document, cpu["number"]);
    ASSERT_NE(row, nullptr) << cpu["number"];
    const auto frames = shown(cpu, *row);
    ASSERT_GE(frames.size(), 6u);
    SCOPED_TRACE("CPU " + cpu["number"].dump());
    expect_frames(*row, frames);
  }
}

TEST(Truth, TheKernelSampleWithoutSymbolsHasTheSameSureFrames) {
  TemporaryFolder images;
  images.copy("ntoskrnl.exe");
  images.copy("netbt.sys");
  report::Document document = analyze(read(folder() + "/" + kKernel), images.path());
  nlohmann::json truth = read_json(folder() + "/truth/kernel-x64-ws2003sp2-kb961799.json");
  for (const auto& cpu : truth["cpus"]) {
    const report::ThreadRow* row = of_cpu(document, cpu["number"]);
    ASSERT_NE(row, nullptr);
    const auto frames = shown(cpu, *row);
    ASSERT_EQ(row->sure_frames, frames.size());
    for (std::size_t i = 0; i < row->sure_frames; ++i)
      EXPECT_EQ(row->frames[i].pc, number(frames[i]["pc"]));
  }
}

TEST(Truth, TheTopIsWhatWasInterrupted) {
  report::Document document = analyze(read(folder() + "/" + kKernel), symbols_folder());
  nlohmann::json truth = read_json(folder() + "/truth/kernel-x64-ws2003sp2-kb961799.json");
  for (const auto& cpu : truth["cpus"]) {
    std::vector<std::uint64_t> interrupted, top;
    for (const auto& frame : cpu["frames"])
      if (frame["kind"] == "interrupted") interrupted.push_back(number(frame["pc"]));
    ASSERT_EQ(interrupted.size(), 1u);
    for (const evidence::Fact& fact : document.facts)
      if (fact.kind == "frame" && fact.number("cpu") == cpu["number"].get<std::uint64_t>() &&
          fact.flag("top"))
        top.push_back(fact.number("pc").value_or(0));
    EXPECT_EQ(top, interrupted) << "CPU " << cpu["number"];
  }
}

// The instrumented frames of a thread: where it stands, then every noted return address.
std::vector<std::uint64_t> noted(const nlohmann::json& truth, const nlohmann::json& thread) {
  std::vector<std::uint64_t> pcs;
  if (truth.contains("exception") && truth["exception"]["tid"] == thread["tid"])
    pcs.push_back(number(truth["exception"]["address"]));
  for (const auto& frame : thread["frames_inner_first"]) pcs.push_back(number(frame["ret"]));
  return pcs;
}

TEST(Truth, UserX64CrashedThread) {
  report::Document document =
      analyze(read(folder() + "/" + kUserX64), symbols_folder() + "/x64", pipeline::Threads::all);
  nlohmann::json truth = read_json(folder() + "/truth/user-x64-access-violation.json");
  const auto& thread = truth["threads"][0];
  const report::ThreadRow* row = by_id(document, thread["tid"].dump());
  ASSERT_NE(row, nullptr);
  EXPECT_TRUE(row->crashed);
  std::vector<std::uint64_t> pcs = noted(truth, thread);
  ASSERT_EQ(pcs.size(), 7u);
  // Our two images are at hand, so every frame in them is proved and named; the last pc lies in
  // kernel32, whose image is not.
  ASSERT_GE(row->sure_frames, pcs.size());
  for (std::size_t i = 0; i < pcs.size(); ++i) EXPECT_EQ(row->frames[i].pc, pcs[i]) << i;
  const auto& names = thread["frames_inner_first"];
  for (std::size_t i = 0; i < names.size(); ++i)
    EXPECT_EQ(row->frames[i].function, names[i]["func"].get<std::string>()) << i;
}

// Sure frames inside our images must all be true ones, in their order, and none may stand between.
void nothing_invented(const report::Document& document, const nlohmann::json& truth) {
  for (const auto& thread : truth["threads"]) {
    const report::ThreadRow* row = by_id(document, thread["tid"].dump());
    ASSERT_NE(row, nullptr);
    std::vector<std::uint64_t> pcs = noted(truth, thread);
    std::size_t next = 0;
    for (std::size_t i = 0; i < row->sure_frames; ++i) {
      const report::FrameRow& frame = row->frames[i];
      bool ours = frame.module == "crash.exe" || frame.module == "crashlib.dll";
      auto at = std::find(pcs.begin() + static_cast<std::ptrdiff_t>(next), pcs.end(), frame.pc);
      if (ours) {
        ASSERT_NE(at, pcs.end()) << "invented sure frame " << i << " in " << frame.module;
      }
      if (at != pcs.end()) next = static_cast<std::size_t>(at - pcs.begin()) + 1;
    }
  }
}

TEST(Truth, NothingIsInventedInTheSurePart) {
  for (const char* arch : {"x64", "x86"}) {
    SCOPED_TRACE(arch);
    std::string name = std::string("user-") + arch + "-access-violation";
    report::Document document = analyze(read(folder() + "/" + name + ".dmp"),
                                        symbols_folder() + "/" + arch, pipeline::Threads::all);
    ASSERT_FALSE(document.error);
    nothing_invented(document, read_json(folder() + "/truth/" + name + ".json"));
  }
}

TEST(Truth, UserX86FaultIsNamed) {
  report::Document document = analyze(read(folder() + "/" + kUserX86), symbols_folder() + "/x86");
  nlohmann::json truth = read_json(folder() + "/truth/user-x86-access-violation.json");
  ASSERT_FALSE(document.threads.empty());
  const report::ThreadRow& row = document.threads[0];
  ASSERT_FALSE(row.frames.empty());
  EXPECT_EQ(row.frames[0].pc, number(truth["exception"]["address"]));
  EXPECT_EQ(row.frames[0].function, "Fault");
  EXPECT_EQ(row.frames[0].module, "crash.exe");
  EXPECT_EQ(document.crash.address, 0xdead0024u);
}

TEST(Truth, TheCutDumpKeepsWhatItHas) {
  report::Document whole = analyze(read(folder() + "/" + kKernel), symbols_folder());
  report::Document cut = analyze(read(folder() + "/" + kDamaged), symbols_folder());
  ASSERT_FALSE(cut.error) << cut.error->message();
  EXPECT_FALSE(cut.dump.complete);
  EXPECT_TRUE(whole.dump.complete);
  EXPECT_EQ(cut.crash.code, 0xD1u);
  EXPECT_EQ(cut.modules.size(), whole.modules.size());
  EXPECT_FALSE(cut.notes.empty());
  const report::ThreadRow* crashed = of_cpu(cut, 1);
  const report::ThreadRow* same = of_cpu(whole, 1);
  if (!crashed && !cut.threads.empty()) crashed = &cut.threads[0]; // its CPU number may be lost
  ASSERT_NE(crashed, nullptr);
  ASSERT_NE(same, nullptr);
  ASSERT_EQ(crashed->sure_frames, same->sure_frames);
  for (std::size_t i = 0; i < same->sure_frames; ++i)
    EXPECT_EQ(crashed->frames[i].pc, same->frames[i].pc);
}

} // namespace
} // namespace dumptriage::samples
