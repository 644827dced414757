// The samples of Windows NT 4.0 for Alpha: executed code, its true stacks, and what is and is not
// said about two known issues of the file server for Macintosh.
#include "samples/true_stacks.h"

namespace dumptriage::samples {
namespace {

std::vector<nlohmann::json> true_frames(const std::string& kb) {
  return read_json(folder() + "/truth/kernel-alpha-nt4-" + kb + ".json")["cpus"][0]["frames"];
}
report::Document of(const char* sample, const std::string& symbols = symbols_folder()) {
  return analyze(read(folder() + "/" + sample), symbols);
}

TEST(Alpha, TheSystem) {
  for (const char* sample : {kAlphaSession, kAlphaIrp}) {
    const report::Document document = of(sample);
    ASSERT_FALSE(document.error) << document.error->message();
    EXPECT_EQ(document.os.family, "nt4");
    EXPECT_EQ(document.os.build, 1381u);
    EXPECT_EQ(document.dump.arch, "alpha");
    EXPECT_NE(document.os.name.find("Windows NT 4.0"), std::string::npos) << document.os.name;
    ASSERT_EQ(document.threads.size(), 1u);
    EXPECT_TRUE(document.threads[0].crashed);
    EXPECT_EQ(document.threads[0].cpu, 0u);
    EXPECT_EQ(document.modules.size(), 3u);
  }
}

TEST(Alpha, EveryFrameOfTheIrpFreedTwice) {
  const report::Document document = of(kAlphaIrp);
  const report::ThreadRow* row = of_cpu(document, 0);
  ASSERT_NE(row, nullptr);
  const auto frames = true_frames("q242896");
  ASSERT_EQ(frames.size(), 9u);
  expect_frames(*row, frames);
  EXPECT_TRUE(row->whole);
}

// How a trap is laid out on the stack is not published: the walk ends at the function that a trap
// enters, says so, and gives nothing behind it.
TEST(Alpha, TheStackOfTheSessionGoneEndsAtTheTrap) {
  const report::Document document = of(kAlphaSession);
  const report::ThreadRow* row = of_cpu(document, 0);
  ASSERT_NE(row, nullptr);
  auto frames = true_frames("q188315");
  const auto interrupted = std::find_if(frames.begin(), frames.end(), [](const auto& frame) {
    return frame["kind"] == "interrupted";
  });
  ASSERT_EQ(interrupted - frames.begin(), 3);
  const std::uint64_t fault = number((*interrupted)["pc"]);
  frames.erase(interrupted, frames.end());
  expect_frames(*row, frames);
  EXPECT_FALSE(row->whole);
  EXPECT_NE(row->sure_ended.find("trap"), std::string::npos) << row->sure_ended;
  // The stop's own parameter names the instruction that the trap interrupted.
  EXPECT_EQ(document.crash.ip, fault);
  EXPECT_EQ(document.crash.address, 0x20u);
  EXPECT_EQ(document.crash.instruction, "ldl t0, 0x20(t1)");
  EXPECT_EQ(document.blame.module, "sfmsrv.sys");
  EXPECT_EQ(document.blame.function, "AfpQueueAttention");
}

TEST(Alpha, NoImageIsAskedForWhereATrapEndsTheStack) {
  const report::Document document = of(kAlphaSession);
  for (const report::Wanted& wanted : document.wanted)
    EXPECT_NE(wanted.kind, "image") << wanted.name;
}

TEST(Alpha, WithoutSymbolsTheFramesAreTheSame) {
  const report::Document document = of(kAlphaIrp, "");
  const report::ThreadRow* row = of_cpu(document, 0);
  ASSERT_NE(row, nullptr);
  const auto frames = true_frames("q242896");
  EXPECT_EQ(row->sure_frames, frames.size());
  expect_no_wrong_frame(*row, frames);
  for (const report::FrameRow& frame : row->frames) EXPECT_TRUE(frame.function.empty());
}

// A module and a code, or a function's name, prove neither article.
TEST(Alpha, TheArticlesAreLikelyAndNeverConfirmed) {
  const report::Document session = of(kAlphaSession), irp = of(kAlphaIrp);
  EXPECT_EQ(verdict(session, "Q188315"), "likely");
  EXPECT_EQ(verdict(session, "Q242896"), "possible");
  EXPECT_EQ(verdict(irp, "Q242896"), "likely");
  EXPECT_EQ(verdict(irp, "Q188315"), "refuted");
  for (const auto& [document, kb] : {std::pair(&session, "Q188315"), std::pair(&irp, "Q242896")})
    EXPECT_EQ(match(*document, kb)->fix_state, "missing");
}

// A return address changed on the stack: whatever is still called sure is true.
TEST(Alpha, ADamagedStackGivesNoWrongFrame) {
  const synth::Bytes dump = read(folder() + "/" + std::string(kAlphaIrp));
  const auto frames = true_frames("q242896");
  for (std::size_t i = 1; i < frames.size(); ++i) {
    synth::Bytes changed = dump, from, to;
    synth::put64(from, 0, number(frames[i]["pc"]) | 0xFFFFFFFF00000000);
    synth::put64(to, 0, 0xFFFFFFFF80600010); // the pool
    ASSERT_GE(replace(changed, from, to), 1) << i;
    const report::Document document = analyze(changed, symbols_folder());
    const report::ThreadRow* row = of_cpu(document, 0);
    ASSERT_NE(row, nullptr);
    ASSERT_LE(row->sure_frames, i + 1);
    for (std::size_t k = 0; k < std::min<std::size_t>(row->sure_frames, i); ++k)
      EXPECT_EQ(row->frames[k].pc, number(frames[k]["pc"])) << k;
  }
}

} // namespace
} // namespace dumptriage::samples
