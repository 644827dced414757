// What RsBSP names, told by frames laid down by hand: F is interrupted, called by G, called by H.
#include "ia64_scene.h"

namespace dumptriage::arch {
namespace {

class Ia64Settle : public Ia64Scene {
protected:
  static constexpr std::uint64_t kH = kBase + 0x3000;
  static constexpr std::uint64_t kR32 = kStore + 0x1000; // F's

  // Every function saves rp in `rp` and ar.pfs behind it; 0x20 bytes of frame.
  void functions_with(std::uint8_t rp = 34) {
    for (std::uint64_t f : {kF, kG, kH}) function(f, {0x46, rp, 0x03, 0xE0, 0, 2, 0x61, 0x2D});
    call(kG + 0x40, kF);
    call(kH + 0x40, kG);
  }
  // F has `sof` registers, G 6 of its own, H 6; H's return address is `end`.
  void frames(unsigned sof, std::uint64_t end = 0) {
    registers.set(kIa64Ifs, marker(sof, sof));
    gr(34) = kG + 0x50;
    gr(35) = marker(8, 6);
    const std::uint64_t g = kR32 - 8 * 7, h = g - 8 * 6; // a collection lies below F's r32
    at(g + 16) = kH + 0x50;
    at(g + 24) = marker(8, 6);
    at(h + 16) = end;
    at(h + 24) = marker(4, 2);
  }
  std::optional<Settled> settle() {
    lay();
    return settle_ia64({registers, memory, functions, true});
  }
  void name_top(unsigned sof) { registers.set(kIa64Bsp, kR32 + 8 * sof); }
};

TEST_F(Ia64Settle, TheBase) {
  functions_with();
  frames(7);
  const auto settled = settle();
  ASSERT_TRUE(settled);
  EXPECT_TRUE(settled->certain) << settled->note;
  EXPECT_EQ(settled->registers.get(kIa64Bsp), kR32);
  EXPECT_NE(settled->note.find("RsBSP is the base"), std::string::npos) << settled->note;
}

TEST_F(Ia64Settle, TheTop) {
  functions_with();
  frames(7);
  name_top(7);
  const auto settled = settle();
  ASSERT_TRUE(settled);
  EXPECT_TRUE(settled->certain) << settled->note;
  EXPECT_EQ(settled->registers.get(kIa64Bsp), kR32);
  EXPECT_NE(settled->note.find("RsBSP is the top"), std::string::npos) << settled->note;
  EXPECT_NE(settled->note.find("2 callers (then: the return address is 0)"), std::string::npos)
      << settled->note;
}

TEST_F(Ia64Settle, NothingIsOpen) {
  functions_with();
  frames(7);
  registers.set(kIa64Ifs, 0); // no registers: base and top are one
  EXPECT_FALSE(settle());
  registers.set(kIa64Ifs, marker(100, 0));
  EXPECT_FALSE(settle());
  registers.forget(kIa64Bsp);
  EXPECT_FALSE(settle());
}

// Read as the top, the base is 6 registers lower: G's own r32, with H's return address at the
// number where F's is.  Everything fits but G is missing, and only the call tells.
TEST_F(Ia64Settle, AFrameSkipped) {
  functions_with();
  frames(6);
  const auto settled = settle();
  ASSERT_TRUE(settled);
  EXPECT_TRUE(settled->certain) << settled->note;
  EXPECT_EQ(settled->registers.get(kIa64Bsp), kR32);
}

TEST_F(Ia64Settle, AFrameSkippedAndNoCallTells) {
  for (std::uint64_t f : {kF, kG, kH}) function(f, {0x46, 34, 0x03, 0xE0, 0, 2, 0x61, 0x2D});
  indirect_call(kG + 0x40);
  indirect_call(kH + 0x40);
  frames(6);
  const auto settled = settle();
  ASSERT_TRUE(settled);
  EXPECT_FALSE(settled->certain) << settled->note;
  EXPECT_NE(settled->note.find("undecided"), std::string::npos);
}

// The frames in the register file, and read as the top one is skipped: nothing contradicts that.
TEST_F(Ia64Settle, AFrameSkippedBecauseTheRightOneIsNotInMemory) {
  functions_with();
  frames(6);
  registers.set(kIa64BspStore, kR32);
  const auto settled = settle();
  ASSERT_TRUE(settled);
  EXPECT_FALSE(settled->certain) << settled->note;
}

TEST_F(Ia64Settle, MemoryBehindRsBspstoreIsNeverCertain) {
  functions_with();
  frames(7);
  registers.set(kIa64BspStore, kR32);
  const auto settled = settle();
  ASSERT_TRUE(settled);
  EXPECT_FALSE(settled->certain) << settled->note;
  EXPECT_EQ(settled->registers.get(kIa64Bsp), kR32);
  EXPECT_EQ(settled->registers.get(kIa64BspStore), kR32 + 8 * 7);
  EXPECT_NE(settled->note.find("behind RsBSPSTORE"), std::string::npos) << settled->note;
}

// Who captured the backing store up to the frame's very end took its registers for saved.
TEST_F(Ia64Settle, ABackingStoreThatEndsWithTheFrameIsAllOfIt) {
  for (std::uint64_t words : {6, 7, 8}) {
    SetUp();
    memory = {};
    functions.entries.clear();
    functions_with();
    frames(7);
    store.resize(0x1000 / 8 + words);
    registers.set(kIa64BspStore, kR32);
    const auto settled = settle();
    ASSERT_TRUE(settled);
    EXPECT_EQ(settled->certain, words == 7) << settled->note;
    store.resize(kStoreSize / 8);
  }
}

TEST_F(Ia64Settle, FramesThatDoNotNeedIt) {
  functions_with();
  frames(7);
  registers.set(kIa64Iip, kBase + 0x9000); // a leaf; its caller needs its registers
  registers.set(kIa64Rp, kBase + 0x9850);
  call(kBase + 0x9840, kBase + 0x9000);
  const auto settled = settle();
  ASSERT_TRUE(settled);
  EXPECT_TRUE(settled->certain) << settled->note;
  EXPECT_EQ(settled->registers.get(kIa64Bsp), std::nullopt);
  EXPECT_NE(settled->note.find("changes nothing"), std::string::npos) << settled->note;
}

// Only what a reading gives speaks for it, not a return address that is still in b0.
TEST_F(Ia64Settle, AReturnAddressInB0) {
  function(kF, {0x46, 34, 0x03, 0xE6, 0, 0xE4, 2, 0x61, 0x2D}); // ar.pfs first, rp last
  function(kG, {0x46, 34, 0x03, 0x61, 0x2D});
  call(kG + 0x40, kF);
  frames(7);
  at(kR32 - 8 * 7 + 16) = 0; // G is outermost
  registers.set(kIa64BspStore, kR32 + 8 * 7);
  registers.set(kIa64Rp, kG + 0x50);
  registers.set(kIa64Iip, kF + 4); // ar.pfs is saved, rp is not
  auto settled = settle();
  ASSERT_TRUE(settled);
  EXPECT_FALSE(settled->certain) << settled->note;
  EXPECT_EQ(settled->registers.get(kIa64Bsp), kR32); // the likelier
  registers.set(kIa64Iip, kF + 0x80);                // now r34 has it, and so has b0 still
  settled = settle();
  ASSERT_TRUE(settled);
  EXPECT_TRUE(settled->certain) << settled->note;
  EXPECT_EQ(settled->registers.get(kIa64Bsp), kR32);
}

TEST_F(Ia64Settle, NeitherFits) {
  functions_with();
  registers.set(kIa64Ifs, marker(7, 7)); // words of the backing store are no return addresses
  const auto settled = settle();
  ASSERT_TRUE(settled);
  EXPECT_FALSE(settled->certain) << settled->note;
}

TEST_F(Ia64Settle, AReturnAddressMustFollowACall) {
  functions_with();
  frames(7);
  memory.put(kG + 0x40, Bytes(16, 0)); // laid later: the call in front of it counts
  gr(34) = kG + 0x30;
  memory.put(kG + 0x20, Bytes(16, 0)); // no call
  const auto settled = settle();
  ASSERT_TRUE(settled);
  EXPECT_FALSE(settled->certain) << settled->note;
  EXPECT_NE(settled->note.find("follows no call"), std::string::npos) << settled->note;
}

} // namespace
} // namespace dumptriage::arch
