// The walk loop on stacks laid down by hand: end rules, the cut between sure and guessed, the scan.
#include <gtest/gtest.h>

#include <random>

#include "../arch/fake.h"
#include "stack/walk_loop.h"

namespace dumptriage::stack {
namespace {

using arch::FakeFunctions;
using arch::FakeMemory;
using arch::Machine;

enum { kRax = 0, kRsp = 4, kRip = 16 };
constexpr std::uint64_t kBase = 0x140000000;  // module 0, "a.exe", 1 MiB
constexpr std::uint64_t kOther = 0x150000000; // module 1, "b.dll", without image
constexpr std::uint64_t kStack = 0x10000, kHigh = kStack + 0x1000;

// Functions at 0x1000 (frame of 0x20), 0x2000 (frame of 0x40), 0x3000 (machine frame).
class Walk : public ::testing::Test {
protected:
  FakeMemory memory;
  FakeFunctions functions;
  arch::Registers start;
  std::vector<std::uint64_t> words = std::vector<std::uint64_t>(0x200);

  void SetUp() override {
    functions.add(0x1000, 0x1100, 0x8000);
    functions.add(0x2000, 0x2100, 0x8010);
    functions.add(0x3000, 0x3100, 0x8020);
    memory.put(kBase + 0x8000, {1, 4, 1, 0, 4, 0x32, 0, 0});
    memory.put(kBase + 0x8010, {1, 4, 1, 0, 4, 0x72, 0, 0});
    memory.put(kBase + 0x8020, {1, 0, 1, 0, 0, 0x0A, 0, 0});
    // code: nops, and a call before every address that ends in 5
    std::vector<std::uint8_t> code(0x3000, 0x90);
    for (std::size_t i = 0; i + 5 < code.size(); i += 16) code[i] = 0xE8;
    memory.put(kBase + 0x1000, code);
    start.set(kRip, kBase + 0x1051);
    start.set(kRsp, kStack);
  }
  void put(std::uint64_t address, std::uint64_t value) { words[(address - kStack) / 8] = value; }
  std::vector<memory::AddressSpace::Range> other_stacks;
  Stack go(std::uint64_t low = kStack, std::uint64_t high = kHigh, WalkLimits limits = {}) {
    std::vector<std::uint8_t> bytes;
    for (std::uint64_t word : words)
      for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
    memory.put(kStack, bytes);
    const Ground ground{*arch::find(Machine::x64),
                        functions,
                        memory,
                        [](std::uint64_t a) -> std::optional<std::size_t> {
                          if (a - kBase < 0x100000) return 0;
                          if (a - kOther < 0x100000) return 1;
                          return std::nullopt;
                        },
                        [](std::size_t i) { return std::string(i ? "b.dll" : "a.exe"); },
                        {},
                        other_stacks};
    return walk_on(ground, start, low, high, limits);
  }
};

TEST_F(Walk, AWholeStack) {
  put(kStack + 0x20, kBase + 0x2025);        // into the function at 0x2000
  put(kStack + 0x28 + 0x40, kBase + 0x1035); // into the one at 0x1000
  put(kStack + 0x70 + 0x20, 0);              // the end
  const Stack stack = go();
  ASSERT_EQ(stack.frames.size(), 3u);
  EXPECT_EQ(stack.sure_frames, 3u);
  EXPECT_TRUE(stack.whole);
  EXPECT_EQ(stack.sure_ended, "");
  EXPECT_EQ(stack.frames[0].trust, arch::Trust::context);
  EXPECT_TRUE(stack.frames[0].exact_pc);
  EXPECT_EQ(stack.frames[0].lookup(), kBase + 0x1051);
  EXPECT_EQ(stack.frames[1].pc, kBase + 0x2025);
  EXPECT_EQ(stack.frames[1].sp, kStack + 0x28);
  EXPECT_EQ(stack.frames[1].trust, arch::Trust::unwind_data);
  EXPECT_FALSE(stack.frames[1].exact_pc);
  EXPECT_EQ(stack.frames[1].lookup(), kBase + 0x2024);
  EXPECT_EQ(stack.frames[2].pc, kBase + 0x1035);
  EXPECT_EQ(stack.frames[2].module, 0u);
  EXPECT_EQ(stack.frames[2].module_name, "a.exe");
}

// A function at 0x4000 whose frame register is rbp, `push rbp; mov rbp, rsp`, and that then changes
// to another stack: the kernel's way to the stack for DPCs.
struct TwoStacks : Walk {
  static constexpr std::uint64_t kDpc = kStack + 0x800; // [kDpc, kHigh); the thread's lies below
  void SetUp() override {
    Walk::SetUp();
    functions.add(0x4000, 0x4100, 0x8030);
    memory.put(kBase + 0x8030, {1, 4, 2, 0x05, 4, 0x03, 1, 0x50});
    std::vector<std::uint8_t> code(0x100, 0x90);
    for (std::size_t i = 0; i + 5 < code.size(); i += 16) code[i] = 0xE8;
    memory.put(kBase + 0x4000, code);
    start.set(kRsp, kDpc);
    start.set(5, kStack + 0x100);
    put(kDpc + 0x20, kBase + 0x4025);    // into the one that changed the stack
    put(kStack + 0x100, 0);              // its rbp
    put(kStack + 0x108, kBase + 0x1035); // on the thread's stack
    put(kStack + 0x110 + 0x20, 0);
  }
};

TEST_F(TwoStacks, GoesOverToTheThreadsStack) {
  other_stacks = {{kStack, kStack + 0x400}};
  const Stack stack = go(kDpc, kHigh);
  ASSERT_EQ(stack.frames.size(), 3u) << stack.ended;
  EXPECT_EQ(stack.sure_frames, 3u);
  EXPECT_EQ(stack.frames[1].pc, kBase + 0x4025);
  EXPECT_EQ(stack.frames[2].pc, kBase + 0x1035);
  EXPECT_EQ(stack.frames[2].sp, kStack + 0x110);
  EXPECT_TRUE(stack.whole); // the end near the top of the stack it ended on
}

TEST_F(TwoStacks, NotToAPlaceThatIsNoKnownStack) {
  const Stack stack = go(kDpc, kHigh);
  EXPECT_EQ(stack.sure_frames, 2u);
  EXPECT_FALSE(stack.whole);
}

TEST_F(TwoStacks, EachStackIsEnteredOnce) {
  // The frame on the thread's stack claims that its caller is on the first one again.
  other_stacks = {{kStack, kStack + 0x400}, {kDpc, kHigh}};
  put(kStack + 0x100, kDpc + 0x100);
  put(kStack + 0x108, kBase + 0x4035);
  put(kDpc + 0x100, kStack + 0x100);
  put(kDpc + 0x108, kBase + 0x4025);
  const Stack stack = go(kDpc, kHigh);
  EXPECT_EQ(stack.sure_frames, 3u);
  EXPECT_LT(stack.frames.size(), 80u);
}

TEST_F(Walk, AZeroFarFromTheTopIsNoKnownEnd) {
  const Stack stack = go(kStack, kStack + 0x100000); // the return address is 0, 1 MiB below the top
  EXPECT_EQ(stack.sure_frames, 1u);
  EXPECT_FALSE(stack.whole);
  EXPECT_NE(stack.sure_ended, "");
}

TEST_F(Walk, WithoutAnImageTheSurePartEndsAndSaysWhatIsMissing) {
  put(kStack + 0x20, kOther + 0x100);
  put(kStack + 0x40, kBase + 0x1035); // a value after a call
  put(kStack + 0x48, kBase + 0x1033); // not after a call
  put(kStack + 0x60, 0);
  const Stack stack = go();
  EXPECT_EQ(stack.sure_frames, 2u); // b.dll's own frame is proved by a.exe's unwind data
  EXPECT_NE(stack.sure_ended.find("no image of b.dll"), std::string::npos);
  ASSERT_EQ(stack.frames.size(), 3u);
  EXPECT_EQ(stack.frames[2].pc, kBase + 0x1035);
  EXPECT_EQ(stack.frames[2].trust, arch::Trust::scan);
  EXPECT_FALSE(stack.whole);
}

TEST_F(Walk, ProvedStepsFromAGuessStayGuesses) {
  start.set(kRip, kOther + 0x10);
  put(kStack + 0x18, kBase + 0x1035);
  put(kStack + 0x20 + 0x20, kBase + 0x2025);
  const Stack stack = go();
  EXPECT_EQ(stack.sure_frames, 1u);
  ASSERT_GE(stack.frames.size(), 3u);
  EXPECT_EQ(stack.frames[1].trust, arch::Trust::scan);
  EXPECT_EQ(stack.frames[2].trust, arch::Trust::unwind_data);
  EXPECT_FALSE(stack.whole);
}

TEST_F(Walk, AReturnAddressWithoutACallIsNotSure) {
  put(kStack + 0x20, kBase + 0x2027); // nothing calls before it
  const Stack stack = go();
  EXPECT_EQ(stack.sure_frames, 1u);
  EXPECT_NE(stack.sure_ended.find("does not follow a call"), std::string::npos);
}

TEST_F(Walk, AReturnAddressOutsideAllModulesIsNotSure) {
  put(kStack + 0x20, 0x7FFF12340000);
  const Stack stack = go();
  EXPECT_EQ(stack.sure_frames, 1u);
  EXPECT_NE(stack.sure_ended.find("lies in no known module"), std::string::npos);
}

TEST_F(Walk, ACallThroughNullIsProvedByItsOperand) {
  start.set(kRip, 0);
  start.set(kRax, 0);
  memory = {};
  SetUp();
  start.set(kRip, 0);
  std::vector<std::uint8_t> code(16, 0x90);
  code[6] = 0xFF, code[7] = 0xD0; // call rax, returns to +8
  memory = {};
  memory.put(kBase + 0x2040, code);
  memory.put(kBase + 0x8010, {1, 4, 1, 0, 4, 0x72, 0, 0});
  put(kStack, kBase + 0x2048);
  Stack stack = go();
  ASSERT_GE(stack.frames.size(), 2u);
  EXPECT_EQ(stack.frames[1].pc, kBase + 0x2048);
  EXPECT_EQ(stack.frames[1].sp, kStack + 8);
  EXPECT_EQ(stack.sure_frames, 2u);
  // the register does not hold pc: that call did not lead here
  start.set(kRax, 0x1234);
  stack = go();
  EXPECT_EQ(stack.sure_frames, 1u);
}

TEST_F(Walk, AMachineFrameMaySwitchStacks) {
  put(kStack + 0x20, kBase + 0x3005);
  put(kStack + 0x28, kBase + 0x1077); // rip: interrupted, exact
  put(kStack + 0x40, kStack + 0x400); // rsp
  put(kStack + 0x420, kBase + 0x2025);
  const Stack stack = go();
  ASSERT_GE(stack.frames.size(), 4u);
  EXPECT_TRUE(stack.frames[2].exact_pc);
  EXPECT_EQ(stack.frames[2].pc, kBase + 0x1077);
  EXPECT_EQ(stack.frames[2].sp, kStack + 0x400);
  EXPECT_EQ(stack.frames[3].pc, kBase + 0x2025);
  EXPECT_GE(stack.sure_frames, 4u);
}

TEST_F(Walk, MachineFramesInACircleEnd) {
  start.set(kRip, kBase + 0x3005);
  start.set(kRsp, kStack + 0x20);
  put(kStack + 0x20, kBase + 0x3005);
  put(kStack + 0x38, kStack + 0x20);
  const Stack stack = go();
  EXPECT_LE(stack.sure_frames, 2u);
}

TEST_F(Walk, LimitsAreKept) {
  for (std::uint64_t at = kStack + 0x20; at < kHigh; at += 0x28) put(at, kBase + 0x1035);
  WalkLimits limits;
  limits.frames = 10;
  Stack stack = go(kStack, kHigh, limits);
  EXPECT_EQ(stack.frames.size(), 10u);
  EXPECT_FALSE(stack.whole);
  start.set(kRip, kOther + 0x10);
  limits.guessed_frames = 3;
  stack = go(kStack, kHigh, limits);
  EXPECT_EQ(stack.frames.size(), 4u);
}

TEST_F(Walk, TheWorstOriginTravels) {
  functions.entries[0].origin = memory::Origin::sibling;
  put(kStack + 0x20, kBase + 0x2025);
  put(kStack + 0x68, kBase + 0x2035);
  const Stack stack = go();
  ASSERT_GE(stack.frames.size(), 3u);
  EXPECT_EQ(stack.frames[0].origin, memory::Origin::dump);
  EXPECT_EQ(stack.frames[1].origin, memory::Origin::sibling);
  EXPECT_EQ(stack.frames[2].origin, memory::Origin::sibling);
  EXPECT_GE(stack.sure_frames, 3u);
}

TEST_F(Walk, AContextWithoutRegistersHasNoFrames) {
  start = {};
  const Stack stack = go();
  EXPECT_TRUE(stack.frames.empty());
  EXPECT_EQ(stack.sure_frames, 0u);
  EXPECT_NE(stack.ended, "");
}

TEST_F(Walk, GarbageCostsLittle) {
  std::mt19937_64 random(7);
  for (auto& word : words) word = kBase + random() % 0x100000;
  start.set(kRip, kOther + 0x10);
  const Stack stack = go();
  EXPECT_GT(stack.frames.size(), 1u);
  EXPECT_LE(stack.frames.size(), 1u + WalkLimits{}.guessed_frames);
  EXPECT_LE(stack.work, 110000u);
}

} // namespace
} // namespace dumptriage::stack
