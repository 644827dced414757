// One frame back on Itanium, by descriptors and words laid down by hand.
#include "ia64_scene.h"

#include "arch/ia64_unwind_code.h"
#include "formats/unwind_ia64.h"

namespace dumptriage::arch {
namespace {

class Ia64Unwind : public Ia64Scene {
protected:
  // rp in r34 and ar.pfs in r35, saved by slot 2.
  static constexpr std::initializer_list<std::uint8_t> kUsual = {0x46, 0x22, 0x03, 0x61, 0x2D};
  void usual(Bytes prologue = {}, std::uint8_t rlen = 3) {
    Bytes bytes{0x46, 0x22, rlen};
    bytes.insert(bytes.end(), prologue.begin(), prologue.end());
    for (std::uint8_t b : {0x61, 48 - rlen}) bytes.push_back(static_cast<std::uint8_t>(b));
    function(kF, bytes);
    gr(34) = kG + 0x50;
    gr(35) = marker(10, 6) | std::uint64_t{5} << 52; // pec 5
  }
};

TEST_F(Ia64Unwind, AFrameOnTheRegisterStackAlone) {
  usual();
  const Registers r = caller();
  EXPECT_EQ(r.get(kIa64Iip), kG + 0x50);
  EXPECT_EQ(r.get(kIa64Sp), kStack);
  EXPECT_EQ(r.get(kIa64Ifs), marker(10, 6));
  EXPECT_EQ(r.get(kIa64Pfs), marker(10, 6) | std::uint64_t{5} << 52);
  EXPECT_EQ(r.get(kIa64Ec), 5u);
  EXPECT_EQ(r.get(kIa64Bsp), kStore + 0x1000 - 8 * 7); // 6 registers and one collection
  EXPECT_EQ(r.get(kIa64BspStore), kStore + kStoreSize);
  // preserved registers stay, scratch registers are forgotten
  for (int i : {4, 5, 6, 7, 13, kIa64Rp + 1, kIa64Rp + 5, static_cast<int>(kIa64Preds),
                static_cast<int>(kIa64Lc), static_cast<int>(kIa64Fpsr), static_cast<int>(kIa64F2),
                kIa64Registers - 1})
    EXPECT_EQ(r.get(i), 0xA000u + i) << i;
  EXPECT_EQ(r.get(0), 0u);
  EXPECT_EQ(r.get(kIa64Unat), 0u);
  for (int i : {1, 2, 3, 8, 11, 14, 31, static_cast<int>(kIa64Rp), kIa64Rp + 6, kIa64Rp + 7,
                static_cast<int>(kIa64Ipsr)})
    EXPECT_EQ(r.get(i), std::nullopt) << i;
}

TEST_F(Ia64Unwind, InThePrologueWhatIsNotSavedIsInItsRegister) {
  usual({0xE6, 0, 0xE4, 2});       // pfs_when 0, rp_when 2
  registers.set(kIa64Iip, kF + 8); // slot 2: two have been executed
  const Registers r = caller();
  EXPECT_EQ(r.get(kIa64Iip), kG + 0x20);
  EXPECT_EQ(r.get(kIa64Ifs), marker(10, 6));
}

// As two functions of Microsoft's own have it: ar.pfs in the first register, rp in the second.
TEST_F(Ia64Unwind, TheCodeTellsWhichLinkWasSavedFirst) {
  allocate(kF, 34);
  usual();
  std::swap(gr(34), gr(35));
  const Registers r = caller();
  EXPECT_EQ(r.get(kIa64Iip), kG + 0x50);
  EXPECT_EQ(r.get(kIa64Ifs), marker(10, 6));
}
// P3 says again where rp is, and the code where ar.pfs is.
TEST_F(Ia64Unwind, OneLinkSaidTwice) {
  allocate(kF, 34);
  usual({0xB0, 0xA3}); // rp_gr r35
  std::swap(gr(34), gr(35));
  const Registers r = caller();
  EXPECT_EQ(r.get(kIa64Iip), kG + 0x50);
  EXPECT_EQ(r.get(kIa64Ifs), marker(10, 6));
}
TEST_F(Ia64Unwind, WithoutTheCodeTheValuesTellWhichLinkIsWhich) {
  code_at_hand = false;
  usual();
  EXPECT_EQ(caller().get(kIa64Iip), kG + 0x50); // marker(10, 6) is no return address
  gr(35) = kG + 0x50; // sof 80, sol 64: both a frame's marker and a return address
  memory = FakeMemory();
  functions.entries.clear();
  function(kF, Bytes(kUsual));
  const auto result = unwind();
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->proved);
  EXPECT_NE(result->unproved.find("saved first"), std::string::npos);
}
TEST_F(Ia64Unwind, CodeThatSavesArPfsElsewhereIsNotRead) {
  allocate(kF, 40);
  usual();
  EXPECT_EQ(refused().code, Code::unsupported);
}

TEST_F(Ia64Unwind, ALeafHasNothing) {
  const Registers r = caller();
  EXPECT_EQ(r.get(kIa64Iip), kG + 0x20);
  EXPECT_EQ(r.get(kIa64Sp), kStack);
  EXPECT_EQ(r.get(kIa64Ifs), marker(9, 5));
  EXPECT_EQ(r.get(kIa64Bsp), kStore + 0x1000 - 8 * 6);
  EXPECT_EQ(refused(false).code, Code::bad_value); // a leaf calls nobody
}

TEST_F(Ia64Unwind, WithoutATableNothingIsConcluded) {
  registers.set(kIa64Iip, 0x10);
  EXPECT_EQ(refused().code, Code::absent);
  registers.set(kIa64Iip, 0);
  EXPECT_EQ(refused(false).code, Code::bad_value);
  registers.set(kIa64Iip, kF + 0xC);
  EXPECT_NE(refused().why.find("three slots"), std::string::npos);
}

TEST_F(Ia64Unwind, EveryPreservedRegisterFromMemory) {
  // 0x200 bytes; all masks; lc, unat, fpsr, preds by psp; b's, r's, f's in the spill area
  usual({0xE0, 0, 0x20, 0xB9, 0xFF, 0xFF, 0xFF, 0x9F, 0xEB, 8, 0xED, 10, 0xEF, 12, 0xE9, 14, 0xE2,
         20});
  const Registers r = caller();
  const std::uint64_t psp = 0x200;
  EXPECT_EQ(r.get(kIa64Sp), kStack + psp);
  EXPECT_EQ(r.get(kIa64Lc), stack_word(psp + 16 - 32));
  EXPECT_EQ(r.get(kIa64Unat), stack_word(psp + 16 - 40));
  EXPECT_EQ(r.get(kIa64Fpsr), stack_word(psp + 16 - 48));
  EXPECT_EQ(r.get(kIa64Preds), stack_word(psp + 16 - 56));
  std::uint64_t at = psp + 16 - 80;
  for (int n = 31; n >= 2; --n) {
    if (ia64_float(n) < 0) continue;
    at -= 16;
    EXPECT_EQ(r.get(ia64_float(n)), stack_word(at)) << n;
    EXPECT_EQ(r.get(ia64_float(n) + 1), stack_word(at + 8)) << n;
  }
  for (int n = 5; n >= 1; --n) EXPECT_EQ(r.get(kIa64Rp + n), stack_word(at -= 8)) << n;
  for (int n = 7; n >= 4; --n) EXPECT_EQ(r.get(n), stack_word(at -= 8)) << n;
}

TEST_F(Ia64Unwind, EveryPreservedRegisterFromRegisters) {
  // r4 in r36, b1 in r37, lc r38, preds r39, psp r40 at mem_stack_v 0; f2 in f3, rp moved to b5
  usual({0xF1, 0x01, 36,   0xA0, 0xA5, 0xB2, 0xA6, 0xB1, 0xA7, 0xE1, 0,
         0xB0, 0x28, 0xFA, 0x22, 0x83, 0,    0xFA, 0x42, 0x85, 0});
  gr(40) = kStack + 0x100;
  const Registers r = caller();
  EXPECT_EQ(r.get(kIa64Sp), kStack + 0x100);
  EXPECT_EQ(r.get(4), gr(36));
  EXPECT_EQ(r.get(kIa64Rp + 1), gr(37));
  EXPECT_EQ(r.get(kIa64Lc), gr(38));
  EXPECT_EQ(r.get(kIa64Preds), gr(39));
  EXPECT_EQ(r.get(ia64_float(2)), registers.get(ia64_float(3)));
  EXPECT_EQ(r.get(kIa64Rp + 2), std::nullopt); // b2 in a floating register: not read
}

TEST_F(Ia64Unwind, RotatingRegisters) {
  usual();
  registers.set(kIa64Ifs, marker(12, 8, 8, 3));
  gr(37) = kG + 0x90; // what r34 is now
  gr(38) = marker(4, 2);
  const Registers r = caller();
  EXPECT_EQ(r.get(kIa64Iip), kG + 0x90);
  EXPECT_EQ(r.get(kIa64Ifs), marker(4, 2));
}

TEST_F(Ia64Unwind, WhatIsStillInTheRegisterFileIsNotInMemory) {
  usual();
  registers.set(kIa64BspStore, kStore + 0x1000 + 8 * 3); // r35 and up
  const Error e = refused();
  EXPECT_EQ(e.code, Code::absent);
  EXPECT_NE(e.why.find("r35 is still in the register file"), std::string::npos);
  registers.set(kIa64BspStore, kStore + 0x1000 + 8 * 4);
  EXPECT_EQ(caller().get(kIa64Iip), kG + 0x50);
  registers.forget(kIa64BspStore);
  EXPECT_EQ(refused().code, Code::absent);
}

TEST_F(Ia64Unwind, ARegisterThatTheFrameDoesNotHave) {
  usual();
  registers.set(kIa64Ifs, marker(3, 3)); // r34 is the last
  EXPECT_EQ(refused().code, Code::bad_value);
  registers.set(kIa64Ifs, marker(100, 3)); // no frame
  EXPECT_EQ(refused().code, Code::bad_value);
}

TEST_F(Ia64Unwind, AStackedNat) {
  usual({0xF1, 0x01, 36});         // r4 in r36
  at(kStore + 0x11F8) = 1ull << 4; // of the fifth word of its group: r36
  const Registers r = caller();
  EXPECT_EQ(r.get(kIa64Iip), kG + 0x50);
  EXPECT_EQ(r.get(4), std::nullopt);
  EXPECT_EQ(r.get(5), 0xA005u);
}

TEST_F(Ia64Unwind, ANatOfTheReturnAddress) {
  usual();
  at(kStore + 0x11F8) = 1ull << 2;
  EXPECT_EQ(refused().code, Code::bad_value);
}

TEST_F(Ia64Unwind, NatsNotYetInMemoryAreInRnat) {
  usual();
  registers.set(kIa64BspStore, kStore + 0x1000 + 8 * 8);
  registers.set(kIa64Rnat, 1 << 3); // r35
  EXPECT_NE(refused().why.find("NaT"), std::string::npos);
  at(kStore + 0x11F8) = 1 << 2; // not yet written: says nothing
  registers.set(kIa64Rnat, 1 << 9);
  EXPECT_EQ(caller().get(kIa64Iip), kG + 0x50);
}

TEST_F(Ia64Unwind, NatsOfSpilledRegistersAreInUnat) {
  // r4, r5 spilled at psp and psp + 8 (below 0x20 bytes of frame); unat saved in r36
  usual({0xE0, 0, 2, 0xD3, 0xB2, 0x24});
  registers.set(kIa64Unat, 1ull << ((kStack + 0x20 + 8) / 8 % 64));
  gr(36) = 0x1234;
  const Registers r = caller();
  EXPECT_EQ(r.get(4), stack_word(0x20));
  EXPECT_EQ(r.get(5), std::nullopt);
  EXPECT_EQ(r.get(kIa64Unat), 0x1234u);
}

TEST_F(Ia64Unwind, NatsOfSpilledRegistersMayBeSavedElsewhere) {
  usual({0xE0, 0, 2, 0xD3, 0xB5, 0xA4}); // priunat_gr r36
  registers.set(kIa64Unat, ~0ull);
  gr(36) = 1ull << ((kStack + 0x20) / 8 % 64);
  const Registers r = caller();
  EXPECT_EQ(r.get(4), std::nullopt);
  EXPECT_EQ(r.get(5), stack_word(0x28));
}

TEST_F(Ia64Unwind, ANatInTheContext) {
  usual();
  registers.set(kIa64Nats, 1 << 6);
  const Registers r = caller();
  EXPECT_EQ(r.get(6), std::nullopt);
  EXPECT_EQ(r.get(7), 0xA007u);
}

TEST_F(Ia64Unwind, WhatTheContextLacksStaysUnknown) {
  usual({0xE0, 0, 2, 0xFA, 0x6A, 0x06, 0}); // lc in r6
  for (int i = 1; i < 32; ++i)
    if (i != kIa64Sp) registers.forget(i);
  for (int i = kIa64F2; i < kIa64Registers; ++i) registers.forget(i);
  const Registers r = caller();
  EXPECT_EQ(r.get(kIa64Iip), kG + 0x50);
  for (int i : {4, static_cast<int>(kIa64Lc), static_cast<int>(kIa64F2)})
    EXPECT_EQ(r.get(i), std::nullopt) << i;
}

TEST_F(Ia64Unwind, AFrameThatRestsOnWhatIsUnknownFailsNamingIt) {
  usual({0xE1, 0, 0xB0, 0x06}); // psp in r6
  registers.forget(6);
  const Error e = refused();
  EXPECT_EQ(e.code, Code::absent);
  EXPECT_NE(e.why.find("r6 is not known"), std::string::npos);
}

TEST_F(Ia64Unwind, EachOfTheFoundationsMustBeThere) {
  usual();
  for (int i : {static_cast<int>(kIa64Iip), static_cast<int>(kIa64Sp), static_cast<int>(kIa64Bsp),
                static_cast<int>(kIa64Ifs)}) {
    const Registers whole = registers;
    registers.forget(i);
    const Error e = refused();
    EXPECT_EQ(e.code, Code::absent);
    EXPECT_NE(e.why.find(kIa64.register_names[static_cast<std::size_t>(i)]), std::string::npos);
    registers = whole;
  }
}

TEST_F(Ia64Unwind, OnlyAnInterruptedFunctionHasItsReturnAddressInB0) {
  function(kF, {0x03, 0xB1, 0x24, 0x61, 0x2D}); // pfs_gr r36
  gr(36) = marker(9, 5);
  EXPECT_EQ(caller(true).get(kIa64Iip), kG + 0x20);
  EXPECT_NE(refused(false).why.find("return address"), std::string::npos);
}

TEST_F(Ia64Unwind, OnlyAnInterruptedFunctionHasPfsInItsRegister) {
  function(kF, {0x03, 0xB0, 0xA4, 0x61, 0x2D}); // rp_gr r36
  gr(36) = kG + 0x20;
  EXPECT_EQ(caller(true).get(kIa64Ifs), marker(9, 5));
  EXPECT_NE(refused(false).why.find("ar.pfs"), std::string::npos);
}

TEST_F(Ia64Unwind, AnotherLinkRegister) {
  function(kF, {0x03, 0xB3, 0x07, 0x61, 0x2D}); // rp_br b7
  registers.set(kIa64Rp + 7, kG + 0x70);
  EXPECT_EQ(caller().get(kIa64Iip), kG + 0x70);
}

TEST_F(Ia64Unwind, ReturnAddressesNameBundles) {
  usual();
  gr(34) = kG + 0x54;
  EXPECT_EQ(refused().code, Code::bad_value);
}

TEST_F(Ia64Unwind, MarkersThatNoFrameHas) {
  usual();
  for (std::uint64_t pfs :
       {marker(97, 0), marker(4, 5), marker(4, 4, 8), marker(4, 4) | std::uint64_t{1} << 38,
        marker(4, 4) | std::uint64_t{1} << 61}) {
    memory = FakeMemory();
    functions.entries.clear();
    usual();
    gr(35) = pfs;
    EXPECT_EQ(refused().code, Code::bad_value) << std::hex << pfs;
  }
}

TEST_F(Ia64Unwind, TheOutermostFrame) {
  usual({0xE0, 0, 2});
  gr(34) = 0;
  gr(35) = ~0ull; // means nothing there
  const Registers r = caller(false);
  EXPECT_EQ(r.get(kIa64Iip), 0u);
  EXPECT_EQ(r.get(kIa64Sp), kStack + 0x20);
}

TEST_F(Ia64Unwind, NoStackGoesBack) {
  usual();
  gr(35) = marker(3, 0);
  EXPECT_EQ(caller(true).get(kIa64Bsp), kStore + 0x1000); // called with no registers of its own
  EXPECT_NE(refused(false).why.find("neither of the stacks"), std::string::npos);
}

TEST_F(Ia64Unwind, StackPointersThatCannotBe) {
  for (std::uint64_t psp : {kStack - 16, kStack + 8}) {
    memory = FakeMemory();
    functions.entries.clear();
    usual({0xE1, 0, 0xB0, 0x28}); // psp in r40
    gr(40) = psp;
    EXPECT_EQ(refused().code, Code::bad_value);
  }
}

TEST_F(Ia64Unwind, AFrameThatNoCallHasMadeEndsTheWalk) {
  usual({0xFF, 0x01, 0x02});
  const Error e = refused(true, true);
  EXPECT_EQ(e.code, Code::unsupported);
  EXPECT_NE(e.why.find("unwabi 1, context 2"), std::string::npos);
}

TEST_F(Ia64Unwind, AnotherRegisterStackIsNotFollowed) {
  usual({0xB4, 0x24}); // bsp_gr r36
  EXPECT_EQ(refused().code, Code::unsupported);
}

TEST_F(Ia64Unwind, ACallMayBeTheLastBundleOfItsFunction) {
  usual();
  function(kF + 0x100, {0x61, 0x30}); // what follows has nothing saved
  registers.set(kIa64Iip, kF + 0x100);
  EXPECT_EQ(caller(false).get(kIa64Iip), kG + 0x50);
  EXPECT_EQ(caller(true).get(kIa64Iip), kG + 0x20);
}

TEST_F(Ia64Unwind, EveryOriginCounts) {
  usual();
  functions.entries[0].origin = memory::Origin::sibling;
  EXPECT_EQ(unwind()->origin, memory::Origin::sibling);
}

TEST_F(Ia64Unwind, UnwindInfoThatIsNotThere) {
  function(kF, Bytes(kUsual), 5000); // claims 40,000 bytes
  EXPECT_EQ(refused().code, Code::absent);
  functions.entries.clear();
  function(kF + 0x1000, Bytes(kUsual), 0, 2); // a version not known
  registers.set(kIa64Iip, kF + 0x1080);
  EXPECT_EQ(refused().code, Code::unsupported);
  functions.entries.clear();
  functions.add(0x1000, 0x1100, 0xF0000);
  registers.set(kIa64Iip, kF + 0x80);
  EXPECT_EQ(refused().code, Code::absent);
}

TEST_F(Ia64Unwind, LongUnwindInfo) {
  Bytes bytes{0x46, 0x22, 0x03};
  for (int i = 0; i < 500; ++i) bytes.insert(bytes.end(), {0xE4, 0x02}); // the same again
  bytes.insert(bytes.end(), {0x61, 0x2D});
  function(kF, bytes);
  gr(34) = kG + 0x50;
  gr(35) = marker(10, 6);
  EXPECT_EQ(caller().get(kIa64Iip), kG + 0x50);
  memory = FakeMemory();
  functions.entries.clear();
  function(kF, Bytes(0x11000, 0x00));
  EXPECT_EQ(refused().code, Code::limit);
}

TEST_F(Ia64Unwind, EffortIsPaidFor) {
  usual();
  lay();
  std::size_t effort = 1000;
  EXPECT_TRUE(unwind_ia64({registers, memory, functions, true, std::nullopt, &effort}));
  EXPECT_LT(effort, 1000u);
  EXPECT_GT(effort, 900u);
  effort = 3;
  const auto result = unwind_ia64({registers, memory, functions, true, std::nullopt, &effort});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error.code, Code::limit);
}

// What instructions save, as the GNU assembler encodes them.
TEST(Ia64UnwindCode, Saves) {
  using namespace formats;
  FakeMemory code;
  code.put(0x00, {0x09, 0x00, 0x10, 0x20, 0xd8, 0x11, 0x00, 0x39, 0x44, 0xb0, 0x2b, 0x00, 0x05,
                  0x28, 0x00, 0x84}); // st8.spill r4; st8.spill r7,16; mov r40=r5
  code.put(0x10, {0x09, 0x00, 0x40, 0x20, 0xd8, 0x99, 0x01, 0x38, 0x44, 0xb0, 0x23, 0x00, 0x85,
                  0x28, 0x00, 0x84}); // stf.spill f16; (p6) st8.spill r7; adds r40=8,r5
  code.put(0x20, {0x09, 0x48, 0x01, 0x0c, 0x00, 0x21, 0x00, 0x38, 0x44, 0x30, 0x23, 0xe0, 0x54,
                  0x00, 0xc4, 0x00}); // mov r41=r6; st8 r7; mov r39=b5
  code.put(0x30, {0x09, 0x00, 0x0d, 0x22, 0xd8, 0x1d, 0x00, 0x12, 0x40, 0xb0, 0x3b, 0x00, 0x04,
                  0x00, 0xc4, 0x00}); // stf.spill f3,32; stf.spill f2,32; mov r32=b0
  const auto saved = [&](unsigned bundle, unsigned slot) {
    return ia64_saved_in(code, 16 * bundle, slot);
  };
  EXPECT_EQ(saved(0, 0), 4);
  EXPECT_EQ(saved(0, 1), 7);
  EXPECT_EQ(saved(0, 2), 5);
  EXPECT_EQ(saved(1, 0), kIa64UnwindFr + 16);
  EXPECT_EQ(saved(1, 1), std::nullopt);
  EXPECT_EQ(saved(1, 2), std::nullopt);
  EXPECT_EQ(saved(2, 0), 6);
  EXPECT_EQ(saved(2, 1), std::nullopt);
  EXPECT_EQ(saved(2, 2), kIa64UnwindBr + 5);
  EXPECT_EQ(saved(3, 0), kIa64UnwindFr + 3);
  EXPECT_EQ(saved(3, 1), kIa64UnwindFr + 2);
  EXPECT_EQ(saved(3, 2), std::nullopt);
  EXPECT_EQ(saved(4, 0), std::nullopt); // no code
}

TEST(Ia64UnwindCode, Targets) {
  FakeMemory code;
  code.put(0x60, {0x19, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x68,
                  0xff, 0xff, 0x58}); // br.call -0xA0
  code.put(0x30, {0x05, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x38,
                  0x00, 0x00, 0xd0}); // brl.call +0x30
  code.put(0x40, {0x11, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x68,
                  0x00, 0x80, 0x10}); // br.call b6
  code.put(0x50, {0x17, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x0c, 0x00, 0x00, 0x28, 0x00, 0x00,
                  0x00, 0x00, 0x20}); // nop.b; br.call +0x10; nop.b
  EXPECT_EQ(ia64_called_from(code, 0x70), std::uint64_t{0x60} - 0xA0);
  EXPECT_EQ(ia64_called_from(code, 0x40), 0x60u);
  EXPECT_EQ(ia64_called_from(code, 0x50), std::nullopt);
  EXPECT_EQ(ia64_called_from(code, 0x60), 0x60u);
  EXPECT_EQ(ia64_called_from(code, 0x80), std::nullopt);
}

} // namespace
} // namespace dumptriage::arch
