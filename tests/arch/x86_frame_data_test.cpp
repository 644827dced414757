// Programs and sizes of frame records, on stacks laid by hand.
#include "arch/frame_data.h"

#include <gtest/gtest.h>

#include "arch/arch.h"
#include "arch/fake.h"

namespace dumptriage::arch {
namespace {

constexpr int kEbx = 3, kEsp = 4, kEbp = 5, kEsi = 6, kEip = 8;

std::optional<std::uint32_t> run(std::string_view program, FrameVariables variables = {},
                                 std::string_view result = "$T0") {
  bool good = run_frame_program(program, variables, [](std::uint32_t at) {
    return at == 0x1000 ? std::optional<std::uint32_t>(0x77) : std::nullopt;
  });
  if (!good) return std::nullopt;
  auto found = variables.find(result);
  return found == variables.end() ? std::nullopt : std::optional(found->second);
}

TEST(FrameProgram, Operators) {
  EXPECT_EQ(run("$T0 2 3 + ="), 5u);
  EXPECT_EQ(run("$T0 2 3 - ="), 0xFFFFFFFFu);
  EXPECT_EQ(run("$T0 6 3 * ="), 18u);
  EXPECT_EQ(run("$T0 7 2 / ="), 3u);
  EXPECT_EQ(run("$T0 7 4 % ="), 3u);
  EXPECT_EQ(run("$T0 1023 16 @ ="), 1008u);
  EXPECT_EQ(run("$T0 4096 ^ ="), 0x77u);
  EXPECT_EQ(run("$T1 5 = $T0 $T1 -1 + ="), 4u);
  EXPECT_EQ(run("$T0 .cbLocals 4 + =", {{".cbLocals", 8}}), 12u);
}

TEST(FrameProgram, WhatCannotRunIsRefused) {
  for (const char* bad :
       {"$T0", "= 1", "1 2 =", "$T0 $T9 =", "$T0 1 0 / =", "$T0 1 0 % =", "$T0 1 0 @ =",
        "$T0 8 ^ =", "$T0 + =", "$T0 1x =", "$T0 99999999999 =", "$T0 1 = 2", "^", "+"})
    EXPECT_EQ(run(bad), std::nullopt) << bad;
  std::string endless;
  for (int i = 0; i < 300; ++i) endless += "1 ";
  EXPECT_EQ(run(endless), std::nullopt);
}

class Records final : public UnwindSource {
public:
  FunctionLookup find(std::uint64_t, FunctionEntry&) const override {
    return FunctionLookup::unknown;
  }
  std::optional<FrameData> frame_data(std::uint64_t pc) const override {
    asked = pc;
    return data;
  }
  std::optional<FrameData> data;
  mutable std::uint64_t asked = 0;
};

// Code: the function at 0x401000; the caller at 0x402000 with `call 0x401000` before 0x402005, and
// `call eax` before 0x402012.  The function: push esi; sub esp,8; ...; `at_pc` at 0x401010; without
// `has_code` nothing is there.
struct Machine32 {
  FakeMemory memory;
  Records records;
  Registers registers;
  explicit Machine32(bool has_code = true, const std::vector<std::uint8_t>& at_pc = {
                                               0x8B, 0x01, 0x83, 0xC4, 0x08, 0x5E, 0xC3}) {
    std::vector<std::uint8_t> code(0x40, 0x90);
    const std::uint8_t begin[] = {0x56, 0x83, 0xEC, 0x08, 0x8B, 0x31}; // and mov esi,[ecx]
    std::copy(std::begin(begin), std::end(begin), code.begin());
    std::copy(at_pc.begin(), at_pc.end(), code.begin() + 0x10);
    if (has_code) memory.put(0x401000, code);
    std::vector<std::uint8_t> caller(0x40, 0x90);
    const std::uint8_t direct[] = {0xE8, 0xFB, 0xEF, 0xFF, 0xFF};
    std::copy(std::begin(direct), std::end(direct), caller.begin());
    caller[0x10] = 0xFF;
    caller[0x11] = 0xD0;
    memory.put(0x402000, caller);
    registers.set(kEip, 0x401010);
    registers.set(kEsp, 0x9000);
    registers.set(kEbp, 0x9100);
    registers.set(kEbx, 0xB);
    registers.set(kEsi, 0x51);
    FrameData data;
    data.start = data.function = 0x401000;
    data.size = 0x40;
    data.locals = 8;
    data.saved_registers = 4;
    data.program = "$T0 .raSearch = $eip $T0 ^ = $esp $T0 4 + = $esi $T0 4 - ^ =";
    records.data = data;
  }
  void stack(std::initializer_list<std::uint64_t> words) { memory.words(0x9000, words, 4); }
  UnwindResult unwind(bool first, std::optional<std::uint32_t> callee_parameters) {
    UnwindInput input{registers, memory, records, first, callee_parameters, nullptr};
    return find(arch::Machine::x86)->unwind_by_frame_data(input);
  }
};

TEST(FrameDataX86, TheReturnAddressLiesWhereTheSizesSay) {
  Machine32 m;
  m.stack({1, 2, 0x5150, 0x402005, 4, 5});
  auto caller = m.unwind(true, 0);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_EQ(caller->registers.get(kEip), 0x402005u);
  EXPECT_EQ(caller->registers.get(kEsp), 0x9010u);
  EXPECT_EQ(caller->registers.get(kEsi), 0x5150u);
  EXPECT_EQ(caller->registers.get(kEbp), 0x9100u);
  EXPECT_EQ(caller->trust, Trust::frame_data);
  EXPECT_TRUE(caller->proved) << caller->unproved;
  EXPECT_EQ(m.records.asked, 0x401010u);
}

TEST(FrameDataX86, CalleeParametersAreStillOnTheStack) {
  Machine32 m(false);
  m.stack({0xA, 0xB, 1, 2, 0x5150, 0x402005, 4});
  auto caller = m.unwind(false, 8);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kEip), 0x402005u);
  EXPECT_TRUE(caller->proved) << caller->unproved;
  EXPECT_EQ(m.records.asked, 0x40100Fu); // inside the call
  auto unknown = m.unwind(false, std::nullopt);
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->registers.get(kEip), 0x402005u);
  EXPECT_FALSE(unknown->proved);
}

TEST(FrameDataX86, WhatIsNotWhereItShouldBeIsAGuess) {
  Machine32 m(false);
  m.stack({1, 2, 3, 4, 5, 0x402005});
  auto searched = m.unwind(false, 0);
  ASSERT_TRUE(searched);
  EXPECT_EQ(searched->registers.get(kEip), 0x402005u);
  EXPECT_FALSE(searched->proved);
  // A call of another function at the place, and one of this function above it.
  Machine32 other(false);
  other.records.data->function = 0x401008;
  other.stack({1, 2, 0x5150, 0x402005, 4});
  auto elsewhere = other.unwind(false, 0);
  ASSERT_TRUE(elsewhere);
  EXPECT_FALSE(elsewhere->proved);
  // An indirect call may be one of any function.
  Machine32 indirect(false);
  indirect.stack({1, 2, 0x5150, 0x402012, 4});
  auto guess = indirect.unwind(false, 0);
  ASSERT_TRUE(guess);
  EXPECT_FALSE(guess->proved);
  // An exact pc without code may stand between pushes.
  Machine32 exact(false);
  exact.stack({1, 2, 0x5150, 0x402005, 4});
  EXPECT_FALSE(exact.unwind(true, 0)->proved);
  Machine32 nothing;
  nothing.stack({1, 2, 3, 4, 5, 6});
  EXPECT_FALSE(nothing.unwind(true, 0));
}

TEST(FrameDataX86, ArgumentsThatTheRecordDoesNotCount) {
  // Between two pushes a saved register holds what looks like a return address: the code counts.
  Machine32 m(true, {0x50, 0x90, 0x51, 0x59, 0x58, 0x83, 0xC4, 0x08, 0x5E, 0xC3});
  m.registers.set(kEip, 0x401011); // behind push eax
  m.stack({0xA, 1, 2, 0x402005, 0x402005, 4});
  auto caller = m.unwind(true, 0);
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->proved) << caller->unproved;
  EXPECT_EQ(caller->registers.get(kEsp), 0x9014u);
  EXPECT_EQ(caller->registers.get(kEsi), 0x402005u); // from the slot
  EXPECT_EQ(caller->trust, Trust::prologue);         // not where the record says
  // Code that does not come to a frame leaves the record a guess.
  Machine32 odd(true, {0x8B, 0x21, 0xEB, 0xFE}); // mov esp,[ecx]
  odd.registers.set(kEip, 0x401012);
  odd.stack({1, 2, 0x5150, 0x402005, 4});
  auto guess = odd.unwind(true, 0);
  ASSERT_TRUE(guess);
  EXPECT_FALSE(guess->proved);
}

TEST(FrameDataX86, FramePointerRecordsHoldBehindThePrologue) {
  Machine32 m(false);
  m.records.data->kind = FrameData::Kind::frame_pointer;
  m.records.data->prologue = 3;
  m.memory.words(0x9100, {0x9200, 0x402005, 7}, 4);
  auto caller = m.unwind(true, 0);
  ASSERT_TRUE(caller) << caller.error().error.message();
  EXPECT_EQ(caller->registers.get(kEip), 0x402005u);
  EXPECT_EQ(caller->registers.get(kEsp), 0x9108u);
  EXPECT_EQ(caller->registers.get(kEbp), 0x9200u);
  m.registers.set(kEip, 0x401001);
  EXPECT_FALSE(m.unwind(true, 0));
}

TEST(FrameDataX86, FpoWithASavedFramePointer) {
  Machine32 m(false);
  m.records.data->kind = FrameData::Kind::fpo;
  m.records.data->program.clear();
  m.records.data->saves_ebp = true;
  m.records.data->saved_registers = 8;
  m.stack({1, 2, 0xE8, 0xB8, 0x402005});
  auto caller = m.unwind(false, 0);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kEip), 0x402005u);
  EXPECT_EQ(caller->registers.get(kEsi), std::nullopt); // saved, nobody says where
  // At its first instruction nothing is on the stack yet.
  Machine32 entered;
  entered.records.data->kind = FrameData::Kind::fpo;
  entered.registers.set(kEip, 0x401000);
  entered.stack({0x402005, 1, 2, 3, 4});
  caller = entered.unwind(true, 0);
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->proved) << caller->unproved;
  EXPECT_EQ(caller->registers.get(kEsp), 0x9004u);
}

TEST(FrameDataX86, EpiloguesByTheirCode) {
  Machine32 m(true, {0x83, 0xC4, 0x08, 0x5E, 0xC3}); // add esp, 8; pop esi; ret
  m.stack({1, 2, 0x5150, 0x402005, 4});
  auto caller = m.unwind(true, 0);
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->proved) << caller->unproved;
  EXPECT_EQ(caller->registers.get(kEsp), 0x9010u);
  Machine32 bare(true, {0x83, 0xC4, 0x08, 0x5E, 0xC3});
  bare.stack(
      {1, 2, 0x5150, 0x402020, 4}); // no return address: the record does not hold here either
  EXPECT_FALSE(bare.unwind(true, 0));
}

TEST(FrameDataX86, NotOnATrapFrame) {
  Machine32 m;
  m.stack({1, 2, 0x5150, 0x402005, 4});
  m.records.data->kind = FrameData::Kind::trap;
  EXPECT_FALSE(m.unwind(false, 0));
  m.records.data.reset();
  EXPECT_FALSE(m.unwind(false, 0));
}

} // namespace
} // namespace dumptriage::arch
