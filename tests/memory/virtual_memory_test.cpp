// VirtualMemory with a walker of the test's own: which of the three answers, and how often the
// walker is asked.
#include <gtest/gtest.h>

#include <map>

#include "memory/virtual_memory.h"

namespace dumptriage::memory {
namespace {

constexpr std::uint64_t kPage = 0x1000;

std::map<std::uint64_t, Translation> pages; // by virtual page address
int walks = 0;

Translation walk(const AddressSpace&, const PageTables&, std::uint64_t address) {
  ++walks;
  const auto it = pages.find(address / kPage * kPage);
  if (it == pages.end()) return {Presence::unmapped, 0, kPage, false};
  Translation answer = it->second;
  answer.physical += address % kPage;
  return answer;
}

struct VirtualMemoryTest : ::testing::Test {
  VirtualMemoryTest() {
    pages.clear();
    walks = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::uint8_t(i / kPage + 1);
    auto flat = std::make_shared<FlatRanges>();
    flat->add(0x10000, ByteView(bytes.data(), bytes.size()));
    flat->seal();
    physical = flat;
  }
  void map(std::uint64_t virtual_page, std::uint64_t frame, Presence presence = Presence::present) {
    pages[virtual_page] = {presence, frame, kPage, false};
  }
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(3 * kPage);
  std::shared_ptr<const AddressSpace> physical;
};

TEST_F(VirtualMemoryTest, ReadsPageByPageAndStopsWithTheReason) {
  map(0x5000, 0x12000);
  map(0x6000, 0x10000);
  map(0x7000, 0, Presence::paged_out);
  map(0x9000, 0, Presence::absent);
  map(0xB000, 0x80000); // mapped, but the frame is not in the dump
  const VirtualMemory memory(physical, {Paging::x64, 0, 0}, walk, kPage);
  std::vector<std::byte> out(0x3000);
  ReadOutcome outcome = memory.read(0x5FFF, out);
  EXPECT_EQ(outcome.got, 0x1001u);
  EXPECT_EQ(outcome.presence, Presence::paged_out);
  EXPECT_EQ(out[0], std::byte{3});
  EXPECT_EQ(out[1], std::byte{1});
  EXPECT_EQ(out[0x1000], std::byte{1});
  EXPECT_EQ(memory.read(0x8000, out).presence, Presence::unmapped);
  EXPECT_EQ(memory.read(0x9000, out).presence, Presence::absent);
  EXPECT_EQ(memory.read(0xB000, out).presence, Presence::absent);
  EXPECT_EQ(memory.read(0xB000, out).got, 0u);
}

TEST_F(VirtualMemoryTest, OneWalkAPage) {
  map(0x5000, 0x10000);
  const VirtualMemory memory(physical, {Paging::x64, 0, 0}, walk, kPage);
  for (std::uint64_t at = 0x5000; at < 0x5F00; at += 8) EXPECT_TRUE(memory.u64(at));
  EXPECT_EQ(walks, 1);
  EXPECT_EQ(memory.translate(0x5123).physical, 0x10123u);
  EXPECT_EQ(walks, 1);
}

TEST_F(VirtualMemoryTest, AddressesThatShareACacheEntryDoNotMix) {
  // The same low bits, far apart; asked in turns.
  map(0x5000, 0x10000);
  map(0x5000 + (std::uint64_t{1} << 40), 0x11000);
  const VirtualMemory memory(physical, {Paging::x64, 0, 0}, walk, kPage);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(memory.u64(0x5000), 0x0101010101010101u);
    EXPECT_EQ(memory.u64(0x5000 + (std::uint64_t{1} << 40)), 0x0202020202020202u);
  }
}

TEST_F(VirtualMemoryTest, NothingIsReadPastTheEndOf64Bits) {
  const std::uint64_t top = UINT64_MAX - (kPage - 1);
  map(top, 0x10000);
  map(0, 0x11000);
  const VirtualMemory memory(physical, {Paging::x64, 0, 0}, walk, kPage);
  std::vector<std::byte> out(16);
  const ReadOutcome outcome = memory.read(UINT64_MAX - 3, out);
  EXPECT_EQ(outcome.got, 4u);
  EXPECT_EQ(outcome.presence, Presence::unmapped);
  const auto range = memory.range_around(UINT64_MAX - 1);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->start, top);
  EXPECT_EQ(range->end, UINT64_MAX);
  const auto low = memory.range_around(5);
  ASSERT_TRUE(low);
  EXPECT_EQ(low->start, 0u);
  EXPECT_EQ(low->end, kPage);
}

TEST_F(VirtualMemoryTest, RangeAroundEndsAtWhatCannotBeRead) {
  map(0x5000, 0x10000);
  map(0x6000, 0x12000);
  map(0x7000, 0x80000); // not in the dump
  const VirtualMemory memory(physical, {Paging::x64, 0, 0}, walk, kPage);
  const auto range = memory.range_around(0x6008);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->start, 0x5000u);
  EXPECT_EQ(range->end, 0x7000u);
  EXPECT_FALSE(memory.range_around(0x7000));
  EXPECT_FALSE(memory.range_around(0x4FFF));
}

TEST_F(VirtualMemoryTest, WithoutAWalkerNothingIsKnown) {
  const VirtualMemory memory(physical, {}, nullptr, kPage);
  std::vector<std::byte> out(16);
  EXPECT_EQ(memory.read(0x5000, out).presence, Presence::absent);
  EXPECT_FALSE(memory.range_around(0x5000));
}

} // namespace
} // namespace dumptriage::memory
