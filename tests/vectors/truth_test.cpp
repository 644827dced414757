// The judge and the layout themselves, on one small program made here: a test of unwinders is worth
// nothing when it cannot fail.
#include "vectors/truth.h"

#include <gtest/gtest.h>

#include "arch/alpha.h"
#include "arch/ia64.h"
#include "vectors/moved.h"

namespace dumptriage::vectors {
namespace {

using arch::Machine;

constexpr std::uint64_t kCode = 0x400000, kSp = 0x483FD0;

Program alpha_program() {
  Program out;
  out.name = "made";
  out.segments = {{kCode, Bytes(0x40)}};
  out.functions = {{"cmain", kCode, kCode + 0x10, kCode + 8},
                   {"inner", kCode + 0x10, kCode + 0x20, kCode + 0x14},
                   {"inner_cold", kCode + 0x20, kCode + 0x28, kCode + 0x20}};
  Snapshot snapshot;
  snapshot.step = 7;
  snapshot.pc = kCode + 0x14;
  snapshot.r.resize(32);
  snapshot.r[30] = kSp;
  snapshot.f.resize(32);
  snapshot.memory = {{kSp, {0x0C, 0x00, 0x40, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0}}};
  Frame inner{"inner", kCode + 0x14, kSp}, cmain{"cmain", kCode + 0xC, kSp + 0x10},
      start{"_start", kCode + 0x3C, kSp + 0x20};
  cmain.caller = start.caller = true;
  cmain.alpha_s = start.alpha_s = {1, 2, 3, 4, 5, 6, 7};
  cmain.alpha_f = start.alpha_f = {8, 9, 10, 11, 12, 13, 14, 15};
  snapshot.frames = {inner, cmain, start};
  out.snapshots = {snapshot};
  return out;
}

arch::Registers right_answer() {
  arch::Registers out;
  out.set(arch::kAlphaFir, kCode + 0xC);
  out.set(arch::kAlphaSp, kSp + 0x10);
  for (int i = 0; i < 7; ++i) out.set(arch::kAlphaS0 + i, static_cast<std::uint64_t>(1 + i));
  for (int i = 0; i < 8; ++i) out.set(arch::kAlphaF2 + i, static_cast<std::uint64_t>(8 + i));
  return out;
}

Score score_of(const arch::Registers& answer) {
  Score score;
  const Program program = alpha_program();
  Judge judge(score, program.snapshots[0], Machine::alpha64);
  judge.caller(answer, memory::FlatRanges());
  return score;
}

TEST(Truth, OnlyTheWholeTruthIsRight) {
  const Score right = score_of(right_answer());
  EXPECT_TRUE(right.perfect());
  EXPECT_EQ(right.frames, 1u); // up to cmain
  EXPECT_EQ(right.registers_right, 15u);

  for (int index : {arch::kAlphaFir + 0, arch::kAlphaSp + 0}) {
    arch::Registers answer = right_answer();
    answer.set(index, *answer.get(index) + 8);
    const Score score = score_of(answer);
    EXPECT_EQ(score.wrong, 1u);
    EXPECT_EQ(score.frames_right, 0u);
    EXPECT_FALSE(score.perfect());
  }
  arch::Registers answer = right_answer();
  answer.set(arch::kAlphaF2 + 7, 0);
  EXPECT_EQ(score_of(answer).wrong, 1u);
  EXPECT_EQ(score_of(answer).frames_right, 1u);
  answer.forget(arch::kAlphaF2 + 7);
  EXPECT_EQ(score_of(answer).wrong, 0u);
  EXPECT_EQ(score_of(answer).registers_missing, 1u);
  EXPECT_FALSE(score_of(answer).perfect());
  answer.forget(arch::kAlphaSp);
  EXPECT_EQ(score_of(answer).wrong, 1u); // a frame without a place is no frame
}

TEST(Truth, WhatIsNotGivenIsUnsupported) {
  Score score;
  const Program program = alpha_program();
  {
    Judge judge(score, program.snapshots[0], Machine::alpha64);
    judge.unsupported("no idea");
    EXPECT_TRUE(judge.done());
  }
  EXPECT_EQ(score.unsupported, 1u);
  EXPECT_EQ(score.wrong, 0u);
  EXPECT_EQ(score.whole, 0u);
  EXPECT_EQ(score.reasons.at("inner: no idea").count, 1u);
}

// Of the predicates only p1 ... p5 and p16 ... p63 are preserved, of fpsr not the flags.
TEST(Truth, ScratchBitsDoNotCount) {
  Snapshot snapshot;
  Frame caller;
  caller.caller = true;
  caller.r4_7.resize(4);
  caller.b1_5.resize(5);
  caller.f.resize(20);
  snapshot.frames = {Frame{}, caller};
  std::uint64_t preserved = 0;
  for (const Known& known : registers_of(snapshot, 1, Machine::ia64)) {
    if (known.index == arch::kIa64Preds) preserved = known.mask;
    if (known.index == arch::kIa64Fpsr) {
      EXPECT_EQ(known.mask & 0x40000, 0u); // inexact
    }
  }
  EXPECT_EQ(preserved, 0xFFFFFFFFFFFF003Eu);
  snapshot.frames[0].function = "h_main"; // saves nothing, see the README
  EXPECT_TRUE(registers_of(snapshot, 1, Machine::ia64).empty());
}

TEST(Truth, StackedRegistersStepOverCollections) {
  EXPECT_EQ(stacked_slot(0x9FFFFFFF7F600000, 62), 0x9FFFFFFF7F6001F0u);
  EXPECT_EQ(stacked_slot(0x9FFFFFFF7F600000, 63), 0x9FFFFFFF7F600200u);
}

std::vector<std::uint64_t> words_of(const Bytes& bytes, unsigned width) {
  std::vector<std::uint64_t> out;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    out.push_back(0);
    for (unsigned i = 0; i < width; ++i) out.back() |= std::uint64_t{bytes[at + i]} << 8 * i;
  }
  return out;
}

TEST(Layout, RowsOfAlpha) {
  for (auto [machine, width] : {std::pair{Machine::alpha, 4u}, {Machine::alpha64, 8u}}) {
    const LaidOut image = lay_out(alpha_program(), machine);
    const std::uint64_t second = image.base + LaidOut::kPdata + 5 * width;
    EXPECT_EQ(words_of(image.pdata_bytes, width),
              (std::vector<std::uint64_t>{kCode, kCode + 0x10, 0, 0, kCode + 8, //
                                          kCode + 0x10, kCode + 0x20, 0, 0, kCode + 0x14,
                                          kCode + 0x20, kCode + 0x28, 0, 0, second}));
  }
}

TEST(Layout, RowsOfItanium) {
  Program program;
  program.itanium = true;
  program.segments = {{0x4000000000000000, Bytes(0x100)}};
  program.unwind = {{0x4000000000000040,
                     0x4000000000000080,
                     0x0001000300000001,
                     {0x46, 0x20, 0x03, 0xE6, 0x00, 0xE4, 0x01, 0x29}}};
  const LaidOut image = lay_out(program, Machine::ia64);
  EXPECT_EQ(image.xdata_bytes, (Bytes{3, 0, 3, 0, 1, 0, 0, 0, //
                                      0x46, 0x20, 0x03, 0xE6, 0x00, 0xE4, 0x01, 0x29}));
  const std::uint64_t rva = 0x4000000000000040 - image.base;
  EXPECT_EQ(words_of(image.pdata_bytes, 4),
            (std::vector<std::uint64_t>{rva, rva + 0x40, image.xdata}));
  const LaidOutTable table(image);
  arch::FunctionEntry entry;
  EXPECT_EQ(table.find(0x400000000000007F, entry), arch::FunctionLookup::found);
  EXPECT_EQ(table.find(0x4000000000000080, entry), arch::FunctionLookup::leaf);
  EXPECT_EQ(table.find(0x5000000000000000, entry), arch::FunctionLookup::unknown);
}

TEST(Layout, TheUpperHalfIsSignExtendedInRegisters) {
  const Program moved = in_upper_half(alpha_program());
  const Snapshot& snapshot = moved.snapshots[0];
  EXPECT_EQ(snapshot.pc, 0xFFFFFFFF80400014);
  EXPECT_EQ(snapshot.r[30], 0xFFFFFFFF80483FD0);
  EXPECT_EQ(snapshot.memory[0].address, 0x80483FD0u);
  EXPECT_EQ(words_of(snapshot.memory[0].bytes, 8),
            (std::vector<std::uint64_t>{0xFFFFFFFF8040000C, 5}));
  EXPECT_EQ(snapshot.frames[1].pc, 0xFFFFFFFF8040000C);
  EXPECT_EQ(moved.functions[1].begin, kCode + 0x10 + 0x80000000);
  EXPECT_EQ(lay_out(moved, Machine::alpha).segments[0].address, 0x80400000u);
}

} // namespace
} // namespace dumptriage::vectors
