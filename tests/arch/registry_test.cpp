// The registry: names, pointer sizes and the numbers under which formats know a CPU.
// Expected values: PE specification and winnt.h.
#include <gtest/gtest.h>

#include "arch/arch.h"

namespace dumptriage::arch {
namespace {

TEST(Registry, FindsEveryCpuByItself) {
  for (Machine machine :
       {Machine::x86, Machine::x64, Machine::arm64, Machine::ia64, Machine::alpha}) {
    const Arch* arch = find(machine);
    ASSERT_NE(arch, nullptr) << name_of(machine);
    EXPECT_EQ(arch->machine, machine);
    EXPECT_EQ(arch->name, name_of(machine));
    EXPECT_EQ(arch->pointer_size, pointer_size_of(machine));
    ASSERT_NE(arch->decode_context, nullptr);
    const auto names = static_cast<int>(arch->register_names.size());
    EXPECT_GE(arch->pc, 0);
    EXPECT_LT(arch->pc, names);
    EXPECT_GE(arch->sp, 0);
    EXPECT_LT(arch->sp, names);
    EXPECT_LT(arch->fp, names);
  }
  EXPECT_EQ(find(Machine::unknown), nullptr);
  EXPECT_EQ(find(Machine::mips), nullptr);
}

TEST(Registry, KnowsTheNumbersOfFileFormats) {
  EXPECT_EQ(machine_of_image_file(0x014C), Machine::x86);
  EXPECT_EQ(machine_of_image_file(0x8664), Machine::x64);
  EXPECT_EQ(machine_of_image_file(0xAA64), Machine::arm64);
  EXPECT_EQ(machine_of_image_file(0x01C4), Machine::arm);
  EXPECT_EQ(machine_of_image_file(0x0200), Machine::ia64);
  EXPECT_EQ(machine_of_image_file(0x0184), Machine::alpha);
  EXPECT_EQ(machine_of_image_file(0x0284), Machine::alpha64);
  EXPECT_EQ(machine_of_image_file(0x1234), Machine::unknown);
  EXPECT_EQ(machine_of_processor(0), Machine::x86);
  EXPECT_EQ(machine_of_processor(2), Machine::alpha);
  EXPECT_EQ(machine_of_processor(5), Machine::arm);
  EXPECT_EQ(machine_of_processor(6), Machine::ia64);
  EXPECT_EQ(machine_of_processor(9), Machine::x64);
  EXPECT_EQ(machine_of_processor(10), Machine::x86);
  EXPECT_EQ(machine_of_processor(12), Machine::arm64);
  EXPECT_EQ(machine_of_processor(0xFFFF), Machine::unknown);
}

TEST(Registry, NamesAndPointerSizes) {
  EXPECT_EQ(name_of(Machine::alpha64), "alpha64");
  EXPECT_EQ(name_of(Machine::unknown), "unknown");
  EXPECT_EQ(pointer_size_of(Machine::x86), 4);
  EXPECT_EQ(pointer_size_of(Machine::alpha), 4);
  EXPECT_EQ(pointer_size_of(Machine::alpha64), 8);
  EXPECT_EQ(pointer_size_of(Machine::unknown), 8);
  EXPECT_EQ(name_of(Trust::context), "context");
  EXPECT_EQ(name_of(Trust::unwind_data), "unwind_data");
  EXPECT_EQ(name_of(Trust::frame_pointer), "frame_pointer");
  EXPECT_EQ(name_of(Trust::scan), "scan");
}

} // namespace
} // namespace dumptriage::arch
