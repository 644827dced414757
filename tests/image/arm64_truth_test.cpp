// The ARM64 unwinder against what a CPU did: images built for ARM64 Windows, run one instruction
// after the other (tools/samples/arm64, which says what a trace holds).  At every instruction every
// frame must come out as the call left it.
#include <gtest/gtest.h>

#include "image/arm64_trace.h"

namespace dumptriage::image {
namespace {

using arch::Registers;

// The frames of the present instruction; the first difference from the truth.
std::string difference(const Trace& trace, const memory::AddressSpace& memory,
                       const Functions& functions) {
  Registers registers;
  for (int i = 0; i <= kPc; ++i) registers.set(i, trace.registers[i]);
  const arch::Arch& arm64 = *arch::find(arch::Machine::arm64);
  for (std::size_t n = trace.frames.size(); n-- > 0;) {
    const bool first = n + 1 == trace.frames.size();
    const std::string frame = "frame " + std::to_string(trace.frames.size() - n);
    auto caller = arm64.unwind_by_data({registers, memory, functions, first});
    if (!caller) return frame + ": " + caller.error().error.message();
    if (caller->machine_frame || !caller->proved) return frame + " is not sure";
    const TrueFrame& truth = trace.frames[n];
    if (caller->registers.get(kPc) != truth.back) return frame + ": pc";
    for (int i = 0; i < 12; ++i)
      if (caller->registers.get(TrueFrame::register_of(i)) != truth.saved[i])
        return frame + ": register " + std::to_string(TrueFrame::register_of(i));
    registers = caller->registers;
  }
  return {};
}

void follow(const std::string& name, std::size_t least_records) {
  auto image = open_file(data_path(name + ".exe"), memory::Origin::image);
  ASSERT_TRUE(image) << image.error().message();
  ASSERT_EQ((*image)->preferred_base, kTraceBase);
  Trace trace(data_path(name + ".trace"));
  ASSERT_TRUE(trace.ok);
  const auto bytes = laid_out(**image);
  const memory::FlatRanges memory = memory_of(trace, bytes);
  const Functions functions(**image);
  std::size_t records = 0, wrong = 0, deepest = 0;
  for (; trace.next(); ++records) {
    deepest = std::max(deepest, trace.frames.size());
    const std::string what = difference(trace, memory, functions);
    if (what.empty()) continue;
    ++wrong;
    EXPECT_EQ(what, "") << std::hex << trace.registers[kPc];
    if (wrong > 20) break;
  }
  EXPECT_TRUE(trace.ok);
  EXPECT_GE(records, least_records);
  EXPECT_GE(deepest, 3u);
  EXPECT_EQ(wrong, 0u);
}

TEST(Arm64Truth, CompiledCode) { follow("compiled", 6000); }
TEST(Arm64Truth, CanonicalProloguesOfPackedData) { follow("canonical", 3000); }

} // namespace
} // namespace dumptriage::image
