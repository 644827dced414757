// ByteView, wire integers and checked arithmetic: no access outside, whatever is asked.
#include <gtest/gtest.h>

#include "base/budget.h"
#include "base/bytes.h"

namespace dumptriage {
namespace {

constexpr std::uint8_t kBytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
                                   0x07, 0x88, 'a',  'b',  0,    'c'};
const ByteView kView(kBytes, sizeof(kBytes));

TEST(ByteView, NumbersAreLittleEndianAtAnyOffset) {
  EXPECT_EQ(kView.u8(0), 0x01);
  EXPECT_EQ(kView.u16(1), 0x0302);
  EXPECT_EQ(kView.u32(3), 0x07060504u);
  EXPECT_EQ(kView.u64(0), 0x8807060504030201u);
}

TEST(ByteView, NothingOutside) {
  for (std::uint64_t offset : {std::uint64_t{9}, std::uint64_t{12}, std::uint64_t{13}, UINT64_MAX,
                               UINT64_MAX - 3, std::uint64_t{1} << 63})
    EXPECT_FALSE(kView.u32(offset)) << offset;
  EXPECT_TRUE(kView.u32(8));
  EXPECT_FALSE(ByteView().u8(0));
  EXPECT_FALSE(kView.holds(0, 13));
  EXPECT_FALSE(kView.holds(1, UINT64_MAX));
  EXPECT_FALSE(kView.holds(UINT64_MAX, 1));
  EXPECT_TRUE(kView.holds(12, 0));
  EXPECT_FALSE(kView.holds(13, 0));
}

TEST(ByteView, SlicesAndClamps) {
  ASSERT_TRUE(kView.slice(8, 4));
  EXPECT_EQ(kView.slice(8, 4)->size(), 4u);
  EXPECT_FALSE(kView.slice(8, 5));
  EXPECT_FALSE(kView.slice(UINT64_MAX, 2));
  EXPECT_EQ(kView.clamp(8, 100).size(), 4u);
  EXPECT_EQ(kView.clamp(8, UINT64_MAX).size(), 4u);
  EXPECT_EQ(kView.clamp(100, 1).size(), 0u);
  EXPECT_EQ(kView.left(8), 4u);
  EXPECT_EQ(kView.left(12), 0u);
  EXPECT_EQ(kView.left(13), 0u);
}

TEST(ByteView, CStringsEndAtNulOrAtTheEnd) {
  EXPECT_EQ(kView.c_string(8), "ab");
  EXPECT_EQ(kView.c_string(11), "c");
  EXPECT_EQ(kView.c_string(8, 1), "a");
  EXPECT_EQ(kView.c_string(99), "");
}

struct Layout {
  le16 a;
  le64 b;
  le8 c;
};
static_assert(sizeof(Layout) == 11);

TEST(ByteView, LayoutsHaveNoPadding) {
  const auto layout = kView.get<Layout>(1);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->a, 0x0302);
  EXPECT_EQ(layout->b, 0x0062618807060504u);
  EXPECT_EQ(layout->c, 'c');
  EXPECT_FALSE(kView.get<Layout>(2));
}

TEST(Checked, OverflowIsNothing) {
  EXPECT_EQ(checked_add(1, 2), 3u);
  EXPECT_EQ(checked_add(UINT64_MAX, 0), UINT64_MAX);
  EXPECT_FALSE(checked_add(UINT64_MAX, 1));
  EXPECT_EQ(checked_mul(1ULL << 31, 1ULL << 32), 1ULL << 63);
  EXPECT_FALSE(checked_mul(1ULL << 32, 1ULL << 32));
}

TEST(Budget, CountsStepsAndRemembersPlaces) {
  Budget budget(3);
  EXPECT_EQ(budget.step(10), Budget::Answer::go_on);
  EXPECT_EQ(budget.step(20), Budget::Answer::go_on);
  EXPECT_EQ(budget.step(10), Budget::Answer::visited);
  EXPECT_EQ(budget.step(30), Budget::Answer::used_up);
}

} // namespace
} // namespace dumptriage
