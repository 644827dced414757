// The 32-bit registers of WoW64 threads in minidumps laid down byte by byte.
#include <gtest/gtest.h>

#include "synth/wow64_dump.h"
#include "system/sources.h"

namespace dumptriage::system {
namespace {

using synth::Wow64Dump;

constexpr int kEax = 0, kEbx = 3, kEsp = 4, kEbp = 5, kEip = 8; // x86.cpp's numbers

struct Read {
  std::optional<Wow64Thread> side;
  std::size_t notes = 0; // about missing 32-bit registers
};

Read read(const Wow64Dump& recipe) {
  const synth::Bytes bytes = recipe.finish();
  dump::Dump dump;
  auto parts = dump::read_minidump(ByteView(bytes.data(), bytes.size()), dump.notes);
  EXPECT_TRUE(parts.has_value());
  if (!parts) return {};
  dump.machine = parts->machine;
  dump.memory = parts->memory;
  dump.minidump = std::move(parts->minidump);
  const Snapshot snapshot = take_snapshot(dump);
  EXPECT_EQ(snapshot.threads.size(), 1u);
  Read out;
  out.side = snapshot.threads.at(0).wow64;
  for (const Note& note : snapshot.notes)
    out.notes += note.message.starts_with("32-bit registers (WoW64): of 1 of 1 threads");
  return out;
}

// Nothing is given, and that is said.
void expect_none(const Wow64Dump& recipe, const char* what) {
  const Read got = read(recipe);
  EXPECT_FALSE(got.side) << what;
  EXPECT_EQ(got.notes, 1u) << what;
}

TEST(Wow64, RegistersAreInTheCpuAreaOfTheThread) {
  const Read got = read({});
  ASSERT_TRUE(got.side);
  EXPECT_EQ(got.side->context.get(kEip), Wow64Dump::kFault);
  EXPECT_EQ(got.side->context.get(kEsp), 0x19FF98u);
  EXPECT_EQ(got.side->context.get(kEbp), 0x19FFA0u);
  EXPECT_EQ(got.side->context.get(kEbx), 4u);
  EXPECT_FALSE(got.side->context.get(kEax)) << "does not survive a call";
  EXPECT_EQ(got.side->context_from, "WoW64 CPU area");
  EXPECT_EQ(got.side->stack_low, Wow64Dump::kStack);
  EXPECT_EQ(got.side->stack_high, Wow64Dump::kStackEnd);
  EXPECT_FALSE(got.side->running);
  EXPECT_EQ(got.notes, 0u);
}

TEST(Wow64, The64BitTebPointsToThe32BitOneOrLiesBeforeIt) {
  const std::uint32_t elsewhere = Wow64Dump::kProgram + 0x1000; // captured, but no stack
  for (std::uint64_t first : {std::uint64_t{0}, Wow64Dump::kTeb32, UINT64_MAX}) {
    EXPECT_TRUE(read({.first_of_teb = first}).side);
    expect_none({.first_of_teb = first, .esp = elsewhere},
                "esp outside the stack of the 32-bit TEB");
  }
  const Read got = read({.esp = elsewhere, .self = false});
  ASSERT_TRUE(got.side) << "what does not name itself is no TEB";
  EXPECT_EQ(got.side->stack_low, Wow64Dump::kProgram);
}

TEST(Wow64, WithoutThe32BitTebTheStackMustBeCaptured) {
  const Read got = read({.teb32 = false});
  ASSERT_TRUE(got.side);
  EXPECT_EQ(got.side->stack_low, Wow64Dump::kStack);
  expect_none({.esp = 0x500000, .teb32 = false}, "nothing captured at esp");
}

TEST(Wow64, BeforeWindows10TheTebMustProveIt) {
  EXPECT_TRUE(read({.build = 7601, .machine = 0}).side);
  EXPECT_TRUE(read({.build = 9600, .machine = 0x1}).side);
  expect_none({.build = 7601, .machine = 0, .teb32 = false}, "no machine, no TEB");
  expect_none({.build = 19041, .machine = 0}, "Windows 10 names the machine");
}

TEST(Wow64, ACpuAreaThatIsNoneGivesNothing) {
  expect_none({.slot = 0}, "no CPU area");
  expect_none({.slot = 0x12345678}, "not captured");
  expect_none({.slot = UINT64_MAX - 1}, "wraps");
  expect_none({.machine = 0x8664}, "another machine");
  expect_none({.flags = 0x100003}, "another CPU's context");
  expect_none({.flags = 0x10002}, "no control registers");
  expect_none({.eip = 0}, "no eip");
  expect_none({.esp = 0}, "no esp");
  for (std::size_t size = 0; size < 4 + 0xCC; ++size) expect_none({.area_size = size}, "cut");
  EXPECT_TRUE(read({.area_size = 4 + 0xCC}).side);
}

TEST(Wow64, OtherProcessesAreLeftAlone) {
  Read got = read({.cpu_dll = "C:\\app\\other.dll"});
  EXPECT_FALSE(got.side);
  EXPECT_EQ(got.notes, 0u);
  got = read({.processor = 12}); // ARM64 runs 32-bit code by other means
  EXPECT_FALSE(got.side);
  EXPECT_EQ(got.notes, 0u);
}

TEST(Wow64, AThreadThatRan32BitCodeHasItsRegistersInItsContext) {
  const Read got = read({.eip = 0x1234, .running = true}); // the CPU area is older
  ASSERT_TRUE(got.side);
  EXPECT_TRUE(got.side->running);
  EXPECT_EQ(got.side->context.get(kEip), Wow64Dump::kFault);
  EXPECT_EQ(got.side->context.get(kEsp), 0x19FF98u);
  EXPECT_EQ(got.side->context.get(kEax), 1u);
  EXPECT_EQ(got.side->context_from, "thread list");
  EXPECT_EQ(got.side->stack_high, Wow64Dump::kStackEnd);
}

} // namespace
} // namespace dumptriage::system
