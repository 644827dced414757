// frame_sequence, "module!*", and which stacks are looked at.
#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

// KiTrap0E <- NpCancelWaitQueueIrp <- (IofCallDriver) <- IoCancelIrp on CPU 0's crashed stack.
std::vector<Fact> npfs_stack() {
  return {frame(0, 0, "ntoskrnl.exe", "_KiTrap0E", false, true),
          frame(0, 1, "npfs.sys", "_NpCancelWaitQueueIrp@8", true, true),
          frame(0, 2, "ntoskrnl.exe", "@IofCallDriver@8", false, true),
          frame(0, 3, "ntoskrnl.exe", "_IoCancelIrp@4", false, true)};
}

TEST(FrameSequence, InOrderWithGaps) {
  const FactSet set = with(npfs_stack());
  const std::pair<const char*, const char*> cases[] = {
      {"[npfs!NpCancelWaitQueueIrp, nt!IoCancelIrp]", "yes"},
      {"[nt!_KiTrap0E, npfs!NpCancelWaitQueueIrp, nt!IoCancelIrp]", "yes"},
      {"[nt!IoCancelIrp, npfs!NpCancelWaitQueueIrp]", "no"},
      {"[npfs!NpCancelWaitQueueIrp, npfs!NpCancelWaitQueueIrp]", "no"}, // one frame, not two
      {"[npfs!NpCancelWaitQueueIrp, nt!IoFreeIrp]", "no"},
      {"['npfs!*', nt!IoCancelIrp]", "yes"},
      {"[npfs!NpCancelWaitQueueIrp, [nt!IoFreeIrp, nt!IoCancelIrp]]", "yes"},
      {"['np*!NpCancel*', 'nt!Io*']", "yes"},
  };
  for (auto [frames, expected] : cases)
    EXPECT_EQ(answer(std::string("frame_sequence: ") + frames, set), expected) << frames;
  EXPECT_EQ(answer("frame_sequence: [npfs!NpCancelWaitQueueIrp, nt!IoFreeIrp]",
                   seen_in_part(npfs_stack())),
            "cannot tell");
}

TEST(FrameSequence, OneGuessMakesAllWeak) {
  std::vector<Fact> stack = npfs_stack();
  stack[3].fields["trust"] = text("scan");
  const char* condition = "frame_sequence: [npfs!NpCancelWaitQueueIrp, nt!IoCancelIrp]";
  EXPECT_EQ(answer(condition, with(stack)), "weak yes");
  // The sure frame behind it serves as well.
  Fact again = frame(0, 4, "ntoskrnl.exe", "IoCancelIrp", false, true);
  stack.push_back(again);
  EXPECT_EQ(answer(condition, with(stack)), "yes");
  Finding finding = judge_condition(condition, with(stack));
  EXPECT_EQ(finding.facts, (std::vector<std::string>{"frame:cpu 0:1", "frame:cpu 0:4"}));
}

TEST(FrameSequence, OnOneStackOnly) {
  const std::vector<Fact> facts = {
      frame_of("10", 0, "a.sys", "AlphaFunction"), frame_of("14", 0, "b.sys", "BravoFunction"),
      frame_of("18", 0, "a.sys", "AlphaFunction"), frame_of("18", 1, "b.sys", "BravoFunction")};
  const std::string sequence = "frame_sequence: {frames: [a!AlphaFunction, b!BravoFunction], on: ";
  EXPECT_EQ(answer(sequence + "any_thread}", with(facts)), "yes");
  EXPECT_EQ(answer(sequence + "any_thread}", with({facts[0], facts[1]})), "no");
  EXPECT_EQ(answer(sequence + "any_cpu}", with(facts)), "no");
  EXPECT_EQ(answer(sequence + "crashing_thread}", with(facts)), "no");
  FactSet some = with({facts[0], facts[1]});
  cover(some, "thread", Extent::partial);
  EXPECT_EQ(answer(sequence + "any_thread}", some), "cannot tell");
}

TEST(Frames, AnyPlaceOfAModuleNeedsNoName) {
  Fact nameless = frame(0, 0, "sfmsrv.sys", "", false, true);
  nameless.fields.erase("function");
  nameless.fields["name_exact"] = false;
  const FactSet set = with({nameless, frame(0, 1, "ntoskrnl.exe", "IoFreeIrp", false, true)});
  EXPECT_EQ(answer("frame_sequence: ['sfmsrv!*', nt!IoFreeIrp]", set), "yes");
  EXPECT_EQ(answer("frame_function: 'sfmsrv!*'", set), "yes");
  EXPECT_EQ(answer("frame_function: 'sfmsrv!Sfm*'", set), "no");
}

TEST(FrameModule, MachineryOfTheStopIsNotCounted) {
  // Where the top is not known, a frame of the kernel may be the stop's own.
  const std::vector<Fact> stack = {frame(0, 0, "ntoskrnl.exe", "KeBugCheckEx", false, true),
                                   frame(0, 1, "tcpip.sys", "Send", false, true)};
  EXPECT_EQ(answer("frame_module: {module: nt, within: 2}", with(stack)), "weak yes");
  EXPECT_EQ(answer("frame_module: {module: tcpip, within: 2}", with(stack)), "yes");
}

} // namespace
} // namespace dumptriage::rules::test
