#include "system/pool.h"

#include <gtest/gtest.h>

#include "system/kernel_scene.h"

namespace dumptriage::system {
namespace {

using Build = synth::KernelBuild;
using Address = std::uint64_t;

// A page of pool at a place of its own, its headers written by hand.
class PoolPage {
public:
  explicit PoolPage(Build build, bool old_form = false) : scene(build), old_(old_form) {
    auto& o = scene.objects;
    Address start = o.allocate(0x2000);
    page = (start + 0xFFF) & ~0xFFFull;
  }

  void block(std::uint32_t size, const char* tag, std::uint8_t type, std::uint8_t data = 0) {
    auto& o = scene.objects;
    Address at = page + used_;
    std::uint32_t unit = o.at.pointer == 8 ? 16 : old_ ? 32 : 8;
    std::uint32_t header = o.at.pointer == 8 ? 16 : 8;
    if (o.at.pointer == 8) {
      o.put(at, before_ / unit, 1);
      o.put(at + 2, size / unit, 1);
      o.put(at + 3, type, 1);
    } else if (old_) {
      o.put(at, before_ / unit, 1);
      o.put(at + 2, type, 1);
      o.put(at + 3, size / unit, 1);
    } else {
      o.put(at, before_ / unit, 2);
      o.put(at + 2, size / unit | type << 9, 2);
    }
    o.put_bytes(at + 4, tag);
    for (std::uint32_t i = header; i < size; ++i) o.put(at + i, data, 1);
    before_ = size;
    used_ += size;
  }
  void rest(const char* tag, std::uint8_t type) {
    // Sizes of old forms are bytes of units: a page is filled by pieces.
    while (used_ < 0x1000) block(std::min(0x1000 - used_, 0x800u), tag, type);
  }
  PoolFinding read(std::uint32_t offset) {
    return read_pool(scene.view(), page + offset, "asked for");
  }

  KernelScene scene;
  Address page = 0;

private:
  bool old_;
  std::uint32_t used_ = 0, before_ = 0;
};

TEST(Pool, PageOf2003) {
  PoolPage pool(Build::ws2003sp2_x86);
  pool.block(0x40, "Irp ", 5);
  pool.block(0x28, "NbtL", 0, 0x5A);
  pool.block(0x100, "Mup\xE6", 6); // protected: the last letter's high bit
  pool.rest("Free", 0);
  PoolFinding finding = pool.read(0x48);
  EXPECT_EQ(finding.undecided, "");
  EXPECT_EQ(finding.form, "units of 8 bytes");
  EXPECT_FALSE(finding.inconsistent_at);
  ASSERT_EQ(finding.blocks.size(), 5u);
  EXPECT_EQ(finding.blocks[0].tag, "Irp ");
  EXPECT_EQ(finding.blocks[0].state, "allocated");
  EXPECT_EQ(finding.blocks[0].pool, "nonpaged");
  EXPECT_FALSE(finding.blocks[0].asked);
  EXPECT_TRUE(finding.blocks[1].asked);
  EXPECT_EQ(finding.blocks[1].address, pool.page + 0x40);
  EXPECT_EQ(finding.blocks[1].size, 0x28u);
  EXPECT_EQ(finding.blocks[1].state, "free");
  EXPECT_EQ(finding.fill, "0x5A5A5A5A");
  EXPECT_EQ(finding.blocks[2].tag, "Mupf");
  EXPECT_EQ(finding.blocks[2].pool, "paged");
  EXPECT_EQ(finding.trust, "read");
}

// From Vista on odd is paged, and 2 says "in use".
TEST(Pool, PageOfWindows7) {
  PoolPage pool(Build::win7sp1_x64);
  pool.block(0x40, "Irp ", 2);
  pool.block(0x80, "Ntfx", 3);
  pool.block(0x50, "Gone", 1);
  pool.rest("Free", 0);
  PoolFinding finding = pool.read(0x60);
  EXPECT_FALSE(finding.inconsistent_at);
  EXPECT_EQ(finding.blocks[0].pool, "nonpaged");
  EXPECT_EQ(finding.blocks[0].state, "allocated");
  EXPECT_EQ(finding.blocks[1].pool, "paged");
  EXPECT_TRUE(finding.blocks[1].asked);
  EXPECT_EQ(finding.blocks[2].state, "");
  EXPECT_EQ(finding.blocks[2].pool, "paged");
  EXPECT_EQ(finding.blocks.back().state, "free");
}

// Each lie ends the walk at its block, and the block before it is named.
TEST(Pool, OverrunIsFoundAtTheNextHeader) {
  for (Build build : {Build::ws2003sp2_x86, Build::win7sp1_x64}) {
    PoolPage pool(build);
    pool.block(0x40, "Good", build == Build::win7sp1_x64 ? 2 : 1);
    pool.block(0x60, "Sfms", build == Build::win7sp1_x64 ? 2 : 1);
    pool.rest("Next", 0);
    pool.scene.objects.put_bytes(pool.page + 0xA0, "AAAAAAAA overrun");
    PoolFinding finding = pool.read(0x50);
    ASSERT_TRUE(finding.inconsistent_at);
    EXPECT_EQ(*finding.inconsistent_at, pool.page + 0xA0);
    ASSERT_EQ(finding.blocks.size(), 2u);
    EXPECT_NE(finding.diagnosis.find("tag 'Sfms'"), std::string::npos) << finding.diagnosis;
    EXPECT_NE(finding.damage.find("AAAAAAAA overrun"), std::string::npos) << finding.damage;
    EXPECT_TRUE(finding.damage.starts_with("41 41 41")) << finding.damage;
  }
}

TEST(Pool, WrongPreviousSizeAndZeroSize) {
  PoolPage pool(Build::win7sp1_x64);
  pool.block(0x40, "Good", 2);
  pool.block(0x60, "Next", 2);
  pool.rest("Free", 0);
  pool.scene.objects.put(pool.page + 0x40, 3, 1);
  PoolFinding finding = pool.read(0x10);
  ASSERT_EQ(finding.inconsistent_at, pool.page + 0x40);
  EXPECT_NE(finding.diagnosis.find("0x30 bytes, which has 0x40"), std::string::npos)
      << finding.diagnosis;

  PoolPage zero(Build::win7sp1_x64);
  zero.block(0x40, "Good", 2);
  zero.rest("Free", 0);
  zero.scene.objects.put(zero.page + 0x42, 0, 1);
  finding = zero.read(0x10);
  ASSERT_EQ(finding.inconsistent_at, zero.page + 0x40);
  EXPECT_NE(finding.diagnosis.find("block size of 0"), std::string::npos);
}

// NT 4's form is not published: the page tells which one it is.
TEST(Pool, FormOfNt4IsProbed) {
  PoolPage old(Build::nt4_x86, true);
  old.block(0x40, "Irp ", 1);
  old.block(0x60, "Thre", 2);
  old.rest("Free", 0);
  PoolFinding finding = old.read(0x50);
  EXPECT_EQ(finding.form, "Windows 2000, units of 32 bytes");
  EXPECT_EQ(finding.trust, "self_checked");
  ASSERT_GE(finding.blocks.size(), 2u);
  EXPECT_EQ(finding.blocks[1].tag, "Thre");
  EXPECT_TRUE(finding.blocks[1].asked);

  PoolPage later(Build::nt4_x86, false);
  later.block(0x48, "Irp ", 1);
  later.rest("Free", 0);
  EXPECT_EQ(later.read(0).form, "units of 8 bytes");

  PoolPage torn(Build::nt4_x86, true);
  torn.block(0x40, "Irp ", 1);
  torn.rest("Free", 0);
  torn.scene.objects.put(torn.page + 0x43, 0, 1);
  finding = torn.read(0);
  EXPECT_TRUE(finding.blocks.empty());
  EXPECT_NE(finding.undecided.find("not published"), std::string::npos);
}

TEST(Pool, SegmentHeapIsUndecidedUnlessThePageProvesItself) {
  PoolPage whole(Build::win10_19041_x64);
  whole.block(0x40, "Good", 2);
  whole.rest("Free", 0);
  EXPECT_EQ(whole.read(0).undecided, "");

  PoolPage torn(Build::win10_19041_x64);
  torn.block(0x40, "Good", 2);
  torn.rest("Free", 0);
  torn.scene.objects.put(torn.page + 0x40, 0x77, 1);
  PoolFinding finding = torn.read(0);
  EXPECT_TRUE(finding.blocks.empty());
  EXPECT_NE(finding.undecided.find("segment heap"), std::string::npos);
}

TEST(Pool, WhatIsNoPool) {
  PoolPage pool(Build::ws2003sp2_x86);
  PoolFinding zeros = pool.read(0x10);
  EXPECT_NE(zeros.undecided.find("no block header"), std::string::npos);
  EXPECT_NE(read_pool(pool.scene.view(), 0x1000, "").undecided.find("no address of the kernel"),
            std::string::npos);
  EXPECT_NE(read_pool(pool.scene.view(), 0xF0000000, "").undecided.find("not in the dump"),
            std::string::npos);
}

// A page of which the dump holds the first bytes only.
TEST(Pool, PageCutOffAtEveryByte) {
  for (std::uint32_t size = 0; size < 0x100; ++size) {
    KernelScene scene(Build::win7sp1_x64);
    constexpr Address page = 0xFFFFFA8010000000;
    if (size != 0) scene.objects.place(page, size);
    if (size > 2) scene.objects.put(page + 2, 0x80, 1); // half the page, longer than what is there
    PoolFinding finding = read_pool(scene.view(), page, "asked for");
    if (size < 16) {
      EXPECT_EQ(finding.undecided, "its page is not in the dump");
    } else {
      EXPECT_EQ(finding.blocks.size(), 1u);
      EXPECT_EQ(finding.inconsistent_at, page + 0x800);
      EXPECT_NE(finding.diagnosis.find("not in the dump"), std::string::npos);
    }
  }
}

} // namespace
} // namespace dumptriage::system
