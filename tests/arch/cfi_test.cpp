// Call-frame rules: expected values worked out by hand from the rules and the bytes laid down.
#include <gtest/gtest.h>

#include "arch/fake.h"

namespace dumptriage::arch {
namespace {

class Rules final : public UnwindSource {
public:
  explicit Rules(std::string rules, bool body_only = false)
      : rules_{0x1000, std::move(rules), body_only, memory::Origin::image} {}
  FunctionLookup find(std::uint64_t, FunctionEntry&) const override {
    return FunctionLookup::unknown;
  }
  std::optional<CfiRules> cfi(std::uint64_t pc) const override {
    asked = pc;
    if (pc < 0x1000 || pc >= 0x1100) return std::nullopt;
    return rules_;
  }
  mutable std::uint64_t asked = 0;

private:
  CfiRules rules_;
};

enum { kRax = 0, kRbx = 3, kRsp = 4, kRbp = 5, kRsi = 6, kR12 = 12, kRip = 16 };

Registers x64_registers() {
  Registers r;
  r.set(kRip, 0x1010);
  r.set(kRsp, 0x8000);
  r.set(kRbp, 0x8100);
  r.set(kRbx, 0xB);
  r.set(kRsi, 0x51);
  r.set(kRax, 0xA);
  return r;
}

UnwindResult unwind(Machine machine, const Registers& r, const FakeMemory& memory,
                    const UnwindSource& source, bool first = false) {
  return find(machine)->unwind_by_cfi({r, memory, source, first, std::nullopt, nullptr});
}

TEST(Cfi, X64FromTheStackPointer) {
  FakeMemory memory;
  memory.words(0x8000, {0x11, 0x22, 0xBBBB, 0x2020});
  const Rules rules(".cfa: $rsp 32 + .ra: .cfa 8 - ^ $rbx: .cfa -16 + ^");
  const auto caller = unwind(Machine::x64, x64_registers(), memory, rules);
  ASSERT_TRUE(caller);
  EXPECT_EQ(rules.asked, 0x100Fu); // a return address is looked up one before
  EXPECT_EQ(caller->registers.get(kRip), 0x2020u);
  EXPECT_EQ(caller->registers.get(kRsp), 0x8020u);
  EXPECT_EQ(caller->registers.get(kRbx), 0xBBBBu);
  EXPECT_EQ(caller->registers.get(kRbp), 0x8100u); // survives calls
  EXPECT_FALSE(caller->registers.get(kRax));
  EXPECT_FALSE(caller->registers.get(kRsi)); // not in every ABI
  EXPECT_FALSE(caller->registers.get(kR12));
  EXPECT_EQ(caller->trust, Trust::cfi);
  EXPECT_EQ(caller->origin, memory::Origin::image);
  EXPECT_TRUE(caller->proved);
  ASSERT_TRUE(unwind(Machine::x64, x64_registers(), memory, rules, true));
  EXPECT_EQ(rules.asked, 0x1010u);
}

TEST(Cfi, X64FromTheFramePointer) {
  FakeMemory memory;
  memory.words(0x8100, {0x8200, 0x3030});
  const Rules rules(".cfa: $rbp 16 + .ra: .cfa 8 - ^ $rbp: .cfa 16 - ^");
  const auto caller = unwind(Machine::x64, x64_registers(), memory, rules);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRip), 0x3030u);
  EXPECT_EQ(caller->registers.get(kRsp), 0x8110u);
  EXPECT_EQ(caller->registers.get(kRbp), 0x8200u);
}

TEST(Cfi, AddressesOf64Bits) {
  FakeMemory memory;
  memory.words(0x7FFF00000000, {0x7FFF12345678, 0x5555});
  Registers r = x64_registers();
  r.set(kRsp, 0x7FFF00000000);
  const auto caller = unwind(Machine::x64, r, memory, Rules(".cfa: $rsp 8 + .ra: .cfa 8 - ^"));
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRip), 0x7FFF12345678u);
  EXPECT_EQ(caller->registers.get(kRsp), 0x7FFF00000008u);
}

// Rules that Breakpad made from a Windows image know nothing of saved registers.
TEST(Cfi, BodyOnlyIsNoProof) {
  FakeMemory memory;
  memory.words(0x8000, {0x11, 0x22, 0xBBBB, 0x2020});
  const Rules rules(".cfa: $rsp 32 + .ra: .cfa 8 - ^", true);
  const auto caller = unwind(Machine::x64, x64_registers(), memory, rules);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(kRip), 0x2020u);
  EXPECT_EQ(caller->registers.get(kRsp), 0x8020u);
  EXPECT_FALSE(caller->registers.get(kRbp));
  EXPECT_FALSE(caller->proved);
  EXPECT_FALSE(caller->unproved.empty());
}

TEST(Cfi, X86) {
  FakeMemory memory;
  memory.words(0xFFF0, {0x77, 0x2020}, 4);
  Registers r;
  r.set(8, 0x1010);  // eip
  r.set(4, 0xFFF0);  // esp
  r.set(5, 0x12345); // ebp
  r.set(1, 0xC);     // ecx
  const auto caller =
      unwind(Machine::x86, r, memory, Rules(".cfa: $esp 8 + .ra: .cfa 4 - ^ $edi: .cfa 8 - ^"));
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->registers.get(8), 0x2020u);
  EXPECT_EQ(caller->registers.get(4), 0xFFF8u);
  EXPECT_EQ(caller->registers.get(7), 0x77u);
  EXPECT_EQ(caller->registers.get(5), 0x12345u);
  EXPECT_FALSE(caller->registers.get(1));
}

TEST(Cfi, Arm64NamesOfFrameAndLink) {
  FakeMemory memory;
  memory.words(0x8000, {0x8100, 0x2020, 0x1919});
  for (const char* text : {".cfa: sp 32 + .ra: x30 x29: .cfa 32 - ^ x19: .cfa 16 - ^",
                           ".cfa: sp 32 + .ra: lr fp: .cfa -32 + ^ x19: .cfa -16 + ^"}) {
    Registers r;
    r.set(32, 0x1010); // pc
    r.set(31, 0x8000); // sp
    r.set(30, 0x4040); // lr
    r.set(29, 0x9999);
    r.set(20, 0x20);
    r.set(9, 0x9);
    const auto caller = unwind(Machine::arm64, r, memory, Rules(text));
    ASSERT_TRUE(caller) << text;
    EXPECT_EQ(caller->registers.get(32), 0x4040u);
    EXPECT_EQ(caller->registers.get(31), 0x8020u);
    EXPECT_EQ(caller->registers.get(29), 0x8100u);
    EXPECT_EQ(caller->registers.get(19), 0x1919u);
    EXPECT_EQ(caller->registers.get(20), 0x20u);
    EXPECT_FALSE(caller->registers.get(9));
    EXPECT_FALSE(caller->registers.get(30)) << "lr does not survive a call";
  }
}

TEST(Cfi, UndefinedReturnAddressIsTheEnd) {
  FakeMemory memory;
  const auto end =
      unwind(Machine::x64, x64_registers(), memory, Rules(".cfa: $rsp 8 + .ra: .undef"));
  ASSERT_FALSE(end);
  EXPECT_TRUE(end.error().stop);
  EXPECT_TRUE(end.error().known_end);
}

TEST(Cfi, WhatGivesNothing) {
  FakeMemory memory;
  memory.words(0x8000, {0x11, 0x22});
  for (const char* text :
       {"", ".cfa:", ".ra: .cfa 8 - ^", ".cfa: $rsp 8 +", ".cfa: $rsp 8 + .ra:",
        ".cfa: $rsp 8 + .ra: .cfa", // runs: the word itself
        ".cfa: $rsp + .ra: .cfa 8 - ^", ".cfa: $nosuch 8 + .ra: .cfa 8 - ^",
        ".cfa: $r12 8 + .ra: .cfa 8 - ^", ".cfa: $rsp 99999 + .ra: .cfa 8 - ^",
        ".cfa: $rsp 8 + 1 .ra: .cfa 8 - ^", ".cfa: .cfa .ra: .cfa", "$rsp 8 + .ra: 1", "= ^ ="}) {
    const auto caller = unwind(Machine::x64, x64_registers(), memory, Rules(text));
    const bool runs = std::string_view(text) == ".cfa: $rsp 8 + .ra: .cfa";
    ASSERT_EQ(caller.has_value(), runs) << text;
    if (!runs) EXPECT_FALSE(caller.error().stop) << text;
  }
  Registers nowhere = x64_registers();
  nowhere.set(kRip, 0x5000);
  EXPECT_FALSE(unwind(Machine::x64, nowhere, memory, Rules(".cfa: $rsp 8 + .ra: .cfa 8 - ^")));
  nowhere.forget(kRip);
  EXPECT_FALSE(unwind(Machine::x64, nowhere, memory, Rules(".cfa: $rsp 8 + .ra: .cfa 8 - ^")));
}

// As in the records of Visual C++ 2015 and later.
TEST(FrameProgram, SpacesLeftOutAndRegistersByNumber) {
  FrameVariables variables = {{"$ebp", 0x100}, {"$ebx", 1}};
  const auto read = [](std::uint32_t at) { return std::optional(at + 1); };
  ASSERT_TRUE(run_frame_program(
      "$T0 $ebp 204 + =$eip $T0 4 + ^ =$ebp $T0 ^ =  $20 $T0 40 - ^ =", variables, read));
  EXPECT_EQ(variables["$T0"], 0x1CCu);
  EXPECT_EQ(variables["$eip"], 0x1D1u);
  EXPECT_EQ(variables["$ebp"], 0x1CDu);
  EXPECT_EQ(variables["$ebx"], 0x1A5u);
  EXPECT_EQ(variables.count("$20"), 0u);
  EXPECT_FALSE(run_frame_program("$T0 1 ==", variables, read));
}

} // namespace
} // namespace dumptriage::arch
