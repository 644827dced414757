// Frames of Alpha: wherever a function stands, its caller's registers.
#include <gtest/gtest.h>

#include <map>

#include "alpha_machine.h"

namespace dumptriage::arch {
namespace {

using namespace alpha;

INSTANTIATE_TEST_SUITE_P(Both, AlphaUnwind, ::testing::Values(Machine::alpha, Machine::alpha64),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_P(AlphaUnwind, FrameOfFixedSize) {
  add(kFunction,
      {ldah(t8, 1, zero), lda(sp, -48, sp), stq(ra, 0, sp), mov(a0, t0), stq(s0, 8, sp),
       stt(2, 16, sp), stq(a0, 40, sp), mov(a0, s0), subq(a0, a0, a1), bsr(ra, 100),
       addq(s0, v0, v0), ldq(ra, 0, sp), ldt(2, 16, sp), ldq(s0, 8, sp), lda(sp, 48, sp), ret()},
      6);
  expect_everywhere();
}

TEST_P(AlphaUnwind, FramePointerAndRoomMadeInTheBody) {
  add(kFunction,
      {lda(sp, -48, sp), stq(ra, 0, sp), stq(s0, 8, sp), stq(fp, 16, sp), mov(sp, fp),
       bic(a0, a1, t0), subq(sp, t0, sp), stq(a0, 0, sp), mov(a0, s0), bsr(ra, 100), mov(fp, sp),
       ldq(ra, 0, sp), ldq(s0, 8, sp), ldq(fp, 16, sp), lda(sp, 48, sp), ret()},
      5);
  r[a0] = first_r[a0] = 0x130;
  r[a1] = first_r[a1] = 0xF;
  expect_everywhere();
}

TEST_P(AlphaUnwind, FramePointerThatTheSavesGoThrough) {
  add(kFunction,
      {lda(sp, -32, sp), stq(fp, 8, sp), mov(sp, fp), stq(s5, 16, fp), stq(ra, 0, fp), mov(a0, s5),
       bsr(ra, 100), mov(fp, sp), ldq(ra, 0, sp), ldq(s5, 16, sp), ldq(fp, 8, sp), lda(sp, 32, sp),
       ret()},
      5);
  expect_everywhere();
}

TEST_P(AlphaUnwind, LargeFrames) {
  // The size in t12 for the check of the stack, which may return through at or ra.
  add(kFunction,
      {ldah(t12, 1, zero), lda(t12, -20000, t12), bsr(at, 100), subq(sp, t12, sp), stq(ra, 0, sp),
       stq(s0, 8, sp), mov(a0, s0), bsr(ra, 100), ldq(ra, 0, sp), ldq(s0, 8, sp),
       ldah(t12, 1, zero), lda(t12, -20000, t12), addq(sp, t12, sp), ret()},
      6);
  expect_everywhere();
  use(GetParam());
  add(0x2000,
      {mov(ra, at), lda(t12, 0x6000, zero), bsr(ra, 100), mov(at, ra), subq(sp, t12, sp),
       stq(ra, 0, sp), stq(s0, 8, sp), ldq(ra, 0, sp), ldq(s0, 8, sp), lda(sp, 0x6000, sp), ret()},
      7);
  expect_everywhere(0x2000, true);
  use(GetParam());
  add(0x3000,
      {ldah(sp, -1, sp), stq(ra, 0, sp), bsr(ra, 100), ldq(ra, 0, sp), ldah(sp, 1, sp), ret()}, 2);
  expect_everywhere(0x3000);
  use(GetParam());
  add(0x4000,
      {subq(sp, 96u, sp), stq(ra, 0, sp), bsr(ra, 3), ldq(ra, 0, sp), lda(sp, 96, sp), ret()}, 2);
  expect_everywhere(0x4000);
}

TEST_P(AlphaUnwind, ALoopOfConstantsProbesTheStack) {
  add(kFunction,
      {lda(t9, 5, zero), lda(t8, 4096, sp), stq(zero, -8192, t8), subq(t9, 1u, t9),
       lda(t8, -8192, t8), bne(t9, -4), lda(sp, -3152, t8), stq(ra, 0, sp), bsr(ra, 100),
       ldq(ra, 0, sp), ldah(t9, 1, sp), lda(sp, 40 * 1024 - 65536 - 944, t9), ret()},
      8);
  // 5 * 8192 - 4096 + 3152 = 40016 = 0x10000 - 25520
  code[0].second[11] = lda(sp, -25520, t9);
  expect_everywhere();
}

TEST_P(AlphaUnwind, ReturnAddressInAnotherRegister) {
  add(kFunction,
      {mov(ra, t0), lda(ra, 99, zero), bsr(at, 100), addq(a0, a1, v0), mov(t0, ra), ret()}, 1);
  expect_everywhere();
  // Behind its call of a routine with a linkage of its own, as that one's caller.
  use(GetParam());
  r[t0] = r[ra];
  r[ra] = 99;
  Registers registers;
  for (const int i : {1, 9, 10, 11, 12, 13, 14, 15, 30}) registers.set(i, r[i]);
  for (int i = 2; i < 10; ++i) registers.set(kAlphaF2 + i - 2, f[i]);
  registers.set(kAlphaFir, extended(base + kFunction + 12));
  const FakeMemory there = memory();
  const auto caller =
      find(GetParam())
          ->unwind_by_data({registers, there, functions, false, std::nullopt, nullptr, nullptr});
  expect_caller(caller, "as a caller");
  EXPECT_TRUE(caller->register_frame);
}

TEST_P(AlphaUnwind, ARoutineWithALinkageOfItsOwn) {
  // What a check of the stack does, going back through at: its caller has not saved ra yet.
  add(kFunction, {subq(sp, t12, t8), call_pal(0xAB), ldl(t9, 16, v0), ret(at)}, 0);
  r[at] = extended(base + 0x2008);
  r[ra] = 0x1234;
  const auto caller = unwind(kFunction + 8);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_EQ(caller->registers.get(kAlphaFir), r[at]);
  EXPECT_EQ(caller->registers.get(kAlphaSp), kTop);
  EXPECT_EQ(caller->registers.get(kAlphaRa), 0x1234);
  EXPECT_FALSE(caller->registers.get(at));
  EXPECT_FALSE(caller->registers.get(v0)); // the PAL call has written it
}

TEST_P(AlphaUnwind, LeafWithAnEntry) {
  add(kFunction, {addq(a0, a1, v0), beq(v0, 1), mov(a0, v0), ret()}, 0);
  expect_everywhere();
}

TEST_P(AlphaUnwind, LeafThatCallsIsUndecided) {
  add(kFunction, {addq(a0, a1, v0), bsr(ra, 100), addq(v0, a0, v0), ret()}, 0);
  expect_none(unwind(kFunction + 4), "overwritten"); // what it goes back through is not known
  std::uint32_t at = kFunction;
  for (int i = 0; i < 2; ++i) at = run(at);
  expect_none(unwind(at), "overwritten");
  expect_none(unwind(at, false), "overwritten");
}

TEST_P(AlphaUnwind, LeafWithoutAnEntry) {
  functions.base = base; // a table, which has nothing here
  code.emplace_back(0x3000,
                    Words{mov(a0, t0), beq(a0, 2), addq(t0, a0, v0), ret(), mov(zero, v0), ret()});
  expect_everywhere(0x3000);
  // One that hands on.
  code.emplace_back(0x3100, Words{ldah(t12, 4, zero), ldl(t12, 0x10, t12), jmp(t12)});
  expect_caller(unwind(0x3108), "a jump to another function");
  // Ways back through two registers.
  code.emplace_back(0x3200, Words{beq(a0, 1), ret(), ret(at)});
  expect_none(unwind(0x3200), "do not agree");
  // One that has lost its return address.
  code.emplace_back(0x3300, Words{ldq(ra, 0, a0), kNop, ldl(ra, 8, zero), ret()});
  expect_none(unwind(0x3304), "does not go back");
  // Callers have entries.
  expect_none(unwind(0x3004, false), "no entry");
  // No code at all.
  expect_none(unwind(0x3F00), "not captured");
}

TEST_P(AlphaUnwind, StackPointersThatCannotBeFollowed) {
  // Loaded from memory, as a long jump does.
  add(kFunction, {lda(sp, -16, sp), stq(ra, 0, sp), ldq(sp, 16, a0), kNop, jmp(t12)}, 2);
  expect_caller((run(kFunction), unwind(kFunction + 4)), "prologue");
  run(kFunction + 4);
  run(kFunction + 8);
  expect_none(unwind(kFunction + 12), "where the frame begins");
  // Made in the body without a frame pointer.
  use(GetParam());
  add(0x2000, {lda(sp, -16, sp), stq(ra, 0, sp), subq(sp, a0, sp), kNop, br(-2)}, 2);
  run(0x2000);
  run(0x2004);
  expect_none(unwind(0x200C), "where the frame begins");
  // Ways that do not agree.
  use(GetParam());
  add(0x3000, {beq(a0, 1), lda(sp, -16, sp), kNop, br(-2)}, 0);
  expect_none(unwind(0x3008), "where the frame begins");
  // Above where it was.
  use(GetParam());
  add(0x4000, {lda(sp, 16, sp), kNop, br(-2)}, 0);
  expect_none(unwind(0x4004), "lies above");
}

TEST_P(AlphaUnwind, SlotsWrittenOver) {
  add(kFunction,
      {lda(sp, -32, sp), stq(ra, 8, sp), stq(s0, 16, sp), stl(a0, 12, sp), lda(ra, 0, zero),
       mov(zero, s0), kNop, br(-2)},
      3);
  std::uint32_t at = kFunction;
  for (int i = 0; i < 3; ++i) at = run(at);
  expect_caller(unwind(at), "before");
  expect_none(unwind(kFunction + 24), "overwritten");
}

TEST_P(AlphaUnwind, SlotsGoBeforeRegisters) {
  // Code that lies elsewhere may have come back with other values in the registers.
  add(kFunction,
      {lda(sp, -32, sp), stq(ra, 0, sp), stq(s0, 8, sp), beq(a0, 100), addq(s0, v0, v0),
       ldq(ra, 0, sp), ldq(s0, 8, sp), lda(sp, 32, sp), ret()},
      3);
  std::uint32_t at = kFunction;
  for (int i = 0; i < 4; ++i) at = run(at);
  r[ra] = extended(base + 0x7000);
  r[s0] = 1;
  expect_caller(unwind(at), "back from elsewhere");
}

TEST_P(AlphaUnwind, FrameAndStackPointerMustAgree) {
  add(kFunction, {lda(sp, -32, sp), stq(ra, 0, sp), stq(fp, 8, sp), mov(sp, fp), kNop, br(-2)}, 4);
  std::uint32_t at = kFunction;
  for (int i = 0; i < 4; ++i) at = run(at);
  expect_caller(unwind(at), "both");
  r[fp] -= 16;
  expect_none(unwind(at), "one frame");
}

TEST_P(AlphaUnwind, AFrameWithALinkageOfItsOwn) {
  // It has saved ra, but comes back through at, which its call has written over.
  add(kFunction,
      {lda(sp, -32, sp), stq(ra, 0, sp), stq(at, 8, sp), bsr(ra, 10), ldq(ra, 0, sp),
       ldq(at, 8, sp), lda(sp, 32, sp), ret(at)},
      3);
  std::uint32_t at = kFunction;
  for (int i = 0; i < 4; ++i) at = run(at);
  expect_none(unwind(at, false), "goes back through");
}

TEST_P(AlphaUnwind, WritesThatLeaveTheStackPointerAsItIs) {
  add(kFunction,
      {lda(sp, -32, sp), stq(ra, 0, sp), mov(sp, sp), operate(0x11, 0x40, sp, zero, sp),
       operate(0x11, 0x24, a0, sp, sp), jmp(t12), kNop, ldq(ra, 0, sp), lda(sp, 32, sp), ret()},
      2);
  run(kFunction);
  run(kFunction + 4);
  for (std::uint32_t at = kFunction + 8; at < kFunction + 32; at += 4)
    expect_caller(unwind(at), std::to_string(at - kFunction));
}

TEST_P(AlphaUnwind, CodeThatNoWayLeadsTo) {
  // Behind a jump through a table: in the body.
  add(kFunction,
      {lda(sp, -32, sp), stq(ra, 0, sp), stq(s0, 8, sp), mov(a0, s0), jmp(t12), addq(s0, v0, v0),
       bsr(ra, 10), ldq(ra, 0, sp), ldq(s0, 8, sp), lda(sp, 32, sp), ret()},
      3);
  std::uint32_t at = kFunction;
  for (int i = 0; i < 4; ++i) at = run(at);
  expect_everywhere(at + 4);
  // With a prologue that can be left there is no telling.
  use(GetParam());
  add(0x2000, {beq(a0, 2), lda(sp, -32, sp), stq(ra, 0, sp), jmp(t12), kNop, br(-2)}, 3);
  expect_none(unwind(0x2010), "ways out");
}

TEST_P(AlphaUnwind, ACallThatDoesNotComeBackMayEndAFunction) {
  add(kFunction, {lda(sp, -16, sp), stq(ra, 8, sp), bsr(ra, 100)}, 2);
  add(kFunction + 12, {lda(sp, -64, sp), stq(ra, 0, sp), ret()}, 2);
  std::uint32_t at = kFunction;
  for (int i = 0; i < 3; ++i) at = run(at);
  expect_caller(unwind(at, false), "behind the last instruction");
}

TEST_P(AlphaUnwind, WhatDoesNotFollowACall) {
  add(kFunction, {lda(sp, -16, sp), stq(ra, 8, sp), kNop, kNop}, 2);
  run(kFunction);
  run(kFunction + 4);
  expect_none(unwind(kFunction + 12, false), "does not follow a call");
}

class Secondary : public AlphaUnwind {
protected:
  void SetUp() override {
    AlphaUnwind::SetUp();
    add(kFunction,
        {lda(sp, -32, sp), stq(ra, 0, sp), stq(s0, 8, sp), mov(a0, s0), br(0x3FB), kNop,
         ldq(ra, 0, sp), ldq(s0, 8, sp), lda(sp, 32, sp), ret()},
        3);
    code.emplace_back(0x2000, Words{addq(a0, a1, a0), bsr(ra, 100), br(-0x3FE)});
  }
  void part(std::uint64_t handler, std::uint64_t data, std::uint64_t parent) {
    row(0x2000, 0x200C, {base + 0x2000, base + 0x200C, handler, data, parent});
  }
  std::uint32_t go() {
    std::uint32_t at = kFunction;
    for (int i = 0; i < 5; ++i) at = run(at);
    return at;
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Secondary, ::testing::Values(Machine::alpha, Machine::alpha64),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_P(Secondary, ThreeForms) {
  const std::uint64_t forms[][2] = {{0, 0}, {base + 0x2000, 0}, {base + 0x2000, 1}};
  for (const auto& [handler, data] : forms) {
    use(GetParam());
    functions.entries.resize(1);
    rows.resize(1);
    part(handler, data, row_address(0));
    ASSERT_EQ(go(), 0x2000u);
    expect_everywhere(0x2000);
  }
}

TEST_P(Secondary, BitsThatAreNoPartOfAddresses) {
  part(0, 0, row_address(0) | 3);
  rows[0][4] |= 1;
  rows[1][0] |= 2;
  expect_caller(unwind(go()), "with bits");
}

TEST_P(Secondary, OfALeaf) {
  functions.entries.clear();
  rows.clear();
  code.clear();
  add(kFunction, {addq(a0, a1, v0), br(0x3FE), ret(t9)}, 0);
  code.emplace_back(0x2000, Words{addq(v0, a0, v0), ret(t9)});
  row(0x2000, 0x2008, {base + 0x2000, base + 0x2008, 0, 0, row_address(0)});
  r[t9] = extended(base + 0x5678);
  r[ra] = 7;
  const auto caller = unwind(0x2004);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_EQ(caller->registers.get(kAlphaFir), r[t9]);
  EXPECT_EQ(caller->registers.get(kAlphaRa), 7u);
}

TEST_P(Secondary, FormsThatAreNotKnown) {
  const auto none = [&](std::uint64_t handler, std::uint64_t data, std::uint64_t parent,
                        std::string_view why) {
    use(GetParam());
    functions.entries.resize(1);
    rows.resize(1);
    part(handler, data, parent);
    expect_none(unwind(go(), true), why);
  };
  none(base + 0x2004, 1, row_address(0), "form that is not known");
  none(base + 0x9000, 0, row_address(0), "form that is not known");
  none(0, 1, row_address(0), "form that is not known");
  none(0, 2, row_address(0), "form that is not known");
  none(0, 0, row_address(0) + 8, "ends elsewhere");
  none(0, 0, row_address(1), "ends elsewhere"); // itself
  none(0, 0, row_address(5), "not captured");
}

TEST_P(Secondary, MustPointAtAPrimaryEntryOfTheTable) {
  part(0, 0, row_address(2));
  row(0x3000, 0x3004, {base + 0x3000, base + 0x3004, 0, 0, row_address(0)});
  code.emplace_back(0x3000, Words{kNop});
  expect_none(unwind(go()), "points at no primary one");
  rows[2] = {base + 0x6000, base + 0x6010, 0, 0, base + 0x6004};
  expect_none(unwind(0x2000), "not in the table");
}

TEST_P(Secondary, RowsThatNobodyRelocated) {
  part(0, 0, row_address(0));
  moved = 0x10000000;
  expect_caller(unwind(go()), "the second part");
  expect_caller(unwind(0x1010), "the first");
  moved = 0x10000004;
  expect_none(unwind(0x2000), "not those of the table");
}

TEST_P(AlphaUnwind, TrapsEndTheWalk) {
  add(kFunction, {lda(sp, -64, sp), stq(ra, 0, sp), bsr(ra, 100), mov(v0, a0), call_pal(0x0E)}, 2);
  std::uint32_t at = kFunction;
  for (int i = 0; i < 3; ++i) at = run(at);
  expect_none(unwind(at, false), "interrupted code", true);
  code[0].second[4] = call_pal(0x0F);
  expect_none(unwind(at, false), "interrupted code", true);
}

TEST_P(AlphaUnwind, WhatIsNotThere) {
  add(kFunction, {lda(sp, -16, sp), stq(ra, 8, sp), stq(s0, 0, sp), lda(ra, 0, zero), br(-1)}, 3);
  std::uint32_t at = kFunction;
  for (int i = 0; i < 4; ++i) at = run(at);
  // A saved register is just not known; a return address is needed.
  stack.erase(kTop - 16);
  auto caller = unwind(at);
  ASSERT_TRUE(caller);
  EXPECT_FALSE(caller->registers.get(s0));
  EXPECT_EQ(caller->registers.get(s1), first_r[s1]);
  stack_absent = true;
  expect_none(unwind(at), "saved return address");
  stack_absent = false;
  rows_absent = true;
  expect_none(unwind(at), ".pdata entry");
  rows_absent = false;
  for (auto& [rva, words] : code) words.resize(4);
  expect_none(unwind(at - 4), "code");
  functions.base = 0x10;
  expect_none(unwind(at), "no function table");
  functions.base = base;
  expect_none(unwind(at + 2), "inside an instruction");
  rows[0][1] += 4;
  expect_none(unwind(at), "not those of the table");
}

TEST_P(AlphaUnwind, TheFunctionsOwnWayBackWhereTheRowIsAbsent) {
  add(kFunction,
      {lda(sp, -16, sp), stq(ra, 8, sp), bsr(ra, 9), ldq(ra, 8, sp), lda(sp, 16, sp), ret()}, 2);
  std::uint32_t at = kFunction;
  for (int i = 0; i < 3; ++i) at = run(at);
  rows_absent = true;
  expect_caller(unwind(at), "frame 0");
  expect_none(unwind(at, false), ".pdata entry");
  expect_none(unwind(kFunction + 8), ".pdata entry"); // a call need not come back
}

TEST_P(AlphaUnwind, EffortEnds) {
  Words words(4000, kNop);
  words[0] = lda(sp, -16, sp);
  words[1] = stq(ra, 8, sp);
  words[3999] = br(-2000);
  add(kFunction, words, 2);
  run(kFunction);
  run(kFunction + 4);
  std::size_t effort = 3000;
  expect_none(unwind(kFunction + 400, true, &effort), "too many instructions");
  EXPECT_EQ(effort, 0u);
  // What was found out once is kept.
  std::shared_ptr<void> kept;
  effort = 100000;
  expect_caller(unwind(kFunction + 400, true, &effort, &kept), "found out");
  const std::size_t left = effort;
  EXPECT_LT(left, 99000u);
  expect_caller(unwind(kFunction + 400, true, &effort, &kept), "kept");
  EXPECT_EQ(effort, left);
}

TEST_P(AlphaUnwind, LargeFunctionsAreLeftAlone) {
  functions.add(kFunction, kFunction + 0x20000, row_rva(0));
  rows.push_back({base + kFunction, base + kFunction + 0x20000, 0, 0, base + kFunction});
  expect_none(unwind(kFunction), "bytes");
  functions.entries[0].end = kFunction; // ends where it begins
  functions.entries[0].begin = 0x800;
  functions.entries[0].end = 0x1001;
  expect_none(unwind(kFunction), "not those of the table");
}

} // namespace
} // namespace dumptriage::arch
