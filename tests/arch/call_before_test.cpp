// "Is there a call before this address": encodings from the Intel SDM and the Arm ARM.
#include <gtest/gtest.h>

#include "fake.h"

namespace dumptriage::arch {
namespace {

constexpr std::uint64_t kAt = 0x401000;

std::optional<bool> ask(Machine machine, std::vector<std::uint8_t> code, bool pad = true) {
  FakeMemory memory;
  std::vector<std::uint8_t> bytes(pad && code.size() < 16 ? 16 - code.size() : 0, 0x90);
  bytes.insert(bytes.end(), code.begin(), code.end());
  const std::uint64_t start = kAt - bytes.size();
  memory.put(start, bytes);
  return find(machine)->call_before(memory, kAt);
}

TEST(CallBefore, EveryFormOfX86) {
  const std::vector<std::vector<std::uint8_t>> calls = {
      {0xE8, 1, 2, 3, 4},             // call rel32
      {0xFF, 0xD0},                   // call eax
      {0xFF, 0x10},                   // call [eax]
      {0xFF, 0x14, 0x24},             // call [esp]
      {0xFF, 0x14, 0x8D, 1, 2, 3, 4}, // call [ecx*4+disp32]
      {0xFF, 0x15, 1, 2, 3, 4},       // call [disp32] / [rip+disp32]
      {0xFF, 0x50, 0x0C},             // call [eax+disp8]
      {0xFF, 0x54, 0x24, 0x10},       // call [esp+disp8]
      {0xFF, 0x90, 1, 2, 3, 4},       // call [eax+disp32]
      {0xFF, 0x94, 0x24, 1, 2, 3, 4}, // call [esp+disp32]
      {0xFF, 0x18},                   // call far [eax]
  };
  for (const auto& call : calls)
    for (Machine machine : {Machine::x86, Machine::x64})
      EXPECT_EQ(ask(machine, call), std::optional(true)) << static_cast<int>(call[1]);
  EXPECT_EQ(ask(Machine::x64, {0x41, 0xFF, 0xD2}), std::optional(true)); // call r10
  EXPECT_EQ(ask(Machine::x86, {0x9A, 1, 2, 3, 4, 5, 6}), std::optional(true));
  EXPECT_EQ(ask(Machine::x64, {0x9A, 1, 2, 3, 4, 5, 6}), std::optional(false));
}

TEST(CallBefore, OtherInstructionsAreNone) {
  for (Machine machine : {Machine::x86, Machine::x64}) {
    EXPECT_EQ(ask(machine, {}), std::optional(false));
    EXPECT_EQ(ask(machine, {0xE9, 1, 2, 3, 4}), std::optional(false)); // jmp
    EXPECT_EQ(ask(machine, {0xFF, 0xE0}), std::optional(false));       // jmp eax
    EXPECT_EQ(ask(machine, {0xFF, 0xD8}), std::optional(false));       // far call of a register
    EXPECT_EQ(ask(machine, {0xFF, 0x35, 1, 2, 3, 4}), std::optional(false)); // push
    EXPECT_EQ(ask(machine, {0xE8, 1, 2, 3, 4, 0x90}), std::optional(false)); // one byte later
  }
}

TEST(CallBefore, MissingCodeIsNoAnswer) {
  for (Machine machine : {Machine::x86, Machine::x64, Machine::arm64}) {
    FakeMemory empty;
    EXPECT_EQ(find(machine)->call_before(empty, kAt), std::nullopt);
  }
  // a call that fits in what is there is one; its absence there proves nothing
  EXPECT_EQ(ask(Machine::x64, {0xFF, 0xD0}, false), std::optional(true));
  EXPECT_EQ(ask(Machine::x64, {0x90, 0x90}, false), std::nullopt);
  FakeMemory empty;
  EXPECT_EQ(find(Machine::x64)->call_before(empty, 0), std::optional(false));
}

TEST(CallBefore, Arm64) {
  EXPECT_EQ(ask(Machine::arm64, {0x01, 0x00, 0x00, 0x94}), std::optional(true));  // bl
  EXPECT_EQ(ask(Machine::arm64, {0xFF, 0xFF, 0xFF, 0x97}), std::optional(true));  // bl backwards
  EXPECT_EQ(ask(Machine::arm64, {0x00, 0x01, 0x3F, 0xD6}), std::optional(true));  // blr x8
  EXPECT_EQ(ask(Machine::arm64, {0x1F, 0x09, 0x3F, 0xD6}), std::optional(true));  // blraaz x8
  EXPECT_EQ(ask(Machine::arm64, {0x09, 0x09, 0x3F, 0xD7}), std::optional(true));  // blraa x8, x9
  EXPECT_EQ(ask(Machine::arm64, {0x00, 0x01, 0x1F, 0xD6}), std::optional(false)); // br x8
  EXPECT_EQ(ask(Machine::arm64, {0x01, 0x00, 0x00, 0x14}), std::optional(false)); // b
  EXPECT_EQ(ask(Machine::arm64, {0xC0, 0x03, 0x5F, 0xD6}), std::optional(false)); // ret
}

} // namespace
} // namespace dumptriage::arch
