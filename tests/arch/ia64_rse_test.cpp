// The register stack in memory, against a count slot by slot.
#include "arch/ia64_rse.h"

#include <gtest/gtest.h>

namespace dumptriage::arch {
namespace {

bool holds_nats(std::uint64_t address) { return address / 8 % 64 == 63; }
// One register up or down, NaT collections passed over.
std::uint64_t next(std::uint64_t address) {
  do address += 8;
  while (holds_nats(address));
  return address;
}
std::uint64_t previous(std::uint64_t address) {
  do address -= 8;
  while (holds_nats(address));
  return address;
}

TEST(Ia64Rse, SkipCountsAsASlotBySlotWalkDoes) {
  for (std::uint64_t start = 0x9FFFFFFF7F600000; start < 0x9FFFFFFF7F600400; start += 8) {
    if (holds_nats(start)) continue;
    std::uint64_t up = start, down = start;
    for (int n = 0; n <= 300; ++n) {
      ASSERT_EQ(ia64_skip(start, n), up) << std::hex << start << " + " << std::dec << n;
      ASSERT_EQ(ia64_skip(start, -n), down) << std::hex << start << " - " << std::dec << n;
      up = next(up);
      down = previous(down);
    }
  }
}

TEST(Ia64Rse, SkipFromACollection) { // where bspstore may stand
  EXPECT_EQ(ia64_skip(0x1F8, 0), 0x200u);
  EXPECT_EQ(ia64_skip(0x1F8, 1), 0x208u);
  EXPECT_EQ(ia64_skip(0x1F8, -1), 0x1F0u);
}

TEST(Ia64Rse, SkipThereAndBack) {
  for (std::uint64_t start :
       {0x0ull, 0x1F0ull, 0x200ull, 0xFFFFFFFFFFFFF000ull, 0x8000000000000000ull})
    for (int n = 0; n <= 127; ++n) EXPECT_EQ(ia64_skip(ia64_skip(start, n), -n), start) << n;
}

TEST(Ia64Rse, Collections) {
  EXPECT_TRUE(ia64_is_nat_collection(0x9FFFFFFF7F6001F8));
  EXPECT_FALSE(ia64_is_nat_collection(0x9FFFFFFF7F6001F0));
  EXPECT_EQ(ia64_nat_collection(0x9FFFFFFF7F600008), 0x9FFFFFFF7F6001F8);
  EXPECT_EQ(ia64_nat_collection(0x9FFFFFFF7F600200), 0x9FFFFFFF7F6003F8);
}

TEST(Ia64Rse, Marker) {
  // sof 20, sol 12, sor 8, rrb.gr 3, rrb.fr 9, rrb.pr 7
  const Ia64FrameMarker m{20 | 12 << 7 | 1 << 14 | 3 << 18 | 9ull << 25 | 7ull << 32};
  EXPECT_EQ(m.sof(), 20u);
  EXPECT_EQ(m.sol(), 12u);
  EXPECT_EQ(m.sor(), 8u);
  EXPECT_EQ(m.rrb_gr(), 3u);
  EXPECT_EQ(m.rrb_pr(), 7u);
  EXPECT_TRUE(m.plausible());
  EXPECT_TRUE(Ia64FrameMarker{0}.plausible());
  EXPECT_TRUE(Ia64FrameMarker{96 | 96 << 7}.plausible());
  EXPECT_FALSE(Ia64FrameMarker{97}.plausible());
  EXPECT_FALSE((Ia64FrameMarker{4 | 5 << 7}.plausible()));
  EXPECT_FALSE((Ia64FrameMarker{7 | 1 << 14}.plausible())); // 8 of 7 rotate
  EXPECT_FALSE((Ia64FrameMarker{8 | 1 << 14 | 8 << 18}.plausible()));
  EXPECT_FALSE((Ia64FrameMarker{8 | 1 << 18}.plausible())); // nothing rotates
  EXPECT_FALSE((Ia64FrameMarker{48ull << 32}.plausible()));
}

TEST(Ia64Rse, StackedRegisters) {
  const Ia64FrameMarker m{5};
  EXPECT_EQ(ia64_stacked(0x1E8, m, 32), 0x1E8u);
  EXPECT_EQ(ia64_stacked(0x1E8, m, 33), 0x1F0u);
  EXPECT_EQ(ia64_stacked(0x1E8, m, 34), 0x200u);
  EXPECT_EQ(ia64_stacked(0x1E8, m, 36), 0x210u);
  EXPECT_EQ(ia64_stacked(0x1E8, m, 37), std::nullopt);
  EXPECT_EQ(ia64_stacked(0x1E8, m, 31), std::nullopt);
  EXPECT_EQ(ia64_stacked(0x1E8, m, 0), std::nullopt);
}

TEST(Ia64Rse, RotatingRegisters) {
  const Ia64FrameMarker m{10 | 1 << 14 | 3 << 18}; // r32 ... r39 rotate, by 3
  EXPECT_EQ(ia64_stacked(0, m, 32), 3u * 8);
  EXPECT_EQ(ia64_stacked(0, m, 36), 7u * 8);
  EXPECT_EQ(ia64_stacked(0, m, 37), 0u);
  EXPECT_EQ(ia64_stacked(0, m, 39), 2u * 8);
  EXPECT_EQ(ia64_stacked(0, m, 40), 8u * 8); // does not rotate
  EXPECT_EQ(ia64_stacked(0, m, 41), 9u * 8);
}

} // namespace
} // namespace dumptriage::arch
