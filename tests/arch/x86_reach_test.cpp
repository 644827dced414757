// How far a function reaches, by its code: hand-assembled functions with another one behind them.
#include <gtest/gtest.h>

#include "arch/arch.h"
#include "memory/address_space.h"

namespace dumptriage::arch {
namespace {

constexpr std::uint64_t kCode = 0x401000;

struct Reached {
  std::vector<memory::AddressSpace::Range> ranges;
  bool holds(std::uint64_t offset) const {
    for (const auto& range : ranges)
      if (kCode + offset >= range.start && kCode + offset < range.end) return true;
    return false;
  }
};

// `code` begins with the function; what is not given is int3.
Reached reach(std::initializer_list<std::uint8_t> code) {
  std::vector<std::uint8_t> bytes(code);
  bytes.resize(0x100, 0xCC);
  memory::FlatRanges memory;
  memory.add(kCode, ByteView(bytes.data(), bytes.size()));
  memory.seal();
  return {find(Machine::x86)->reached_code(memory, kCode)};
}

TEST(X86Reach, ABodyUpToItsReturn) {
  // push ebp; mov ebp, esp; test ecx, ecx; jne +2; pop ebp; ret; xor eax, eax; pop ebp; ret
  // | push ebp (another function)
  const Reached r =
      reach({0x55, 0x8B, 0xEC, 0x85, 0xC9, 0x75, 0x02, 0x5D, 0xC3, 0x33, 0xC0, 0x5D, 0xC3, 0x55});
  EXPECT_TRUE(r.holds(0));
  EXPECT_TRUE(r.holds(8));
  EXPECT_TRUE(r.holds(12));
  EXPECT_FALSE(r.holds(13));
}

TEST(X86Reach, ATailCallLeadsIntoAnotherFunction) {
  const Reached r = reach({0x33, 0xC0, 0xEB, 0x02, 0xCC, 0xCC, 0xC3}); // xor; jmp +2; ... ret
  EXPECT_TRUE(r.holds(2));
  EXPECT_FALSE(r.holds(6));
}

TEST(X86Reach, AJumpInsideAFrameStays) {
  // push ebp; jmp +2; int3 x2; pop ebp; ret
  const Reached r = reach({0x55, 0xEB, 0x02, 0xCC, 0xCC, 0x5D, 0xC3});
  EXPECT_TRUE(r.holds(5));
  EXPECT_TRUE(r.holds(6));
}

TEST(X86Reach, PaddingBehindACallEndsIt) {
  // call +0xF6 (0x100); nop x11 | 0x10: push ebp; mov ebp, esp; pop ebp; ret
  const Reached r = reach({0xE8, 0xFB, 0,    0,    0,    0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
                           0x90, 0x90, 0x90, 0x90, 0x90, 0x55, 0x8B, 0xEC, 0x5D, 0xC3});
  EXPECT_TRUE(r.holds(4));
  EXPECT_FALSE(r.holds(0x10));
}

TEST(X86Reach, AConditionalJumpToAnAlignedPlaceMayBeATailCall) {
  // test ecx, ecx; je 0x10; ret; ... | 0x10: ret
  const Reached r = reach({0x85, 0xC9, 0x74, 0x0C, 0xC3, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC,
                           0xCC, 0xCC, 0xCC, 0xCC, 0xC3});
  EXPECT_TRUE(r.holds(4));
  EXPECT_FALSE(r.holds(0x10));
}

TEST(X86Reach, NothingWithoutCode) {
  memory::FlatRanges memory;
  memory.seal();
  EXPECT_TRUE(find(Machine::x86)->reached_code(memory, kCode).empty());
  EXPECT_TRUE(find(Machine::x86)->reached_code(memory, 0x1'0000'0000).empty());
}

} // namespace
} // namespace dumptriage::arch
