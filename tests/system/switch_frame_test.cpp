// Switch frames laid down by hand.
#include <gtest/gtest.h>

#include "../arch/fake.h"
#include "system/switch_frame.h"

namespace dumptriage::system {
namespace {

using arch::Machine;

// A call at +0x1000 of the image, behind which lies +0x1005; none before +0x1105.
struct X86Switch : ::testing::Test {
  static constexpr std::uint64_t kImage = 0x804D7000, kStack = 0xF7A30000, kAt = kStack + 0x2C60;
  std::vector<std::uint64_t> words = {0xFFFFFFFF, 0,   kImage + 0x1005, kAt + 0x80, 0xD1,
                                      0x51,       0xB, kImage + 0x1005};
  std::uint64_t kernel_stack = kAt;
  bool code = true;
  SwitchFrame read() {
    arch::FakeMemory memory;
    if (code) {
      std::vector<std::uint8_t> bytes(0x200, 0x90);
      bytes[0] = 0xE8;
      memory.put(kImage + 0x1000, bytes);
    }
    std::vector<std::uint8_t> bytes;
    for (std::uint64_t word : words)
      for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
    memory.put(kAt, bytes);
    return read_switch_frame(
        memory,
        {Machine::x86, 3790, kernel_stack, {kStack, kStack + 0x3000}, {kImage, kImage + 0x200000}});
  }
};

TEST_F(X86Switch, TheRegistersBehindKiSwapContext) {
  const SwitchFrame frame = read();
  ASSERT_TRUE(frame.registers) << frame.why_not;
  EXPECT_EQ(frame.from, "switch frame");
  EXPECT_EQ(frame.registers->get(8), kImage + 0x1005);
  EXPECT_EQ(frame.registers->get(4), kAt + 0x20);
  EXPECT_EQ(frame.registers->get(5), kAt + 0x80);
  EXPECT_EQ(frame.registers->get(3), 0xBu);
  EXPECT_EQ(frame.registers->get(6), 0x51u);
  EXPECT_EQ(frame.registers->get(7), 0xD1u);
  words[3] = 0; // a thread whose chain of frame pointers ends here
  EXPECT_TRUE(read().registers);
}

TEST_F(X86Switch, EachValueMustFit) {
  const auto good = words;
  const std::pair<int, std::uint64_t> wrong[] = {
      {2, kImage + 0x1105}, {7, kImage + 0x1105}, {2, 0xF8001005}, {7, 0},
      {3, kStack - 4},      {3, kStack + 0x3000}, {3, kAt - 4}};
  for (const auto& [index, value] : wrong) {
    words = good;
    words[static_cast<std::size_t>(index)] = value;
    const SwitchFrame frame = read();
    EXPECT_FALSE(frame.registers) << index;
    EXPECT_FALSE(frame.why_not.empty());
  }
  words = good;
  for (std::uint64_t at : {kAt + 2, kAt + 4, kStack + 0x2FF0, kStack - 0x20, std::uint64_t{0}}) {
    kernel_stack = at;
    EXPECT_FALSE(read().registers) << at;
  }
  kernel_stack = kAt;
  code = false; // an address in the image alone proves nothing
  EXPECT_FALSE(read().registers);
}

struct X64Switch : ::testing::Test {
  static constexpr std::uint64_t kImage = 0xFFFFF80002800000, kStack = 0xFFFFF88002CA0000,
                                 kAt = kStack + 0x5D00;
  std::vector<std::uint64_t> words = std::vector<std::uint64_t>(16);
  std::uint32_t build = 7601;
  SwitchFrame read() {
    arch::FakeMemory memory;
    std::vector<std::uint8_t> bytes(0x200, 0x90);
    bytes[0] = 0xE8;
    memory.put(kImage + 0x1000, bytes);
    bytes.clear();
    for (std::uint64_t word : words)
      for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
    memory.put(kAt, bytes);
    return read_switch_frame(
        memory, {Machine::x64, build, kAt, {kStack, kStack + 0x6000}, {kImage, kImage + 0x600000}});
  }
};

TEST_F(X64Switch, SinceVista) {
  words[6] = 0x1234;
  words[7] = kImage + 0x1005;
  const SwitchFrame frame = read();
  ASSERT_TRUE(frame.registers) << frame.why_not;
  EXPECT_EQ(frame.registers->get(16), kImage + 0x1005);
  EXPECT_EQ(frame.registers->get(4), kAt + 0x40);
  EXPECT_EQ(frame.registers->get(5), 0x1234u);
  words[7] = kImage + 0x1006;
  words[5] = kImage + 0x1005; // elsewhere it counts only before Vista
  EXPECT_FALSE(read().registers);
}

TEST_F(X64Switch, BeforeVistaTheOnlyReturnAddress) {
  build = 3790;
  words[5] = kImage + 0x1005;
  words[6] = kImage + 0x1106; // follows no call
  const SwitchFrame frame = read();
  ASSERT_TRUE(frame.registers) << frame.why_not;
  EXPECT_EQ(frame.registers->get(16), kImage + 0x1005);
  EXPECT_EQ(frame.registers->get(4), kAt + 0x30);
  EXPECT_FALSE(frame.registers->get(5));
  words[9] = kImage + 0x1005; // which of the two?
  EXPECT_FALSE(read().registers);
  words[5] = words[9] = 0;
  EXPECT_FALSE(read().registers);
}

TEST(SwitchFrame, OfCpusThatAreNotKnown) {
  arch::FakeMemory memory;
  for (Machine machine : {Machine::ia64, Machine::alpha, Machine::unknown})
    EXPECT_FALSE(read_switch_frame(memory, {machine, 3790, 0x1000, {0, 0x2000}, {0, 1}}).registers);
}

TEST(SwitchFrame, Arm64) {
  constexpr std::uint64_t kImage = 0xFFFFF80002800000, kStack = 0xFFFFF88002CA0000,
                          kAt = kStack + 0x5D00;
  arch::FakeMemory memory;
  memory.words(kImage + 0x1000, {0x94000010, 0xD503201F}, 4); // bl; nop
  memory.words(kAt, {0, 0, kAt + 0x100, kImage + 0x1004});
  SwitchQuestion question{
      Machine::arm64, 22000, kAt, {kStack, kStack + 0x6000}, {kImage, kImage + 0x600000}};
  const SwitchFrame frame = read_switch_frame(memory, question);
  ASSERT_TRUE(frame.registers) << frame.why_not;
  EXPECT_EQ(frame.registers->get(32), kImage + 0x1004);
  EXPECT_EQ(frame.registers->get(29), kAt + 0x100);
  EXPECT_EQ(frame.registers->get(31), kAt + 0x20);
  memory = arch::FakeMemory();
  memory.words(kImage + 0x1000, {0xD503201F, 0xD503201F}, 4);
  memory.words(kAt, {0, 0, kAt + 0x100, kImage + 0x1004});
  EXPECT_FALSE(read_switch_frame(memory, question).registers);
}

} // namespace
} // namespace dumptriage::system
