// The walk on a CPU whose calls leave the return address in a register.
#include <gtest/gtest.h>

#include "arch/fake.h"
#include "image/arm64_trace.h"
#include "stack/walk_loop.h"

namespace dumptriage::stack {
namespace {

using image::kFp, image::kPc, image::kSp;
constexpr int kLr = 30;
constexpr std::uint64_t kBase = 0x140000000, kStack = 0x10000, kTop = 0x10100;

struct Scene {
  arch::FakeMemory memory;
  arch::FakeFunctions functions;
  arch::Registers start;

  Scene() {
    // stp x29, lr, [sp, #-32]!; mov x29, sp: packed, 0x100 bytes, chained
    functions.add(0x1000, 0x1100, 1 | 0x40 << 2 | 3 << 21 | 2 << 23);
    memory.put(kBase + 0x1040, {0x00, 0x00, 0x00, 0x94}); // bl
    start.set(kPc, kBase + 0x2004);                       // a leaf without an entry
    start.set(kSp, kStack);
    start.set(kFp, kStack);
    start.set(kLr, kBase + 0x1044);
  }
  Stack walk() const {
    const Ground ground{*arch::find(arch::Machine::arm64),
                        functions,
                        memory,
                        [](std::uint64_t address) {
                          return address >= kBase && address < kBase + 0x100000
                                     ? std::optional<std::size_t>(0)
                                     : std::nullopt;
                        },
                        [](std::size_t) { return std::string("module"); },
                        nullptr,
                        {}};
    return walk_on(ground, start, kStack, kTop, {});
  }
};

TEST(Arm64Walk, ALeafLeavesTheStackAlone) {
  Scene scene;
  scene.memory.put(kStack, std::vector<std::uint8_t>(0x100));
  const Stack stack = scene.walk();
  ASSERT_EQ(stack.frames.size(), 2u);
  EXPECT_EQ(stack.frames[1].pc, kBase + 0x1044);
  EXPECT_EQ(stack.frames[1].sp, kStack);
  EXPECT_EQ(stack.frames[1].trust, arch::Trust::unwind_data);
  EXPECT_EQ(stack.sure_frames, 2u);
  EXPECT_TRUE(stack.whole) << stack.ended; // the return address 0 near the top
}

TEST(Arm64Walk, OnlyTheInnermostFrameMayStay) {
  // A frame that a call left cannot return to where it lies itself.
  Scene scene;
  scene.functions.entries.clear();
  scene.functions.add(0x1000, 0x1100, 0x8000);
  scene.memory.words(kStack, {kStack, kBase + 0x1044});
  // .xdata with save_fplr 0 and no allocation: pc is itself again, sp the same
  scene.memory.put(kBase + 0x8000, {0x40, 0x00, 0x00, 0x08, 0x40, 0xE4, 0xE4, 0xE4});
  const Stack stack = scene.walk();
  EXPECT_EQ(stack.sure_frames, 2u);
  EXPECT_LE(stack.frames.size(), 3u);
}

// At every instruction of a traced run the walk gives the true frames, all of them sure.
TEST(Arm64Walk, TrueFramesAtEveryInstruction) {
  auto image = image::open_file(image::data_path("compiled.exe"), memory::Origin::image);
  ASSERT_TRUE(image) << image.error().message();
  image::Trace trace(image::data_path("compiled.trace"));
  ASSERT_TRUE(trace.ok);
  const auto bytes = image::laid_out(**image);
  const memory::FlatRanges memory = image::memory_of(trace, bytes);
  const image::Functions functions(**image);
  const Ground ground{*arch::find(arch::Machine::arm64),
                      functions,
                      memory,
                      [](std::uint64_t address) {
                        return address - kBase < 0x100000 ? std::optional<std::size_t>(0)
                                                          : std::nullopt;
                      },
                      [](std::size_t) { return std::string("module"); },
                      nullptr,
                      {}};
  std::size_t wrong = 0, records = 0;
  for (; trace.next() && wrong < 10; ++records) {
    arch::Registers start;
    for (int i = 0; i <= kPc; ++i) start.set(i, trace.registers[i]);
    const Stack stack = walk_on(ground, start, trace.low, trace.low + trace.stack.size(), {});
    // The outermost return address lies in the loader, outside the image.
    bool right =
        stack.sure_frames == trace.frames.size() && stack.frames.size() > stack.sure_frames;
    for (std::size_t i = 1; right && i <= trace.frames.size(); ++i) {
      const image::TrueFrame& truth = trace.frames[trace.frames.size() - i];
      right = stack.frames[i].pc == truth.back && stack.frames[i].sp == truth.saved[0];
    }
    EXPECT_TRUE(right) << std::hex << trace.registers[kPc] << " " << stack.sure_ended;
    wrong += !right;
  }
  EXPECT_TRUE(trace.ok);
  EXPECT_GE(records, 6000u);
}

} // namespace
} // namespace dumptriage::stack
