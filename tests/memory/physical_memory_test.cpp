// PhysicalMemory and its indexes: hand-laid files, lying counts, the end of 64 bits, and both
// indexes against a plain count.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "memory/physical_memory.h"
#include "memory/virtual_memory.h"

namespace dumptriage::memory {
namespace {

constexpr std::uint32_t kPage = 0x1000;
using Bytes = std::vector<std::uint8_t>;
ByteView view(const Bytes& bytes) { return ByteView(bytes.data(), bytes.size()); }

std::unique_ptr<PageIndex> runs(std::vector<PageRun> list, std::uint64_t first = 0x1000) {
  return index_of_runs(list, first, kPage);
}

TEST(RunIndex, PagesFollowEachOtherInTheOrderOfTheRuns) {
  const auto index = runs({{0x100, 2}, {0x10, 3}});
  EXPECT_EQ(index->page_count(), 5u);
  EXPECT_EQ(index->offset_of(0x100), 0x1000u);
  EXPECT_EQ(index->offset_of(0x101), 0x2000u);
  EXPECT_EQ(index->offset_of(0x10), 0x3000u);
  EXPECT_EQ(index->offset_of(0x12), 0x5000u);
  for (std::uint64_t pfn : {0ull, 0xFull, 0x13ull, 0xFFull, 0x102ull, ~0ull})
    EXPECT_FALSE(index->offset_of(pfn)) << pfn;
}

TEST(RunIndex, EmptyHoldsNothing) {
  EXPECT_EQ(runs({})->page_count(), 0u);
  EXPECT_FALSE(runs({})->offset_of(0));
  EXPECT_FALSE(runs({{5, 0}})->offset_of(5));
}

TEST(RunIndex, OfOverlappingRunsTheFirstWinsAndBothTakeUpTheFile) {
  const auto index = runs({{4, 2}, {3, 4}, {0, 10}});
  EXPECT_EQ(index->offset_of(4), 0x1000u);
  EXPECT_EQ(index->offset_of(5), 0x2000u);
  EXPECT_EQ(index->offset_of(3), 0x3000u); // first page of the second run
  EXPECT_EQ(index->offset_of(6), 0x6000u);
  EXPECT_EQ(index->offset_of(0), 0x7000u);
  EXPECT_EQ(index->offset_of(9), 0x10000u);
  EXPECT_EQ(index->page_count(), 10u);
}

TEST(RunIndex, CountsThatLeave64BitsAreCut) {
  const auto index = runs({{0, 1}, {1, UINT64_MAX}, {UINT64_MAX, 2}, {0x20, 1}});
  EXPECT_EQ(index->offset_of(0), 0x1000u);
  EXPECT_EQ(index->offset_of(1), 0x2000u);
  EXPECT_FALSE(index->offset_of(UINT64_MAX));
  // The last frame whose page still ends within 64 bits of the file.
  const auto far = runs({{0, 100}}, UINT64_MAX - 2 * kPage);
  EXPECT_TRUE(far->offset_of(1));
  EXPECT_FALSE(far->offset_of(2));
}

TEST(RunIndex, AgreesWithAPlainListOnRandomRuns) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<PageRun> list(random() % 12);
    std::map<std::uint64_t, std::uint64_t> expected;
    std::uint64_t offset = 0x1000;
    for (PageRun& run : list) {
      run = {random() % 64, random() % 16};
      for (std::uint64_t i = 0; i < run.page_count; ++i, offset += kPage)
        expected.emplace(run.base_page + i, offset); // keeps the first
    }
    const auto index = index_of_runs(list, 0x1000, kPage);
    ASSERT_EQ(index->page_count(), expected.size());
    for (std::uint64_t pfn = 0; pfn < 90; ++pfn) {
      const auto it = expected.find(pfn);
      const auto found = index->offset_of(pfn);
      ASSERT_EQ(found.has_value(), it != expected.end()) << pfn;
      if (found) {
        ASSERT_EQ(*found, it->second) << pfn;
      }
      const auto next = expected.lower_bound(pfn);
      ASSERT_EQ(index->next(pfn),
                next == expected.end() ? std::nullopt : std::optional(next->first))
          << pfn;
    }
  }
}

TEST(BitmapIndex, TheNthSetBitIsTheNthPage) {
  const Bytes bitmap = {0x05, 0x80, 0xFF};
  const auto index = index_of_bitmap(view(bitmap), 24, 0x4000, kPage);
  EXPECT_EQ(index->page_count(), 11u);
  EXPECT_EQ(index->offset_of(0), 0x4000u);
  EXPECT_FALSE(index->offset_of(1));
  EXPECT_EQ(index->offset_of(2), 0x5000u);
  EXPECT_EQ(index->offset_of(15), 0x6000u);
  EXPECT_EQ(index->offset_of(16), 0x7000u);
  EXPECT_EQ(index->offset_of(23), 0xE000u);
  EXPECT_FALSE(index->offset_of(24));
  EXPECT_FALSE(index->offset_of(UINT64_MAX));
}

TEST(BitmapIndex, BitsBeyondTheCountAndCountsBeyondTheBytesAreCut) {
  const Bytes bitmap = {0xFF, 0xFF};
  const auto few = index_of_bitmap(view(bitmap), 11, 0, kPage);
  EXPECT_EQ(few->page_count(), 11u);
  EXPECT_TRUE(few->offset_of(10));
  EXPECT_FALSE(few->offset_of(11));
  const auto many = index_of_bitmap(view(bitmap), UINT64_MAX, 0, kPage);
  EXPECT_EQ(many->page_count(), 16u);
  EXPECT_FALSE(many->offset_of(16));
  EXPECT_EQ(index_of_bitmap({}, 100, 0, kPage)->page_count(), 0u);
  EXPECT_FALSE(index_of_bitmap({}, 100, 0, kPage)->offset_of(0));
  EXPECT_FALSE(index_of_bitmap(view(bitmap), 16, UINT64_MAX - kPage, kPage)->offset_of(2));
}

TEST(BitmapIndex, AgreesWithACountOfEveryBit) {
  std::mt19937 random(11);
  for (std::size_t size : {1u, 511u, 512u, 513u, 3000u}) {
    Bytes bitmap(size);
    for (auto& byte : bitmap) byte = static_cast<std::uint8_t>(random());
    for (std::size_t i = size / 3; i < size / 2; ++i) bitmap[i] = 0; // a hole
    const std::uint64_t bits = size * 8 - random() % 8;
    const auto index = index_of_bitmap(view(bitmap), bits, 0x2000, kPage);
    std::uint64_t rank = 0;
    for (std::uint64_t pfn = 0; pfn < size * 8; ++pfn) {
      const bool set = pfn < bits && (bitmap[pfn / 8] >> (pfn % 8) & 1);
      const auto offset = index->offset_of(pfn);
      ASSERT_EQ(offset.has_value(), set) << pfn;
      if (set) {
        ASSERT_EQ(*offset, 0x2000 + kPage * rank++);
      }
    }
    EXPECT_EQ(index->page_count(), rank);
    std::optional<std::uint64_t> next;
    for (std::uint64_t pfn = size * 8; pfn-- > 0;) {
      if (index->offset_of(pfn)) next = pfn;
      ASSERT_EQ(index->next(pfn), next) << pfn;
    }
    EXPECT_FALSE(index->next(size * 8));
    EXPECT_FALSE(index->next(UINT64_MAX));
  }
}

// A file of header and pages; every byte of page n of the file is n + 1.
Bytes file_of(std::size_t pages) {
  Bytes file(0x1000);
  for (std::size_t i = 0; i < pages; ++i) file.insert(file.end(), kPage, std::uint8_t(i + 1));
  return file;
}

TEST(PhysicalMemory, ReadsAcrossFramesThatLieApartInTheFile) {
  const Bytes file = file_of(3);
  const PhysicalMemory memory(view(file), runs({{8, 1}, {20, 1}, {7, 1}}), kPage);
  std::array<std::byte, 4> out{};
  ASSERT_TRUE(memory.copy(0x7FFE, out)); // frame 7 is the third page, frame 8 the first
  EXPECT_EQ(out, (std::array{std::byte{3}, std::byte{3}, std::byte{1}, std::byte{1}}));
  const ReadOutcome at_end = memory.read(0x8FFE, out);
  EXPECT_EQ(at_end.got, 2u);
  EXPECT_EQ(at_end.presence, Presence::absent);
  EXPECT_EQ(memory.read(0x6000, out).got, 0u);
  EXPECT_EQ(memory.read(UINT64_MAX, out).got, 0u);
  EXPECT_TRUE(memory.has_page(20));
  EXPECT_FALSE(memory.has_page(21));
  const auto range = memory.range_around(0x8123);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->start, 0x7000u);
  EXPECT_EQ(range->end, 0x9000u);
  EXPECT_FALSE(memory.range_around(0x9000));
}

TEST(PhysicalMemory, AFileCutOffAnywhereGivesWhatIsThere) {
  const Bytes whole = file_of(2);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const PhysicalMemory memory(ByteView(whole.data(), size), runs({{1, 2}}), kPage);
    const std::uint64_t there = size > 0x1000 ? size - 0x1000 : 0;
    std::vector<std::byte> out(0x2000);
    const ReadOutcome outcome = memory.read(0x1000, out);
    ASSERT_EQ(outcome.got, there);
    ASSERT_EQ(outcome.presence, there < 0x2000 ? Presence::absent : Presence::present);
    const auto range = memory.range_around(0x1000);
    ASSERT_EQ(range.has_value(), there > 0);
    if (range) {
      ASSERT_EQ(range->end, 0x1000 + there);
    }
    ASSERT_EQ(memory.has_page(2), there == 0x2000);
  }
}

TEST(PhysicalMemory, TheReachOfRangeAroundIsBounded) {
  const Bytes file(0x1000 + 1000 * std::size_t{kPage});
  const PhysicalMemory memory(view(file), runs({{0, 1000}}), kPage);
  const auto range = memory.range_around(500 * kPage);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->start, (500 - 256) * std::uint64_t{kPage});
  EXPECT_EQ(range->end, (500 + 257) * std::uint64_t{kPage});
}

// Itanium's pages have 8 KiB: of one whose first half is not in the dump, the second can be read.
TEST(VirtualMemory, APageMayBePartlyThere) {
  constexpr std::uint32_t kLarge = 2 * kPage;
  const Bytes file = file_of(4);
  const auto physical = std::make_shared<const PhysicalMemory>(ByteView(file.data(), file.size()),
                                                               runs({{1, 3}, {5, 1}}), kPage);
  const auto identity = [](const AddressSpace&, const PageTables&, std::uint64_t address) {
    return Translation{Presence::present, address, kLarge, false};
  };
  const VirtualMemory memory(physical, {}, identity, kLarge);
  std::array<std::byte, 4> out{};
  ASSERT_TRUE(memory.copy(0x1800, out));
  for (std::uint64_t inside : {0x1000, 0x1800, 0x2000, 0x3FFF}) {
    const auto range = memory.range_around(inside);
    ASSERT_TRUE(range) << inside;
    EXPECT_EQ(range->start, 0x1000u);
    EXPECT_EQ(range->end, 0x4000u);
  }
  EXPECT_FALSE(memory.range_around(0x800));
  EXPECT_FALSE(memory.range_around(0x4800));
  EXPECT_EQ(memory.range_around(0x5800)->start, 0x5000u);
  EXPECT_EQ(memory.range_around(0x5800)->end, 0x6000u);
}

} // namespace
} // namespace dumptriage::memory
