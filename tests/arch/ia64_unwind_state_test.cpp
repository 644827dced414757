// What the unwind descriptors of Itanium mean at one moment of a function.  Bytes laid down by
// hand; the meanings are those of chapter 11 of the Itanium Software Conventions (Intel 245358).
#include "arch/ia64_unwind_state.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace dumptriage::arch {
namespace {

using Bytes = std::vector<std::uint8_t>;
using enum Ia64Home::Where;
using Home = Ia64Home;

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Result<Ia64FrameState> try_at(const Bytes& bytes, Ia64Moment moment) {
  std::size_t effort = 10000;
  return ia64_frame_state(ByteView(bytes.data(), bytes.size()), moment, effort, Where::rva(0));
}
// After `executed` slots.
Ia64FrameState at(const Bytes& bytes, std::uint64_t executed) {
  auto state = try_at(bytes, {.executed = executed});
  if (!state) {
    ADD_FAILURE() << state.error().message();
    return {};
  }
  return *state;
}
Home home(const Bytes& bytes, std::uint64_t executed, int saved) {
  return at(bytes, executed).homes[static_cast<std::size_t>(saved)];
}
Error error_at(const Bytes& bytes, Ia64Moment moment) {
  auto state = try_at(bytes, moment);
  if (state) {
    ADD_FAILURE() << "nothing was refused";
    return {};
  }
  return state.error();
}
Error error_at(const Bytes& bytes, std::uint64_t executed) {
  return error_at(bytes, Ia64Moment{.executed = executed});
}
constexpr Home in(Ia64Home::Where where, std::int64_t value = 0) { return {where, value}; }

TEST(Ia64UnwindState, SavesCountFromTheirInstructionOn) {
  // prologue_gr rp, ar.pfs in r34, r35 of 3 slots; pfs_when 0, rp_when 2; body of 18
  const Bytes mid = {0x46, 0x22, 0x03, 0xE6, 0x00, 0xE4, 0x02, 0x32};
  EXPECT_EQ(home(mid, 0, kIa64SavedPfs), in(self));
  EXPECT_EQ(home(mid, 1, kIa64SavedPfs), in(gr, 35));
  EXPECT_EQ(home(mid, 2, kIa64SavedRp), in(self));
  EXPECT_EQ(home(mid, 3, kIa64SavedRp), in(gr, 34));
  EXPECT_EQ(home(mid, 20, kIa64SavedRp), in(gr, 34));
  EXPECT_EQ(at(mid, 20).link, 0);
}

TEST(Ia64UnwindState, ATimeWithoutAPlaceMeansTheNextRegister) {
  // prologue of 4: rp_when 1, pfs_when 0, lc_when 2, fpsr_when 2, preds_when 3, unat_when 3
  const Bytes plain = {0x04, 0xE4, 1, 0xE6, 0, 0xEA, 2, 0xEE, 2, 0xE8, 3, 0xEC, 3, 0x25};
  EXPECT_EQ(home(plain, 1, kIa64SavedRp), in(self));
  EXPECT_EQ(home(plain, 5, kIa64SavedRp), in(gr, 32));
  EXPECT_EQ(home(plain, 5, kIa64SavedPfs), in(gr, 33));
  EXPECT_EQ(home(plain, 5, kIa64SavedPreds), in(gr, 34));
  EXPECT_EQ(home(plain, 5, kIa64SavedUnat), in(gr, 35));
  EXPECT_EQ(home(plain, 5, kIa64SavedLc), in(gr, 36));
  EXPECT_EQ(home(plain, 5, kIa64SavedFpsr), in(gr, 37));
  // prologue_gr rp in r40, then lc_when: r41
  EXPECT_EQ(home({0x44, 0x28, 0x04, 0xEA, 2, 0x25}, 5, kIa64SavedLc), in(gr, 41));
  EXPECT_EQ(home({0x44, 0x28, 0x04, 0xEA, 2, 0x25}, 5, kIa64SavedRp), in(gr, 40));
}

TEST(Ia64UnwindState, EveryRegisterOfPrologueGr) {
  const Bytes bytes = {0x47, 0xA2, 0x04, 0x25}; // mask 1111, r34
  EXPECT_EQ(home(bytes, 5, kIa64SavedRp), in(gr, 34));
  EXPECT_EQ(home(bytes, 5, kIa64SavedPfs), in(gr, 35));
  EXPECT_EQ(home(bytes, 5, kIa64SavedPsp), in(gr, 36));
  EXPECT_EQ(home(bytes, 5, kIa64SavedPreds), in(gr, 37));
}

TEST(Ia64UnwindState, APlaceWithoutATimeCountsFromTheEndOfThePrologue) {
  const Bytes bytes = {0x04, 0xB0, 0xA4, 0xE5, 0x03, 0x25}; // rp_gr r36, then rp_psprel 3 instead
  EXPECT_EQ(home(bytes, 3, kIa64SavedRp), in(self));
  EXPECT_EQ(home(bytes, 4, kIa64SavedRp), in(psprel, 4));
  const Bytes late = {0x04, 0xE4, 0x63, 0xB0, 0xA4, 0x25}; // rp_when 99: by the end
  EXPECT_EQ(home(late, 3, kIa64SavedRp), in(self));
  EXPECT_EQ(home(late, 4, kIa64SavedRp), in(gr, 36));
}

TEST(Ia64UnwindState, EveryPlaceOfP3P7AndP8) {
  const auto place = [](Bytes record, int saved) {
    return home(Bytes{0x02} + record + Bytes{0x25}, 3, saved);
  };
  EXPECT_EQ(place({0xB1, 0x24}, kIa64SavedPfs), in(gr, 36));
  EXPECT_EQ(place({0xB1, 0xA4}, kIa64SavedPreds), in(gr, 36));
  EXPECT_EQ(place({0xB2, 0x24}, kIa64SavedUnat), in(gr, 36));
  EXPECT_EQ(place({0xB2, 0xA4}, kIa64SavedLc), in(gr, 36));
  EXPECT_EQ(place({0xB3, 0xA4}, kIa64SavedRnat), in(gr, 36));
  EXPECT_EQ(place({0xB4, 0x24}, kIa64SavedBsp), in(gr, 36));
  EXPECT_EQ(place({0xB4, 0xA4}, kIa64SavedBspStore), in(gr, 36));
  EXPECT_EQ(place({0xB5, 0x24}, kIa64SavedFpsr), in(gr, 36));
  EXPECT_EQ(place({0xB5, 0xA4}, kIa64SavedPriunat), in(gr, 36));
  EXPECT_EQ(place({0xE3, 0x06}, kIa64SavedPsp), in(sprel, 24));
  const std::pair<int, int> psprels[] = {{0xE5, kIa64SavedRp},    {0xE7, kIa64SavedPfs},
                                         {0xE9, kIa64SavedPreds}, {0xEB, kIa64SavedLc},
                                         {0xED, kIa64SavedUnat},  {0xEF, kIa64SavedFpsr}};
  for (const auto& [first, saved] : psprels)
    EXPECT_EQ(place({static_cast<std::uint8_t>(first), 0x08}, saved), in(psprel, 16 - 32)) << first;
  const std::pair<int, int> sprels[] = {
      {1, kIa64SavedRp},    {2, kIa64SavedPfs},     {3, kIa64SavedPreds}, {4, kIa64SavedLc},
      {5, kIa64SavedUnat},  {6, kIa64SavedFpsr},    {9, kIa64SavedBsp},   {12, kIa64SavedBspStore},
      {15, kIa64SavedRnat}, {18, kIa64SavedPriunat}};
  for (const auto& [r, saved] : sprels)
    EXPECT_EQ(place({0xF0, static_cast<std::uint8_t>(r), 0x08}, saved), in(sprel, 32)) << r;
  for (const auto& [r, saved] : {std::pair<int, int>{8, kIa64SavedBsp},
                                 {11, kIa64SavedBspStore},
                                 {14, kIa64SavedRnat},
                                 {17, kIa64SavedPriunat}})
    EXPECT_EQ(place({0xF0, static_cast<std::uint8_t>(r), 0x02}, saved), in(psprel, 8)) << r;
  // times that no place belongs to
  for (const auto& [r, saved] : {std::pair<int, int>{7, kIa64SavedBsp},
                                 {10, kIa64SavedBspStore},
                                 {13, kIa64SavedRnat},
                                 {19, kIa64SavedPriunat}})
    EXPECT_EQ(place({0xF0, static_cast<std::uint8_t>(r), 0x01}, saved), in(lost)) << r;
  EXPECT_EQ(place({0xF0, 16, 0x01}, kIa64SavedPriunat), in(gr, 32));
  EXPECT_EQ(place({0xF0, 19, 0x01, 0xF0, 18, 2}, kIa64SavedPriunat), in(sprel, 8));
  EXPECT_EQ(at({0x02, 0xB3, 0x07, 0x25}, 1).link, 7); // rp_br b7
  for (std::uint8_t b : {8, 127})
    EXPECT_EQ(error_at({0x02, 0xB3, b, 0x25}, 1).code, Code::bad_value);
}

TEST(Ia64UnwindState, StackFrames) {
  const Bytes fixed_one = {0x05, 0xE0, 0x02, 0x90, 0x01, 0x25}; // mem_stack_f t=2 size 144 * 16
  EXPECT_EQ(home(fixed_one, 2, kIa64SavedPsp), in(self));
  EXPECT_EQ(home(fixed_one, 3, kIa64SavedPsp), in(fixed, 144 * 16));
  const Bytes variable = {0x05, 0xE1, 0x02, 0xB0, 0x26, 0x25}; // mem_stack_v t=2, psp_gr r38
  EXPECT_EQ(home(variable, 2, kIa64SavedPsp), in(self));
  EXPECT_EQ(home(variable, 3, kIa64SavedPsp), in(gr, 38));
  EXPECT_EQ(home({0x05, 0xE1, 0x02, 0x25}, 6, kIa64SavedPsp), in(lost));
  EXPECT_EQ(error_at({0x05, 0xE0, 2, 1, 0xE0, 3, 1, 0x25}, 6).code, Code::unsupported);
  EXPECT_EQ(error_at({0x05, 0xE0, 2, 1, 0x05, 0xE0, 3, 1, 0x25}, 10).code, Code::unsupported);
  EXPECT_EQ(error_at({0x05, 0xE0, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x25}, 6).code, Code::bad_value);
}

TEST(Ia64UnwindState, TheSpillArea) {
  // P5 r5, r7, f2, f16; P1 b1, b3; below psp+16: f16, f2, b3, b1, r7, r5
  const Bytes masks = {0xB9, 0xA0, 0x00, 0x11, 0x85};
  const Bytes usual = Bytes{0x03} + masks + Bytes{0x25};
  EXPECT_EQ(home(usual, 2, kIa64SavedR4 + 1), in(self));
  EXPECT_EQ(home(usual, 3, kIa64SavedF2 + 4), in(psprel, 0));
  EXPECT_EQ(home(usual, 3, kIa64SavedF2), in(psprel, -16));
  EXPECT_EQ(home(usual, 3, kIa64SavedB1 + 2), in(psprel, -24));
  EXPECT_EQ(home(usual, 3, kIa64SavedB1), in(psprel, -32));
  EXPECT_EQ(home(usual, 3, kIa64SavedR4 + 3), in(psprel, -40));
  EXPECT_EQ(home(usual, 3, kIa64SavedR4 + 1), in(psprel, -48));
  EXPECT_EQ(home(usual, 3, kIa64SavedR4), in(self));
  const Bytes lower = Bytes{0x03, 0xE2, 0x0C} + masks + Bytes{0x25}; // spill_base 12: psp - 32
  EXPECT_EQ(home(lower, 3, kIa64SavedF2 + 4), in(psprel, -48));
  // P6: f3, f5; r4, r6
  const Bytes p6 = {0x03, 0xCA, 0xD5, 0x25};
  EXPECT_EQ(home(p6, 3, kIa64SavedF2 + 3), in(psprel, 0));
  EXPECT_EQ(home(p6, 3, kIa64SavedF2 + 1), in(psprel, -16));
  EXPECT_EQ(home(p6, 3, kIa64SavedR4 + 2), in(psprel, -24));
  EXPECT_EQ(home(p6, 3, kIa64SavedR4), in(psprel, -32));
}

TEST(Ia64UnwindState, CopiesInGeneralRegisters) {
  const Bytes bytes = {0x03, 0xF1, 0x0A, 0x28, 0xA8, 0xAB, 0x25}; // r5, r7 in r40; b1, b5 in r43
  EXPECT_EQ(home(bytes, 3, kIa64SavedR4 + 1), in(gr, 40));
  EXPECT_EQ(home(bytes, 3, kIa64SavedR4 + 3), in(gr, 41));
  EXPECT_EQ(home(bytes, 3, kIa64SavedB1), in(gr, 43));
  EXPECT_EQ(home(bytes, 3, kIa64SavedB1 + 4), in(gr, 44));
  EXPECT_EQ(home(bytes, 2, kIa64SavedB1), in(self));
}

TEST(Ia64UnwindState, TheMaskOfSlotsSaysHowManyAreSaved) {
  // 6 slots: - r b | f f r -> P4 00 10 11 01, 01 10
  const Bytes bytes = {0x06, 0xD3, 0x81, 0xC3, 0xB8, 0x2D, 0x60, 0x25}; // r4, r5; b1; f2, f3
  for (int saved : {kIa64SavedR4, kIa64SavedB1, kIa64SavedF2})
    EXPECT_EQ(home(bytes, 1, saved), in(self));
  EXPECT_EQ(home(bytes, 3, kIa64SavedB1), in(psprel, 16 - 32 - 8)); // the only one of its kind
  // one of two: which one only the instructions could tell
  EXPECT_EQ(home(bytes, 3, kIa64SavedR4), in(lost));
  EXPECT_EQ(home(bytes, 3, kIa64SavedR4 + 1), in(lost));
  EXPECT_EQ(home(bytes, 5, kIa64SavedF2), in(psprel, -16));
  EXPECT_EQ(home(bytes, 5, kIa64SavedF2 + 1), in(psprel, 0));
  EXPECT_EQ(home(bytes, 6, kIa64SavedR4), in(psprel, 16 - 32 - 8 - 16));
}

TEST(Ia64UnwindState, TheInstructionsSayWhichAreSaved) {
  const Bytes bytes = {0x06, 0xD3, 0x81, 0xC3, 0xB8, 0x2D, 0x60, 0x25};
  std::map<std::uint64_t, std::uint8_t> saves = {{1, 5}, {2, 0x41}, {3, 0x23}, {4, 0x22}, {5, 4}};
  const auto after = [&](std::uint64_t executed, int saved) {
    auto state = try_at(bytes, {.executed = executed,
                                .saved_in = [&](std::uint64_t slot) -> std::optional<std::uint8_t> {
                                  const auto found = saves.find(slot);
                                  if (found == saves.end()) return std::nullopt;
                                  return found->second;
                                }});
    return state ? state->homes[static_cast<std::size_t>(saved)] : Home{br, -1};
  };
  EXPECT_EQ(after(2, kIa64SavedR4 + 1), in(psprel, 16 - 32 - 8 - 8));
  EXPECT_EQ(after(2, kIa64SavedR4), in(self));
  EXPECT_EQ(after(4, kIa64SavedF2 + 1), in(psprel, 0));
  EXPECT_EQ(after(4, kIa64SavedF2), in(self));
  saves[1] = 7; // no register that the masks name
  EXPECT_EQ(after(2, kIa64SavedR4), in(lost));
  saves.erase(1);
  EXPECT_EQ(after(2, kIa64SavedR4 + 1), in(lost));
  EXPECT_EQ(after(6, kIa64SavedR4 + 1), in(psprel, 16 - 32 - 8 - 8));
}

TEST(Ia64UnwindState, TheMaskOfSlotsCountsCopiesToo) {
  // as the GNU assembler writes .save.g 3, r40 and .save.b 3, r42: P4 r r b - b
  const Bytes gas = {0x05, 0xB8, 0xAC, 0xC0, 0xF1, 0x03, 0x28, 0xA1, 0xAA, 0x21};
  EXPECT_EQ(home(gas, 2, kIa64SavedR4 + 1), in(gr, 41));
  EXPECT_EQ(home(gas, 2, kIa64SavedB1), in(self));
  EXPECT_EQ(home(gas, 5, kIa64SavedB1 + 1), in(gr, 43));
  // b1 in r42, b2 in memory, and only one slot: the memory's
  const Bytes memory_only = {0x03, 0xA0, 0xAA, 0x82, 0xB8, 0xC0, 0x25};
  EXPECT_EQ(home(memory_only, 1, kIa64SavedB1), in(self));
  EXPECT_EQ(home(memory_only, 1, kIa64SavedB1 + 1), in(psprel, 8));
  // slots that fit neither
  const Bytes odd = {0x03, 0x87, 0xB8, 0xF0, 0x25}; // three registers, two slots
  EXPECT_EQ(error_at(odd, 2).code, Code::bad_value);
  EXPECT_EQ(home(odd, 3, kIa64SavedB1), in(psprel, -8)); // behind the prologue it does not matter
}

TEST(Ia64UnwindState, Epilogues) {
  // prologue of 3: mem_stack_f t=0 32, rp_gr r33 rp_when 1, pfs_psprel 4; body of 10: epilogue t=2
  const Bytes bytes = {0x03, 0xE0, 0, 2, 0xB0, 0xA1, 0xE4, 1, 0xE7, 4, 0x2A, 0xC0, 2};
  EXPECT_EQ(home(bytes, 10, kIa64SavedPsp), in(fixed, 32));
  EXPECT_EQ(home(bytes, 10, kIa64SavedPfs), in(psprel, 0));
  // slot 7 of the body, which is 10 of the function, restores sp
  EXPECT_EQ(home(bytes, 11, kIa64SavedPsp), in(self));
  EXPECT_EQ(home(bytes, 11, kIa64SavedRp), in(gr, 33));
  EXPECT_EQ(home(bytes, 11, kIa64SavedPfs), in(self)); // its memory is free: it was restored before
  // X1 above psp + 16 lies in the caller's frame, and stays
  const Bytes above = {0x03, 0xE0, 0, 2, 0x2A, 0xF9, 0x69, 0, 0, 0xC0, 2};
  EXPECT_EQ(home(above, 11, kIa64SavedPfs), in(self));
  // t beyond the region: restored from its begin on
  EXPECT_EQ(home({0x03, 0xE0, 0, 2, 0x2A, 0xC0, 99}, 4, kIa64SavedPsp), in(self));
}

TEST(Ia64UnwindState, BehindAnEpilogueThePrologueIsUndone) {
  // prologue 3 {rp_gr r33}, body 5 {epilogue t=0, ecount 0}, body 4
  const Bytes bytes = {0x03, 0xB0, 0xA1, 0x25, 0xC0, 0, 0x24};
  EXPECT_EQ(home(bytes, 7, kIa64SavedRp), in(gr, 33));
  EXPECT_EQ(home(bytes, 8, kIa64SavedRp), in(self));
  EXPECT_EQ(error_at({0x03, 0x25, 0xC1, 0, 0x24}, 8).code, Code::bad_value); // two of one
  EXPECT_EQ(error_at({0x03, 0x25, 0xE0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                      0x01, 0x24},
                     8)
                .code,
            Code::bad_value);
}

TEST(Ia64UnwindState, NestedPrologues) {
  // 3 {rp_gr r33}, body 3, prologue 3 {lc_gr r35}, body 3 {epilogue ecount}, body 3
  const auto with = [](Bytes epilogue) {
    return Bytes{0x03, 0xB0, 0xA1, 0x23, 0x03, 0xB2, 0xA3, 0x23} + epilogue + Bytes{0x23};
  };
  const Bytes inner = with({0xC0, 0}), both = with({0xC1, 0}), long_form = with({0xE0, 0, 1});
  for (const Bytes& bytes : {inner, both, long_form}) {
    EXPECT_EQ(home(bytes, 5, kIa64SavedRp), in(gr, 33));
    EXPECT_EQ(home(bytes, 5, kIa64SavedLc), in(self));
    EXPECT_EQ(home(bytes, 8, kIa64SavedLc), in(self)); // until the end of the inner prologue
    EXPECT_EQ(home(bytes, 9, kIa64SavedLc), in(gr, 35));
    EXPECT_EQ(home(bytes, 9, kIa64SavedRp), in(gr, 33));
    EXPECT_EQ(home(bytes, 12, kIa64SavedLc), in(self));
  }
  EXPECT_EQ(home(inner, 12, kIa64SavedRp), in(gr, 33));
  EXPECT_EQ(home(both, 12, kIa64SavedRp), in(self));
  EXPECT_EQ(home(long_form, 12, kIa64SavedRp), in(self));
}

TEST(Ia64UnwindState, AnInnerPrologueMovesASave) {
  // rp_gr r33; inner: rp_when 1, rp_sprel 6
  const Bytes bytes = {0x03, 0xB0, 0xA1, 0x23, 0x04, 0xE4, 1, 0xF0, 1, 6, 0x23, 0xC0, 0, 0x23};
  EXPECT_EQ(home(bytes, 7, kIa64SavedRp), in(gr, 33));
  EXPECT_EQ(home(bytes, 8, kIa64SavedRp), in(sprel, 24));
  EXPECT_EQ(home(bytes, 13, kIa64SavedRp), in(gr, 33)); // undone again
}

TEST(Ia64UnwindState, LabelsAndCopies) {
  for (const auto& [label, copy] : {std::pair<Bytes, Bytes>{{0x81}, {0xA1}},
                                    {{0xF0, 0x01}, {0xA1}},
                                    {{0xF0, 0xC8, 0x01}, {0xF8, 0xC8, 0x01}}}) {
    // prologue 3 {rp_gr r33}, body 5 {label, epilogue t=0}, body 4 {copy}, body 4
    const Bytes bytes =
        Bytes{0x03, 0xB0, 0xA1, 0x25} + label + Bytes{0xC0, 0, 0x24} + copy + Bytes{0xC0, 1, 0x24};
    EXPECT_EQ(home(bytes, 7, kIa64SavedRp), in(gr, 33));
    EXPECT_EQ(home(bytes, 8, kIa64SavedRp), in(gr, 33));
    EXPECT_EQ(home(bytes, 12, kIa64SavedRp), in(self)); // the copy's prologue can be undone as well
  }
  EXPECT_EQ(error_at({0x03, 0x25, 0x81, 0xC0, 0, 0x24, 0xA2}, 8).code, Code::bad_value);
  // the later of two labels of one number
  const Bytes twice = {0x03, 0xB0, 0xA1, 0x22, 0x81, 0x02, 0xB2,
                       0xA3, 0x22, 0x81, 0xC1, 0,    0x22, 0xA1};
  EXPECT_EQ(home(twice, 9, kIa64SavedLc), in(gr, 35));
  EXPECT_EQ(error_at({0x03, 0x25, 0xF9, 0x04, 1, 1, 0x81, 0x24}, 4).code, Code::unsupported);
}

TEST(Ia64UnwindState, SavesOfOneRegister) {
  for (std::uint8_t region : {0x04, 0x24}) { // in a prologue or a body
    const auto place = [&](Bytes record, std::uint64_t executed, int saved) {
      return home(Bytes{region} + record + Bytes{0x25}, executed, saved);
    };
    EXPECT_EQ(place({0xF9, 0x05, 1, 2}, 1, kIa64SavedR4 + 1), in(self));
    EXPECT_EQ(place({0xF9, 0x05, 1, 2}, 2, kIa64SavedR4 + 1), in(psprel, 8));
    EXPECT_EQ(place({0xF9, 0xE3, 1, 2}, 2, kIa64SavedRp), in(sprel, 8));
    EXPECT_EQ(place({0xF9, 0xE3, 1, 2}, 5, kIa64SavedRp), in(sprel, 8));
    EXPECT_EQ(place({0xFA, 0x6A, 0x28, 1}, 2, kIa64SavedLc), in(gr, 40));
    EXPECT_EQ(place({0xFA, 0x45, 0x28, 1}, 2, kIa64SavedB1 + 4), in(gr, 40));
    EXPECT_EQ(place({0xFA, 0xE3, 0x06, 1}, 2, kIa64SavedRp), in(br, 6));
    EXPECT_EQ(place({0xFA, 0x32, 0x86, 1}, 2, kIa64SavedF2 + 6), in(fr, 6));
    EXPECT_EQ(place({0xFA, 0x63, 0x28, 1, 0xFA, 0x63, 0, 2}, 2, kIa64SavedRp), in(gr, 40));
    EXPECT_EQ(place({0xFA, 0x63, 0x28, 1, 0xFA, 0x63, 0, 2}, 3, kIa64SavedRp), in(self));
  }
  // a restore among the saves of a prologue
  EXPECT_EQ(home({0x04, 0xB0, 0xA1, 0xE4, 0, 0xFA, 0x63, 0, 1, 0x25}, 2, kIa64SavedRp), in(self));
  EXPECT_EQ(error_at({0x24, 0xF9, 0x61, 0, 1}, 2).code, Code::bad_value); // psp by psp
}

TEST(Ia64UnwindState, SavesUnderAPredicate) {
  const Bytes spill = {0x24, 0xFB, 0x06, 0x63, 1, 2};   // (p6) rp at psp + 8
  const Bytes move = {0x24, 0xFC, 0x14, 0x6A, 0x28, 1}; // (p20) ar.lc in r40
  const auto rp = [&](std::uint64_t preds) {
    return try_at(spill, {.executed = 3, .preds = preds})->homes[kIa64SavedRp];
  };
  EXPECT_EQ(rp(1 << 6 | 1), in(psprel, 8));
  EXPECT_EQ(rp(~std::uint64_t{1 << 6}), in(self));
  EXPECT_EQ(error_at(spill, 3).code, Code::unsupported); // predicates not known
  EXPECT_EQ(home(spill, 1, kIa64SavedRp), in(self));     // nor needed
  // p6 is scratch: behind a call nobody knows what it was
  EXPECT_EQ(error_at(spill, {.executed = 3, .exact = false, .preds = ~0ull}).code,
            Code::unsupported);
  const auto lc = [&](std::uint64_t preds, std::uint64_t rotated) {
    return try_at(move, {.executed = 3, .exact = false, .preds = preds, .marker = {rotated << 32}})
        ->homes[kIa64SavedLc];
  };
  EXPECT_EQ(lc(1 << 20, 0), in(gr, 40));
  EXPECT_EQ(lc(1 << 21, 0), in(self));
  EXPECT_EQ(lc(1 << 21, 1), in(gr, 40));
  EXPECT_EQ(lc(1 << 17, 45), in(gr, 40)); // 16 + (4 + 45) % 48
}

TEST(Ia64UnwindState, FramesThatNoCallHasMade) {
  const Ia64FrameState state = at({0x02, 0xFF, 0x01, 0x03, 0x25}, 0);
  EXPECT_TRUE(state.abi_frame);
  EXPECT_EQ(state.abi, 1);
  EXPECT_EQ(state.context, 3);
  EXPECT_FALSE(at({0x02, 0x25}, 0).abi_frame);
}

TEST(Ia64UnwindState, ACallThatEndsARegionBelongsToIt) {
  // prologue 3 {rp_gr r33}, body 3 {epilogue}, body 3: the return address is slot 6
  const Bytes bytes = {0x03, 0xB0, 0xA1, 0x23, 0xC0, 3, 0x23};
  EXPECT_EQ(home(bytes, 6, kIa64SavedRp), in(self));
  auto calling = try_at(bytes, {.executed = 6, .exact = false});
  ASSERT_TRUE(calling);
  EXPECT_EQ(calling->homes[kIa64SavedRp], in(gr, 33));
  // ... or the function: one behind its last slot
  EXPECT_EQ(error_at(bytes, 9).code, Code::bad_value);
  EXPECT_TRUE(try_at(bytes, {.executed = 9, .exact = false}));
  EXPECT_EQ(error_at(bytes, {.executed = 0, .exact = false}).code, Code::bad_value);
}

TEST(Ia64UnwindState, ErrorsNameTheirPlace) {
  const Error e = error_at({0x03, 0xBA, 0x25}, 4);
  EXPECT_EQ(e.where, Where::rva(1));
  EXPECT_EQ(error_at({}, 0).code, Code::bad_value);
  EXPECT_EQ(home({0x03, 0x25, 0x23, 0xE1, 0x00}, 4, kIa64SavedRp), in(self)) << "not read so far";
  EXPECT_EQ(error_at({0x03, 0xB0, 0xA1, 0x25, 0xE1}, 4).code, Code::bad_value);
}

TEST(Ia64UnwindState, HostileLengths) {
  Bytes endless{0x60}; // a prologue of 2^64 - 1 slots
  endless.insert(endless.end(), 9, 0xFF);
  endless.push_back(0x01);
  const Bytes saves = endless + Bytes{0xE4, 0x05, 0xB0, 0xA1};
  EXPECT_EQ(home(saves, 6, kIa64SavedRp), in(gr, 33));
  EXPECT_EQ(error_at(saves, UINT64_MAX).code, Code::bad_value);
  // thousands of prologues and labels use the effort up
  Bytes many(60000, 0x00);
  many.push_back(0x25);
  EXPECT_EQ(error_at(many, 1).code, Code::limit);
  Bytes mask{0x60, 0x80, 0xF0, 0x04, 0xB8}; // 79,872 slots
  mask.insert(mask.end(), 19968, 0x00);
  EXPECT_EQ(error_at(mask, 1).code, Code::limit);
  Bytes labels{0x20};
  for (int i = 0; i < 20000; ++i)
    labels.insert(labels.end(), {0xF0, static_cast<std::uint8_t>(i % 128)});
  labels.push_back(0x25);
  EXPECT_EQ(error_at(labels, 1).code, Code::limit);
}

TEST(Ia64UnwindState, CutAtEveryByteItNeverSaysMoreThanItHas) {
  const Bytes whole = {0x46, 0x22, 0x06, 0xE0, 1,    2,    0xE4, 2,    0xB9, 0x30, 0x00,
                       0x01, 0xB8, 0x0A, 0x10, 0x2A, 0x81, 0xC0, 0x02, 0x28, 0xA1};
  ASSERT_TRUE(try_at(whole, {.executed = 20}));
  for (std::size_t size = 0; size < whole.size(); ++size)
    for (std::uint64_t executed = 0; executed < 24; ++executed) {
      const auto state = try_at(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)),
                                {.executed = executed});
      if (size < 3) {
        EXPECT_FALSE(state);
      }
      if (executed >= 6 && size < 16) {
        EXPECT_FALSE(state) << size << " " << executed;
      }
      if (executed >= 16 && size < 20) {
        EXPECT_FALSE(state) << size << " " << executed;
      }
    }
}

} // namespace
} // namespace dumptriage::arch
