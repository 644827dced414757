// Walks on a CPU where a function that calls may have its whole frame in registers.
#include <gtest/gtest.h>

#include "arch/alpha.h"
#include "arch/alpha_words.h"
#include "arch/fake.h"
#include "stack/walk_loop.h"

namespace dumptriage::stack {
namespace {

using namespace arch::alpha;
constexpr std::uint64_t kBase = 0x140000000, kStack = 0x10000, kTop = 0x10100;
constexpr std::uint32_t kRows = 0x8000;

struct Scene {
  arch::FakeMemory memory;
  arch::FakeFunctions functions;
  arch::Registers start;
  std::uint32_t rows = 0;

  void add(std::uint32_t rva, std::initializer_list<std::uint64_t> words, std::uint32_t prologue) {
    const auto end = rva + 4 * static_cast<std::uint32_t>(words.size());
    const std::uint32_t row = kRows + 40 * rows++;
    memory.words(kBase + rva, words, 4);
    memory.words(kBase + row, {kBase + rva, kBase + end, 0, 0, kBase + rva + 4 * prologue});
    functions.add(rva, end, row);
  }
  // A function that keeps its return address in t0 and calls a routine that goes back through at,
  // and the function above it.
  Scene() {
    add(0x1000, {subq(sp, t12, t8), ret(at)}, 0);
    add(0x2000, {mov(ra, t0), lda(ra, 0x1234, zero), bsr(at, 100), mov(t0, ra), ret()}, 1);
    add(0x3000,
        {lda(sp, -0x20, sp), stq(ra, 0, sp), bsr(ra, 100), ldq(ra, 0, sp), lda(sp, 0x20, sp),
         ret()},
        2);
    memory.put(kStack, std::vector<std::uint8_t>(0x100)); // above 3000: the end of the stack
    start.set(arch::kAlphaFir, kBase + 0x1000);
    start.set(sp, kStack);
    start.set(at, kBase + 0x200C);
    start.set(t0, kBase + 0x300C);
    start.set(ra, 0x1234);
    for (int i = 9; i <= 15; ++i) start.set(i, 0);
  }
  Stack walk() const {
    const Ground ground{*arch::find(arch::Machine::alpha64),
                        functions,
                        memory,
                        [](std::uint64_t address) {
                          return address - kBase < 0x100000 ? std::optional<std::size_t>(0)
                                                            : std::nullopt;
                        },
                        [](std::size_t) { return std::string("module"); },
                        nullptr,
                        {}};
    return walk_on(ground, start, kStack, kTop, {});
  }
};

TEST(AlphaWalk, ARegisterFrameMayBeACaller) {
  const Stack stack = Scene().walk();
  ASSERT_EQ(stack.frames.size(), 3u) << stack.ended << stack.sure_ended;
  EXPECT_EQ(stack.frames[1].pc, kBase + 0x200C);
  EXPECT_EQ(stack.frames[1].sp, kStack);
  EXPECT_EQ(stack.frames[2].pc, kBase + 0x300C);
  EXPECT_EQ(stack.frames[2].sp, kStack);
  EXPECT_EQ(stack.sure_frames, 3u);
  EXPECT_TRUE(stack.whole) << stack.ended;
}

TEST(AlphaWalk, ARegisterFrameIsNotItsOwnCaller) {
  Scene scene;
  scene.start.set(t0, kBase + 0x200C); // as if it had called itself
  const Stack stack = scene.walk();
  EXPECT_EQ(stack.sure_frames, 2u);
  EXPECT_LE(stack.frames.size(), 3u);
}

TEST(AlphaWalk, FewRegisterFramesFollowEachOther) {
  // Each hands the next return address on in another register, for as long as there are any.
  Scene scene;
  scene.add(0x5000, {ret(static_cast<Reg>(0))}, 0);
  scene.start.set(arch::kAlphaFir, kBase + 0x5000);
  for (std::uint32_t i = 1; i < 8; ++i) {
    const auto own = static_cast<Reg>(i), link = static_cast<Reg>(i - 1);
    scene.add(0x5000 + 0x100 * i, {bsr(link, 100), ret(own)}, 0);
    scene.start.set(static_cast<int>(i - 1), kBase + 0x5004 + 0x100 * i);
  }
  const Stack stack = scene.walk();
  EXPECT_GE(stack.sure_frames, 4u) << stack.sure_ended;
  EXPECT_LE(stack.sure_frames, 6u);
}

} // namespace
} // namespace dumptriage::stack
