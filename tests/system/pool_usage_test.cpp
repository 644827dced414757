#include "system/pool_usage.h"

#include <gtest/gtest.h>

#include "system/kernel_scene.h"

namespace dumptriage::system {
namespace {

using Build = synth::KernelBuild;
using Address = std::uint64_t;

struct Row {
  const char* tag;
  std::uint64_t nonpaged_blocks, nonpaged_bytes, paged_blocks, paged_bytes;
};

// POOL_TRACKER_TABLE as the PDBs have it: of 2003 and 7 (allocs, frees, bytes of 4 bytes, bytes of
// pointers), and of 10 from 16299 on (bytes first, counters of 8).
struct Machine {
  explicit Machine(Build build, std::uint32_t rows = 64) : scene(build), o(scene.objects) {
    later = build == Build::win10_19041_x64;
    row_size = later ? 56 : o.at.pointer == 8 ? 40 : 28;
    table = o.allocate(rows * row_size);
    variable = o.allocate(0x40) + 0x10;
    o.put_pointer(variable, table);
    o.put_pointer(variable - o.at.pointer, rows);
    scene.kdbg_variables[0x1B8] = variable;
    scene.processors = 1;
  }
  void put(std::uint32_t place, const Row& row) {
    constexpr std::uint32_t kFreed = 1000;
    Address at = table + place * row_size;
    const int p = o.at.pointer;
    o.put_bytes(at, row.tag);
    const std::uint64_t blocks[] = {row.nonpaged_blocks, row.paged_blocks},
                        bytes[] = {row.nonpaged_bytes, row.paged_bytes};
    for (std::uint32_t i = 0; i < 2; ++i) {
      std::uint32_t allocs = later ? 0x10 + i * 0x18 : i == 0 ? 4 : p == 8 ? 0x18 : 0x10;
      std::uint32_t frees = allocs + (later ? 8 : 4);
      std::uint32_t amount = later    ? 8 + i * 0x18
                             : p == 8 ? allocs + (i == 0 ? 12 : 8)
                                      : allocs + 8;
      o.put(at + allocs, kFreed + blocks[i], later ? 8 : 4);
      o.put(at + frees, kFreed, later ? 8 : 4);
      o.put(at + amount, bytes[i], p);
    }
  }
  KernelScene scene;
  synth::KernelObjects& o;
  bool later = false;
  std::uint32_t row_size = 0;
  Address table = 0, variable = 0;
};

void put_some(Machine& machine) {
  machine.put(3, {"Irp ", 10, 6000, 0, 0});
  machine.put(17, {"Leak", 900, 90'000, 3, 600});
  machine.put(40, {"MmSt", 0, 0, 100, 9'400});
  machine.put(63, {"Ntf\xE6", 40, 4'000, 0, 0}); // protected
}

class PoolUsageOf : public testing::TestWithParam<Build> {};
INSTANTIATE_TEST_SUITE_P(Builds, PoolUsageOf,
                         testing::Values(Build::ws2003sp2_x86, Build::win7sp1_x64,
                                         Build::win10_19041_x64));

TEST_P(PoolUsageOf, ByTag) {
  Machine machine(GetParam());
  put_some(machine);
  PoolUsage usage = read_pool_usage(machine.scene.view());
  EXPECT_TRUE(usage.complete) << usage.missing;
  EXPECT_EQ(usage.from, "PoolTrackTable");
  ASSERT_EQ(usage.tags.size(), 5u);
  EXPECT_EQ(usage.tags[0].tag, "Leak");
  EXPECT_EQ(usage.tags[0].pool, "nonpaged");
  EXPECT_EQ(usage.tags[0].bytes, 90'000u);
  EXPECT_EQ(usage.tags[0].blocks, 900u);
  EXPECT_EQ(usage.tags[0].share, 90u);
  EXPECT_EQ(usage.tags[1].tag, "MmSt");
  EXPECT_EQ(usage.tags[1].pool, "paged");
  EXPECT_EQ(usage.tags[1].share, 94u);
  EXPECT_EQ(usage.tags[2].tag, "Irp ");
  EXPECT_EQ(usage.tags[2].share, 6u);
  EXPECT_EQ(usage.tags[3].tag, "Ntff");
  EXPECT_EQ(usage.tags[4].bytes, 600u);
}

// Where the number of rows is not at hand they go on to what is no row.
TEST_P(PoolUsageOf, WithoutTheirNumber) {
  Machine machine(GetParam(), 192);
  put_some(machine);
  machine.o.put_pointer(machine.variable - machine.o.at.pointer, 0x80001234);
  for (std::uint32_t i = 128; i < 192; ++i)
    for (std::uint32_t at = 0; at < machine.row_size; at += 4)
      machine.o.put(machine.table + i * machine.row_size + at, 0x01020304 * (i + at), 4);
  PoolUsage usage = read_pool_usage(machine.scene.view());
  EXPECT_TRUE(usage.complete) << usage.missing;
  EXPECT_EQ(usage.tags.size(), 5u);
}

TEST_P(PoolUsageOf, RowsThatContradictThemselvesAreNotBelieved) {
  Machine machine(GetParam());
  put_some(machine);
  machine.put(5, {"Mor", 1, 0, 0, 0});             // no tag, a block without bytes
  machine.put(6, {"Less", 0, 800, 0, 0});          // bytes without a block
  machine.put(7, {"Nega", ~0ull - 4, 8000, 0, 0}); // more freed than allocated
  PoolUsage usage = read_pool_usage(machine.scene.view());
  EXPECT_TRUE(usage.tags.empty());
  EXPECT_FALSE(usage.complete);
  EXPECT_NE(usage.missing.find("of 7 rows"), std::string::npos) << usage.missing;
}

TEST(PoolUsage, ProcessorsThatCountForThemselves) {
  for (std::uint32_t processors : {1u, 2u}) {
    Machine machine(Build::win7sp1_x64);
    for (std::uint32_t i = 0; i < 30; ++i) machine.put(i, {"Good", 10, 6000 + i, 0, 0});
    machine.put(31, {"Othr", ~0ull - 4, 0, 0, 0});
    machine.scene.processors = processors;
    PoolUsage usage = read_pool_usage(machine.scene.view());
    EXPECT_EQ(usage.complete, processors == 1);
  }
}

TEST(PoolUsage, WhatIsMissingIsSaid) {
  KernelScene nt4(Build::nt4_x86);
  EXPECT_NE(read_pool_usage(nt4.view()).missing.find("NT 4"), std::string::npos);

  Machine none(Build::ws2003sp2_x86);
  none.o.put_pointer(none.variable, 0);
  EXPECT_NE(read_pool_usage(none.scene.view()).missing.find("does not keep"), std::string::npos);

  Machine gone(Build::ws2003sp2_x86);
  gone.o.put_pointer(gone.variable, 0xF0000000);
  EXPECT_NE(read_pool_usage(gone.scene.view()).missing.find("not in the dump"), std::string::npos);
}

TEST(PoolUsage, CutOffAtEveryRow) {
  for (std::uint32_t left = 0; left < 64; ++left) {
    Machine machine(Build::win7sp1_x64);
    put_some(machine);
    machine.o.cut(machine.table, left * machine.row_size + 5);
    PoolUsage usage = read_pool_usage(machine.scene.view());
    EXPECT_FALSE(usage.complete);
    EXPECT_TRUE(usage.tags.empty()); // shares of a part would be wrong
    EXPECT_NE(usage.missing, "");
  }
}

} // namespace
} // namespace dumptriage::system
