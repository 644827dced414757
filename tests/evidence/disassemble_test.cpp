// Bytes to text, access and address.  The texts are llvm-mc's with immediates in hex; accesses and
// addresses are worked out by hand from the Intel SDM.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "evidence/disassemble.h"

namespace {

using namespace dumptriage;
using evidence::Flow;
using evidence::Instruction;

constexpr std::uint64_t kPc = 0x1000;

arch::Registers known_registers(bool wide) {
  arch::Registers r;
  for (int i = 0; i < (wide ? 16 : 8); ++i) r.set(i, 0x10000u * static_cast<unsigned>(i + 1));
  return r; // rax 0x10000, rcx 0x20000, rdx 0x30000, rbx 0x40000, rsp 0x50000, rbp 0x60000, rsi
            // 0x70000, rdi 0x80000
}

std::optional<Instruction> decode(arch::Machine machine, std::vector<std::uint8_t> bytes,
                                  const arch::Registers& registers) {
  return evidence::disassemble(machine, std::as_bytes(std::span(bytes)), kPc, registers);
}

struct Row {
  std::vector<std::uint8_t> bytes;
  const char* text;
  // One word per access: r, w, rw, ? and its address in hex, or "-" when it cannot be known.
  std::string accesses;
};

std::string accesses_of(const Instruction& instruction) {
  std::string text;
  for (const auto& access : instruction.memory) {
    if (!text.empty()) text += ' ';
    text += access.read && access.write ? "rw" : access.read ? "r" : access.write ? "w" : "?";
    char buffer[32] = "-";
    if (access.address)
      snprintf(buffer, sizeof buffer, "%llx", static_cast<unsigned long long>(*access.address));
    text += fmt::format(":{}:{}", buffer, access.size);
  }
  return text;
}

void check(arch::Machine machine, const std::vector<Row>& rows) {
  const arch::Registers registers = known_registers(machine == arch::Machine::x64);
  for (const Row& row : rows) {
    auto instruction = decode(machine, row.bytes, registers);
    ASSERT_TRUE(instruction) << row.text;
    EXPECT_EQ(instruction->text, row.text);
    EXPECT_EQ(accesses_of(*instruction), row.accesses) << row.text;
    EXPECT_EQ(instruction->length, row.bytes.size()) << row.text;
  }
}

TEST(Disassemble, X86) {
  check(arch::Machine::x86,
        {{{0x8B, 0x41, 0x08}, "mov eax, dword ptr [ecx + 0x8]", "r:20008:4"},
         {{0x8B, 0x41, 0xF8}, "mov eax, dword ptr [ecx - 0x8]", "r:1fff8:4"},
         {{0x89, 0x01}, "mov dword ptr [ecx], eax", "w:20000:4"},
         {{0x01, 0x08}, "add dword ptr [eax], ecx", "rw:10000:4"},
         {{0x8B, 0x04, 0x91}, "mov eax, dword ptr [ecx + 4*edx]", "r:e0000:4"},
         {{0xA1, 0x45, 0, 0, 0}, "mov eax, dword ptr [0x45]", "r:45:4"},
         {{0x64, 0xA1, 0x18, 0, 0, 0}, "mov eax, dword ptr fs:[0x18]", "r:-:4"},
         {{0x8D, 0x41, 0x08}, "lea eax, [ecx + 0x8]", ""},
         {{0xF3, 0xA5}, "rep movsd dword ptr es:[edi], dword ptr [esi]", "w:80000:4 r:70000:4"},
         {{0xA6}, "cmpsb byte ptr [esi], byte ptr es:[edi]", "r:80000:1 r:70000:1"},
         {{0xF3, 0xAB}, "rep stosd dword ptr es:[edi], eax", "w:80000:4"},
         {{0xF2, 0xAE}, "repne scasb al, byte ptr es:[edi]", "r:80000:1"},
         {{0xFF, 0x10}, "call dword ptr [eax]", "r:10000:4 w:4fffc:4"},
         {{0xFF, 0xD0}, "call eax", "w:4fffc:4"},
         {{0xFF, 0x30}, "push dword ptr [eax]", "r:10000:4 w:4fffc:4"},
         {{0x8F, 0x00}, "pop dword ptr [eax]", "w:10000:4 r:50000:4"},
         {{0x50}, "push eax", "w:4fffc:4"},
         {{0xC3}, "ret", "r:50000:4"},
         {{0xC9}, "leave", "r:60000:4"},
         {{0x67, 0x8B, 0x00}, "mov eax, dword ptr [bx + si]", "r:0:4"},
         {{0xF0, 0x0F, 0xB1, 0x0A}, "lock cmpxchg dword ptr [edx], ecx", "rw:30000:4"},
         {{0x0F, 0x18, 0x08}, "prefetcht0 byte ptr [eax]", ""},
         {{0x0F, 0xA3, 0x08}, "bt dword ptr [eax], ecx", "r:-:4"},
         {{0xF7, 0xF9}, "idiv ecx", ""},
         {{0xCC}, "int3", ""}});
}

TEST(Disassemble, X64) {
  check(
      arch::Machine::x64,
      {{{0x48, 0x8B, 0x41, 0x08}, "mov rax, qword ptr [rcx + 0x8]", "r:20008:8"},
       {{0x42, 0x89, 0x14, 0x01}, "mov dword ptr [rcx + r8], edx", "w:b0000:4"},
       {{0x8B, 0x05, 0x10, 0, 0, 0}, "mov eax, dword ptr [rip + 0x10]", "r:1016:4"},
       {{0x67, 0x8B, 0x40, 0xFF}, "mov eax, dword ptr [eax - 0x1]", "r:ffff:4"},
       {{0x8B, 0x04, 0x25, 0x45, 0, 0, 0}, "mov eax, dword ptr [0x45]", "r:45:4"},
       {{0x65, 0x48, 0x8B, 0x04, 0x25, 0x88, 0x01, 0, 0}, "mov rax, qword ptr gs:[0x188]", "r:-:8"},
       {{0xF3, 0x48, 0xA5}, "rep movsq qword ptr es:[rdi], qword ptr [rsi]", "w:80000:8 r:70000:8"},
       {{0x41, 0xFF, 0x52, 0x10}, "call qword ptr [r10 + 0x10]", "r:b0010:8 w:4fff8:8"},
       {{0xC3}, "ret", "r:50000:8"},
       {{0x0F, 0x29, 0x01}, "movaps xmmword ptr [rcx], xmm0", "w:20000:16"},
       {{0xF3, 0x0F, 0xB8, 0x01}, "popcnt eax, dword ptr [rcx]", "r:20000:4"},
       {{0xE8, 0xFB, 0x0F, 0, 0}, "call 0x2000", "w:4fff8:8"},
       {{0xCD, 0x29}, "int 0x29", ""}});
}

TEST(Disassemble, Flow) {
  const arch::Registers registers = known_registers(true);
  auto call = decode(arch::Machine::x64, {0xE8, 0xFB, 0x0F, 0, 0}, registers);
  ASSERT_TRUE(call);
  EXPECT_EQ(call->flow, Flow::call);
  EXPECT_EQ(call->target, 0x2000u);
  auto jump = decode(arch::Machine::x64, {0xFF, 0xE1}, registers); // jmp rcx
  ASSERT_TRUE(jump);
  EXPECT_EQ(jump->flow, Flow::jump);
  EXPECT_EQ(jump->target, 0x20000u);
  auto through = decode(arch::Machine::x64, {0xFF, 0x21}, registers); // jmp [rcx]
  ASSERT_TRUE(through);
  EXPECT_TRUE(through->target_in_memory);
  EXPECT_FALSE(through->target);
}

TEST(Disassemble, Alignment) {
  const arch::Registers registers = known_registers(true);
  EXPECT_TRUE(decode(arch::Machine::x64, {0x0F, 0x28, 0x01}, registers)->needs_alignment); // movaps
  EXPECT_FALSE(
      decode(arch::Machine::x64, {0x0F, 0x10, 0x01}, registers)->needs_alignment); // movups
  EXPECT_FALSE(
      decode(arch::Machine::x64, {0xC5, 0xFC, 0x58, 0x01}, registers)->needs_alignment); // vaddps
  EXPECT_TRUE(
      decode(arch::Machine::x64, {0xC5, 0xFC, 0x28, 0x01}, registers)->needs_alignment); // vmovaps
}

TEST(Disassemble, UnknownRegistersGiveNoAddress) {
  arch::Registers nothing;
  auto instruction = decode(arch::Machine::x64, {0x48, 0x8B, 0x41, 0x08}, nothing);
  ASSERT_TRUE(instruction);
  ASSERT_EQ(instruction->memory.size(), 1u);
  EXPECT_FALSE(instruction->memory[0].address);
}

TEST(Disassemble, WhatIsNoInstruction) {
  arch::Registers nothing;
  EXPECT_FALSE(decode(arch::Machine::x64, {}, nothing));
  EXPECT_FALSE(decode(arch::Machine::x64, {0x48}, nothing)); // cut off
  EXPECT_FALSE(decode(arch::Machine::x64, {0x06}, nothing)); // push es: not in 64-bit mode
  EXPECT_FALSE(decode(arch::Machine::arm64, {0x00, 0, 0, 0}, nothing));
  EXPECT_FALSE(
      decode(arch::Machine::x86, std::vector<std::uint8_t>(15, 0xF0), nothing)); // prefixes only
}

// Alpha Architecture Handbook: opcode, ra, rb, displacement.  Registers of NT hold addresses
// sign-extended; addresses have 32 bits.
TEST(Disassemble, Alpha) {
  arch::Registers registers;
  registers.set(16, 0xFFFFFFFF80010003); // a0
  const struct {
    std::uint32_t word;
    const char* text;
    const char* accesses;
  } kRows[] = {{0xA4100008, "ldq v0, 8(a0)", "r:8001000b:8"},
               {0xB030FFFC, "stl t0, -4(a0)", "w:8000ffff:4"},
               {0x2C100000, "ldq_u v0, 0(a0)", "r:80010000:8"}, // rounded down by definition
               {0xA4110008, "ldq v0, 8(a1)", "r:-:8"},
               {0x42110400, "addq a0, a1, v0", ""}};
  for (const auto& row : kRows) {
    std::vector<std::uint8_t> bytes;
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(row.word >> (8 * i)));
    const auto instruction = decode(arch::Machine::alpha, bytes, registers);
    ASSERT_TRUE(instruction) << row.text;
    EXPECT_EQ(instruction->text, row.text);
    EXPECT_EQ(accesses_of(*instruction), row.accesses) << row.text;
    EXPECT_EQ(instruction->length, 4u);
  }
  EXPECT_FALSE(decode(arch::Machine::alpha, {1, 2, 3}, registers));
}

// The bytes are gas' (tests/data/ia64/code.txt).
TEST(Disassemble, Itanium) {
  arch::Registers registers;
  registers.set(15, 0xE000000012345678);
  // ld8 r14=[r15] in slot 0, (p6) ld8 r33=[r34],r8 in slot 1.
  const std::vector<std::uint8_t> loads = {0x0B, 0x70, 0x00, 0x1E, 0x18, 0x90, 0x11, 0x42,
                                           0x88, 0x30, 0x24, 0x00, 0x00, 0x00, 0x04, 0x00};
  const auto at = [&](std::uint64_t pc) {
    return evidence::disassemble(arch::Machine::ia64, std::as_bytes(std::span(loads)), pc,
                                 registers);
  };
  const auto first = at(0x1000), second = at(0x1004);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->text, "ld8 r14=[r15]  -- slot 0 of an MMI bundle, M unit");
  EXPECT_EQ(accesses_of(*first), "r:e000000012345678:8");
  EXPECT_EQ(second->text, "(p6) ld8 r33=[r34],r8  -- slot 1 of an MMI bundle, M unit");
  EXPECT_EQ(accesses_of(*second), "r:-:8"); // r34 lies in the backing store
  EXPECT_FALSE(at(0x100C));
}

TEST(Disassemble, OtherMachinesHaveNoTable) {
  EXPECT_FALSE(decode(arch::Machine::ppc, {0x60, 0, 0, 0}, {}));
  EXPECT_FALSE(decode(arch::Machine::arm64, {0x1F, 0x20, 0x03, 0xD5}, {}));
}

} // namespace
