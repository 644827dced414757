// Whether the crashed thread's stack ran out.
#include <utility>

#include "object_scene.h"

namespace {

using namespace dumptriage;
using namespace scene;

// A kernel thread's stack is F8000000...F8003000.
struct StackKernel : Kernel {
  explicit StackKernel(std::uint64_t sp) {
    system::ThreadState& thread = crashed("8", 0);
    thread.own_stack_low = 0xF8000000;
    thread.own_stack_high = 0xF8003000;
    if (sp != 0) context(registers(kSfmsrv + 0x1234, sp));
  }
};

TEST(StackLimit, StackLimitOfADoubleFault) {
  const auto limit = [](std::uint64_t sp, std::uint32_t code, std::uint64_t p1) {
    StackKernel k(sp);
    k.bugcheck(code, {p1, 0, 0, 0});
    return k.facts();
  };
  EXPECT_TRUE(only(limit(0xF7FFFFF0, 0x7F, 8), "stack_limit").flag("exhausted"));
  EXPECT_TRUE(only(limit(0xF8000010, 0x7F, 8), "stack_limit").flag("exhausted"));
  const FactSet open = limit(0xF8000800, 0x7F, 8); // perhaps, perhaps not
  EXPECT_FALSE(only(open, "stack_limit").fields.contains("exhausted"));
  EXPECT_EQ(coverage(open, "stack_limit").extent, Extent::partial);
  const FactSet plenty = limit(0xF8002000, 0x7F, 8);
  EXPECT_FALSE(only(plenty, "stack_limit").flag("exhausted"));
  EXPECT_EQ(only(plenty, "stack_limit").number("left"), 0x2000u);
  EXPECT_EQ(coverage(plenty, "stack_limit").extent, Extent::complete);
  // What the machinery ran on is not the fault's.
  EXPECT_EQ(coverage(limit(0, 0x7F, 8), "stack_limit").extent, Extent::none);
  EXPECT_EQ(coverage(limit(0x90000000, 0x7F, 8), "stack_limit").extent, Extent::none);
  EXPECT_TRUE(only(limit(0, 0x2B, 0), "stack_limit").flag("exhausted"));
}

TEST(StackLimit, ItaniumsRegisterStackMayRunOutInstead) {
  Scene k(arch::Machine::ia64, true);
  system::ThreadState& thread = k.crashed("8", 0);
  thread.own_stack_low = 0xE000010600000000;
  thread.own_stack_high = 0xE000010600008000;
  k.context(k.registers(0xE000000083000000, 0xE000010600004000));
  const FactSet set = evidence::extract(k.input());
  EXPECT_EQ(only(set, "stack_limit").number("left"), 0x4000u);
  EXPECT_FALSE(only(set, "stack_limit").fields.contains("exhausted"));
  EXPECT_EQ(coverage(set, "stack_limit").extent, Extent::partial);
}

TEST(StackLimit, CapturedStretchesAreNoLimitsOfStacks) {
  StackKernel k(0xF8000000);
  system::ThreadState& thread = k.snapshot.threads.back(); // its object was not read
  thread.stack_low = std::exchange(thread.own_stack_low, 0);
  thread.stack_high = std::exchange(thread.own_stack_high, 0);
  k.bugcheck(0xA, {4, 2, 0, kSfmsrv + 0x1234});
  EXPECT_EQ(coverage(k.facts(), "stack_limit").extent, Extent::none);
  Scene program(arch::Machine::x64, false);
  program.crashed("1").stack_low = 0x10000;
  program.snapshot.threads.back().stack_high = 0x20000;
  program.exception(0xC00000FD, 0x401000, {1, 0xFFF8});
  program.context(program.registers(0x401000, 0x10000));
  EXPECT_TRUE(only(evidence::extract(program.input()), "stack_limit").flag("exhausted"));
}

} // namespace
