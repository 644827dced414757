// FlatRanges: overlaps, order, gaps, the end of the address space.

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "memory/address_space.h"

namespace dumptriage::memory {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes filled(std::size_t size, std::uint8_t value) { return Bytes(size, value); }
ByteView view(const Bytes& bytes) { return ByteView(bytes.data(), bytes.size()); }

// The byte at an address, or -1.
int byte_at(const FlatRanges& memory, std::uint64_t address) {
  std::byte byte{};
  const ReadOutcome outcome = memory.read(address, std::span(&byte, 1));
  if (outcome.got == 0) {
    EXPECT_EQ(outcome.presence, Presence::absent);
    return -1;
  }
  EXPECT_EQ(outcome.origin, Origin::dump);
  return static_cast<int>(byte);
}

TEST(FlatRanges, EmptyHoldsNothing) {
  FlatRanges memory;
  memory.seal();
  EXPECT_EQ(byte_at(memory, 0), -1);
  EXPECT_EQ(byte_at(memory, UINT64_MAX), -1);
  EXPECT_FALSE(memory.range_around(0));
  EXPECT_EQ(memory.byte_count(), 0u);
}

TEST(FlatRanges, ReadsAcrossPiecesThatTouchAndStopsAtAGap) {
  const Bytes a = filled(16, 1), b = filled(16, 2), c = filled(16, 3);
  FlatRanges memory;
  memory.add(0x1020, view(c)); // order of adding does not matter for where bytes are
  memory.add(0x1000, view(a));
  memory.add(0x1010, view(b));
  memory.add(0x1040, view(a));
  memory.seal();
  std::array<std::byte, 0x60> out{};
  const ReadOutcome outcome = memory.read(0x1008, out);
  EXPECT_EQ(outcome.got, 0x28u);
  EXPECT_EQ(outcome.presence, Presence::absent);
  EXPECT_EQ(out[7], std::byte{1});
  EXPECT_EQ(out[8], std::byte{2});
  EXPECT_EQ(out[0x27], std::byte{3});
  EXPECT_EQ(byte_at(memory, 0xFFF), -1);
  EXPECT_EQ(byte_at(memory, 0x1030), -1);
  EXPECT_EQ(byte_at(memory, 0x1040), 1);
  EXPECT_EQ(memory.byte_count(), 0x40u);
}

TEST(FlatRanges, ThePieceAddedFirstWins) {
  const Bytes first = filled(0x10, 1), second = filled(0x30, 2), third = filled(0x100, 3);
  FlatRanges memory;
  memory.add(0x1010, view(first));
  memory.add(0x1000, view(second));
  memory.add(0x0FF0, view(third));
  memory.seal();
  EXPECT_EQ(byte_at(memory, 0x0FF0), 3);
  EXPECT_EQ(byte_at(memory, 0x0FFF), 3);
  EXPECT_EQ(byte_at(memory, 0x1000), 2);
  EXPECT_EQ(byte_at(memory, 0x100F), 2);
  EXPECT_EQ(byte_at(memory, 0x1010), 1);
  EXPECT_EQ(byte_at(memory, 0x101F), 1);
  EXPECT_EQ(byte_at(memory, 0x1020), 2);
  EXPECT_EQ(byte_at(memory, 0x102F), 2);
  EXPECT_EQ(byte_at(memory, 0x1030), 3);
  EXPECT_EQ(byte_at(memory, 0x10EF), 3);
  EXPECT_EQ(byte_at(memory, 0x10F0), -1);
  EXPECT_EQ(memory.byte_count(), 0x100u);
}

TEST(FlatRanges, RangeAroundJoinsPiecesThatTouch) {
  const Bytes a = filled(0x10, 1), b = filled(0x20, 2);
  FlatRanges memory;
  memory.add(0x1000, view(a));
  memory.add(0x1010, view(b));
  memory.add(0x1030, view(a));
  memory.add(0x1050, view(a));
  memory.seal();
  for (std::uint64_t at : {0x1000, 0x100F, 0x1010, 0x1030, 0x103F}) {
    const auto range = memory.range_around(at);
    ASSERT_TRUE(range) << at;
    EXPECT_EQ(range->start, 0x1000u);
    EXPECT_EQ(range->end, 0x1040u);
  }
  EXPECT_FALSE(memory.range_around(0xFFF));
  EXPECT_FALSE(memory.range_around(0x1040));
  EXPECT_EQ(memory.range_around(0x1050)->end, 0x1060u);
}

TEST(FlatRanges, TheEndOfTheAddressSpaceDoesNotWrap) {
  const Bytes bytes = filled(0x20, 7);
  FlatRanges memory;
  memory.add(UINT64_MAX - 0xF, view(bytes));
  memory.add(UINT64_MAX, view(bytes));
  memory.seal();
  EXPECT_EQ(byte_at(memory, UINT64_MAX - 0xF), 7);
  EXPECT_EQ(byte_at(memory, UINT64_MAX - 1), 7);
  EXPECT_EQ(byte_at(memory, 0), -1);
  EXPECT_EQ(byte_at(memory, 0xF), -1);
  std::array<std::byte, 0x40> out{};
  EXPECT_LE(memory.read(UINT64_MAX - 0xF, out).got, 0x10u);
  EXPECT_LE(memory.read(UINT64_MAX, out).got, 1u);
}

TEST(FlatRanges, NumbersAreLittleEndianAndWholeOrNothing) {
  const Bytes bytes = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xAA};
  FlatRanges memory;
  memory.add(0x1000, view(bytes));
  memory.seal();
  EXPECT_EQ(memory.u64(0x1000), 0x1122334455667788u);
  EXPECT_EQ(memory.u32(0x1000), 0x55667788u);
  EXPECT_EQ(memory.pointer(0x1000, 4), 0x55667788u);
  EXPECT_EQ(memory.pointer(0x1000, 8), 0x1122334455667788u);
  EXPECT_EQ(memory.u64(0x1001), 0xAA11223344556677u);
  EXPECT_FALSE(memory.u64(0x1002));
  EXPECT_FALSE(memory.u32(0xFFF));
}

// Against the plainest possible model: a map from address to byte, filled in order.
TEST(FlatRanges, AgreesWithAModelOnRandomPieces) {
  std::mt19937 random(42);
  for (int round = 0; round < 200; ++round) {
    std::vector<Bytes> contents;
    std::map<std::uint64_t, int> model;
    FlatRanges memory;
    const int count = 1 + random() % 12;
    contents.reserve(count);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t address = random() % 100;
      contents.push_back(filled(random() % 40, static_cast<std::uint8_t>(i + 1)));
      for (std::size_t k = 0; k < contents.back().size(); ++k) model.emplace(address + k, i + 1);
      memory.add(address, view(contents.back()));
    }
    memory.seal();
    EXPECT_EQ(memory.byte_count(), model.size());
    for (std::uint64_t at = 0; at < 150; ++at) {
      const auto expected = model.find(at);
      ASSERT_EQ(byte_at(memory, at), expected == model.end() ? -1 : expected->second)
          << "round " << round << " at " << at;
      const auto range = memory.range_around(at);
      ASSERT_EQ(range.has_value(), expected != model.end());
      if (!range) continue;
      for (std::uint64_t k = range->start; k < range->end; ++k) ASSERT_TRUE(model.contains(k));
      ASSERT_FALSE(range->start && model.contains(range->start - 1));
      ASSERT_FALSE(model.contains(range->end));
    }
  }
}

// A walk from piece to piece would be 100,000 times 200,000 steps.
TEST(FlatRanges, ManyTouchingPiecesAreOneRangeAtOnce) {
  const std::vector<std::byte> eight(8);
  FlatRanges memory;
  for (std::uint64_t i = 0; i < 200000; ++i)
    memory.add(0x1000 + 8 * i, ByteView(eight.data(), eight.size()));
  memory.seal();
  for (std::uint64_t i = 0; i < 100000; ++i) {
    const auto range = memory.range_around(0x1000 + 16 * i);
    ASSERT_TRUE(range && range->start == 0x1000 && range->end == 0x1000 + 8 * 200000);
  }
}

} // namespace
} // namespace dumptriage::memory
