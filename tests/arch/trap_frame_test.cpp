// KTRAP_FRAME laid down by hand: what is believed, and the step through one on x86.
#include <gtest/gtest.h>

#include "fake.h"

namespace dumptriage::arch {
namespace {

constexpr std::uint64_t kFrame = 0xF7A3CC50;

// The fields in the order of the structure, from DbgEbp to HardwareSegSs.
std::vector<std::uint64_t> x86_frame() {
  return {0xF7A3CD10, 0xF8765432, 0xBADB0D00, 0xF7A3CC90, 0,      0,    0,    0,
          0,          0,          0,          0,          0,      0x23, 0x23, 0xD, // Edx
          0xC,        0xA,        0,          0xFFFFFFFF, 0x30,   0xD1, 0x51, 0xB,
          0xF7A3CD10, 2,          0xF8765432, 8,          0x10246};
}
enum { kSegDs = 14, kSegFs = 20, kEbp = 24, kEip = 26, kSegCs = 27, kEFlags = 28 };

void put(FakeMemory& memory, const std::vector<std::uint64_t>& words) {
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t value : words)
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  memory.put(kFrame, std::move(bytes));
}
std::optional<Registers> read(const std::vector<std::uint64_t>& words,
                              std::uint64_t address = kFrame) {
  FakeMemory memory;
  put(memory, words);
  return find(Machine::x86)->read_trap_frame(memory, address);
}

TEST(TrapFrameX86, FromKernelMode) {
  const auto r = read(x86_frame());
  ASSERT_TRUE(r);
  const std::uint64_t expected[] = {0xA, 0xC, 0xD, 0xB, kFrame + 0x74, 0xF7A3CD10, 0x51, 0xD1};
  for (int i = 0; i < 8; ++i) EXPECT_EQ(r->get(i), expected[i]) << i;
  EXPECT_EQ(r->get(8), 0xF8765432u);
  EXPECT_EQ(r->get(9), 0x10246u);
  EXPECT_EQ(r->get(10), 8u);
}

TEST(TrapFrameX86, FromUserModeTheStackPointerWasPushed) {
  auto words = x86_frame();
  words[kSegCs] = 0x1B;
  words[kSegFs] = 0x3B;
  words[kSegDs] = 0;         // a fast system call does not save it
  EXPECT_FALSE(read(words)); // HardwareEsp is not there
  words.insert(words.end(), {0x12F4C0, 0x23});
  const auto r = read(words);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->get(4), 0x12F4C0u);
  words.back() = 0x10;
  EXPECT_FALSE(read(words));
}

TEST(TrapFrameX86, EveryFieldThatMustFit) {
  const std::pair<int, std::uint64_t> wrong[] = {
      {kSegCs, 0x10},     {kSegCs, 0x1B},     {kSegDs, 0x10},        {kSegFs, 0x3B},
      {kEFlags, 0x10244}, {kEFlags, 0x30246}, {kEFlags, 0x80010246}, {kEip, 0}};
  for (const auto& [index, value] : wrong) {
    auto words = x86_frame();
    words[index] = value;
    EXPECT_FALSE(read(words)) << index << ' ' << value;
  }
  auto words = x86_frame();
  words[2] = 0; // no mark, but the copies of ebp and eip agree
  EXPECT_TRUE(read(words));
  words[1] = 0xF8765430;
  EXPECT_FALSE(read(words));
  words[2] = 0xBADB0D00; // the mark, the copies being of before a change
  EXPECT_TRUE(read(words));
  EXPECT_FALSE(read(x86_frame(), kFrame + 1));
  EXPECT_FALSE(read(x86_frame(), kFrame + 4));
  EXPECT_FALSE(read(x86_frame(), 0xFFFFFFFFFFFFFFFC));
  auto cut = x86_frame();
  cut.pop_back();
  EXPECT_FALSE(read(cut));
}

// A handler at 0x804E1000, its frame pointer at the trap frame, 0x10 bytes of its own above it.
struct TrapStep : ::testing::Test {
  FakeMemory memory;
  FakeFunctions functions;
  Registers registers;
  std::vector<std::uint64_t> own = {0xA, kFrame, 0xF8765432, 0xBAD0};
  TrapStep() {
    put(memory, x86_frame());
    memory.put(0x804E1000, {0xE8, 0, 0, 0, 0, 0x90, 0x90}); // a call, returning to +5
    memory.put(0x804E2000, std::vector<std::uint8_t>(16, 0x90));
    registers.set(4, kFrame - 0x10);
    registers.set(5, kFrame);
    registers.set(8, 0x804E2008);
  }
  UnwindResult step() {
    memory.words(kFrame - 0x10, {own[0], own[1], own[2], own[3]}, 4);
    return find(Machine::x86)->unwind_by_frame_pointer({registers, memory, functions, false});
  }
};

TEST_F(TrapStep, TheInterruptedFrame) {
  const auto caller = step();
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->machine_frame);
  EXPECT_TRUE(caller->proved) << caller->unproved;
  EXPECT_EQ(caller->registers.get(8), 0xF8765432u);
  EXPECT_EQ(caller->registers.get(4), kFrame + 0x74);
  EXPECT_EQ(caller->registers.get(5), 0xF7A3CD10u);
  EXPECT_EQ(caller->registers.get(6), 0x51u);
}

TEST_F(TrapStep, AReturnAddressBetweenMayBelongToASkippedFrame) {
  own[3] = 0x804E1005;
  const auto caller = step();
  ASSERT_TRUE(caller);
  EXPECT_FALSE(caller->proved);
}

TEST_F(TrapStep, AWordInKnownCodeThatFollowsNoCallIsNone) {
  own[3] = 0x804E2008;
  const auto caller = step();
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->proved);
}

TEST_F(TrapStep, CodeThatIsNotAtHandDecidesNothing) {
  own[3] = 0x80501234;
  const auto caller = step();
  ASSERT_TRUE(caller);
  EXPECT_FALSE(caller->proved);
}

TEST_F(TrapStep, NoTrapFrameInUserMode) {
  registers.set(8, 0x401008);
  const auto caller = step();
  EXPECT_TRUE(!caller || !caller->machine_frame);
}

// ---- x64: the fields from P1Home to SegSs.
struct TrapFrameX64 : ::testing::Test {
  static constexpr std::uint64_t kAt = 0xFFFFF88002F1C640;
  std::vector<std::uint64_t> words = std::vector<std::uint64_t>(50);
  TrapFrameX64() {
    const std::pair<int, std::uint64_t> values[] = {{0x30, 0xA},
                                                    {0x38, 0xC},
                                                    {0x40, 0xD},
                                                    {0x140, 0xB},
                                                    {0x158, 0xFFFFF88002F1C800},
                                                    {0x168, 0xFFFFF88001058123},
                                                    {0x170, 0x10},
                                                    {0x178, 0x10246},
                                                    {0x180, 0xFFFFF88002F1C7D8},
                                                    {0x188, 0x18}};
    for (const auto& [offset, value] : values) words[offset / 8] = value;
  }
  std::optional<Registers> at(std::uint64_t address) {
    std::vector<std::uint8_t> bytes;
    for (std::uint64_t value : words)
      for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    FakeMemory memory;
    memory.put(kAt, std::move(bytes));
    return find(Machine::x64)->read_trap_frame(memory, address);
  }
};

TEST_F(TrapFrameX64, WhatItHoldsForSure) {
  const auto r = at(kAt);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->get(16), 0xFFFFF88001058123u);
  EXPECT_EQ(r->get(4), 0xFFFFF88002F1C7D8u);
  EXPECT_EQ(r->get(5), 0xFFFFF88002F1C800u);
  EXPECT_EQ(r->get(0), 0xAu);
  EXPECT_FALSE(r->get(3)); // rbx is there for system calls only
}

TEST_F(TrapFrameX64, EveryFieldThatMustFit) {
  const std::pair<int, std::uint64_t> wrong[] = {{0x168, 0},       {0x170, 8},
                                                 {0x178, 0x10244}, {0x180, 0x7FF123450},
                                                 {0x188, 0x2B},    {0x180, 0xFFFFF88002F1C7D9}};
  const auto good = words;
  for (const auto& [offset, value] : wrong) {
    words = good;
    words[offset / 8] = value;
    EXPECT_FALSE(at(kAt)) << std::hex << offset;
  }
  words = good;
  EXPECT_FALSE(at(kAt + 8));
  words.pop_back();
  EXPECT_FALSE(at(kAt));
}

} // namespace
} // namespace dumptriage::arch
