// What following code needs of single instructions.  Encodings by the Intel SDM, volume 2.
#include "arch/x86_decode.h"

#include <gtest/gtest.h>

namespace dumptriage::arch::x86 {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(X86Decode, LengthFlowAndEffect) {
  const struct {
    const char* text;
    Bytes bytes;
    Flow flow;
    Op op;
    std::uint8_t writes; // of `other`
  } cases[] = {
      {"push ebx", {0x53}, Flow::next, Op::push, 0},
      {"push 12345678h", {0x68, 0x78, 0x56, 0x34, 0x12}, Flow::next, Op::push, 0},
      {"push [ebp+8]", {0xFF, 0x75, 0x08}, Flow::next, Op::push, 0},
      {"pop edi", {0x5F}, Flow::next, Op::pop, 0},
      {"pushfd", {0x9C}, Flow::next, Op::push_word, 0},
      {"pushad", {0x60}, Flow::next, Op::push_all, 0},
      {"mov ebp,esp", {0x8B, 0xEC}, Flow::next, Op::move, 0},
      {"mov ebp,esp, reversed", {0x89, 0xE5}, Flow::next, Op::move, 0},
      {"lea esp,[ebp-12]", {0x8D, 0x65, 0xF4}, Flow::next, Op::lea, 0},
      {"sub esp,1000h", {0x81, 0xEC, 0x00, 0x10, 0x00, 0x00}, Flow::next, Op::sub, 0},
      {"add esp,8", {0x83, 0xC4, 0x08}, Flow::next, Op::add, 0},
      {"and esp,-16", {0x83, 0xE4, 0xF0}, Flow::next, Op::bit_and, 0},
      {"xor eax,eax", {0x31, 0xC0}, Flow::next, Op::zero, 0},
      {"xor eax,ecx", {0x31, 0xC8}, Flow::next, Op::other, 1 << kEax},
      {"sbb eax,eax", {0x1B, 0xC0}, Flow::next, Op::borrow, 0},
      {"xchg esp,eax", {0x94}, Flow::next, Op::exchange, 0},
      {"leave", {0xC9}, Flow::next, Op::leave, 0},
      {"enter 10h,0", {0xC8, 0x10, 0x00, 0x00}, Flow::next, Op::enter, 0},
      {"mov bl,1", {0xB3, 0x01}, Flow::next, Op::other, 1 << kEbx},
      {"imul esi,ecx,3", {0x6B, 0xF1, 0x03}, Flow::next, Op::other, 1 << kEsi},
      {"cmpxchg [edx],ecx", {0x0F, 0xB1, 0x0A}, Flow::next, Op::other, 1 << kEax},
      {"rep movsd", {0xF3, 0xA5}, Flow::next, Op::other, 1 << kEcx | 1 << kEsi | 1 << kEdi},
      {"push ax", {0x66, 0x50}, Flow::next, Op::other, 1 << kEsp},
      {"vmovups ymm0,[ebx]", {0xC5, 0xFC, 0x10, 0x03}, Flow::next, Op::other, 0},
      {"vaddps zmm0,zmm1,zmm2", {0x62, 0xF1, 0x74, 0x48, 0x58, 0xC2}, Flow::next, Op::other, 0},
      {"blsr ebx,ecx", {0xC4, 0xE2, 0x60, 0xF3, 0xC9}, Flow::next, Op::other, 1 << kEbx},
      {"ret", {0xC3}, Flow::ret, Op::other, 0},
      {"iretd", {0xCF}, Flow::interrupt, Op::other, 0},
      {"int3", {0xCC}, Flow::end, Op::other, 0},
      {"ud2", {0x0F, 0x0B}, Flow::end, Op::other, 0},
      {"__fastfail", {0xCD, 0x29}, Flow::end, Op::other, 1 << kEax | 1 << kEcx | 1 << kEdx},
      {"jmp [405000h]", {0xFF, 0x25, 0x00, 0x50, 0x40, 0x00}, Flow::elsewhere, Op::other, 0},
      {"call [eax+4]", {0xFF, 0x50, 0x04}, Flow::call, Op::other, 0},
      {"loop", {0xE2, 0xFE}, Flow::branch, Op::other, 1 << kEcx},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto in = decode(c.bytes, 0x401000);
    ASSERT_TRUE(in);
    EXPECT_EQ(in->length, c.bytes.size());
    EXPECT_EQ(in->flow, c.flow);
    EXPECT_EQ(in->op, c.op);
    if (c.op == Op::other) EXPECT_EQ(in->writes, c.writes);
    for (std::size_t size = 0; size < c.bytes.size(); ++size) { // cut off: not known
      const auto part = decode(std::span(c.bytes).first(size), 0x401000);
      EXPECT_TRUE(!part || part->length <= size);
    }
  }
}

TEST(X86Decode, Targets) {
  const auto target = [](const Bytes& bytes) { return decode(bytes, 0x401000)->target; };
  EXPECT_EQ(target({0xE8, 0xFB, 0x0F, 0x00, 0x00}), 0x402000u);
  EXPECT_EQ(target({0xEB, 0xFE}), 0x401000u);
  EXPECT_EQ(target({0x74, 0x10}), 0x401012u);
  EXPECT_EQ(target({0x0F, 0x85, 0xFA, 0xFF, 0xFF, 0xFF}), 0x401000u);
  EXPECT_EQ(target({0xFF, 0x24, 0x85, 0x20, 0x10, 0x40, 0x00}), 0x401020u); // jmp [eax*4+...]
  EXPECT_EQ(decode(Bytes{0xFF, 0x24, 0x85, 0x20, 0x10, 0x40, 0x00}, 0x401000)->flow, Flow::table);
  EXPECT_EQ(decode(Bytes{0xC2, 0x0C, 0x00}, 0x401000)->pops, 12u);
}

TEST(X86Decode, Operands) {
  const auto lea = decode(Bytes{0x8D, 0x65, 0xF4}, 0);
  EXPECT_EQ(lea->to.reg, kEsp);
  EXPECT_EQ(lea->from.base, kEbp);
  EXPECT_EQ(lea->from.value, static_cast<std::uint32_t>(-12));
  const auto segment = decode(Bytes{0x64, 0xA1, 0, 0, 0, 0}, 0); // mov eax,fs:[0]
  ASSERT_TRUE(segment);
  EXPECT_EQ(segment->length, 6);
  EXPECT_TRUE(segment->from.segment);
  const auto fixed = decode(Bytes{0xA1, 0x34, 0x12, 0x40, 0x00}, 0); // mov eax,[401234h]
  EXPECT_EQ(fixed->op, Op::move);
  EXPECT_EQ(fixed->from.base, -1);
  EXPECT_EQ(fixed->from.value, 0x401234u);
  EXPECT_FALSE(fixed->from.segment);
  const auto indexed = decode(Bytes{0x89, 0x04, 0x8C}, 0); // mov [esp+ecx*4],eax
  EXPECT_EQ(indexed->to.base, kEsp);
  EXPECT_EQ(indexed->to.index, kEcx);
}

TEST(X86Decode, WhatIsNotFollowed) {
  for (const Bytes& bytes : {Bytes{}, Bytes{0x66, 0xE9, 0x00, 0x00}, Bytes{0x9A, 0, 0, 0, 0, 0, 0},
                             Bytes(14, 0x66), Bytes{0x0F, 0x04}, Bytes{0x66, 0xE8, 0x00, 0x00}})
    EXPECT_FALSE(decode(bytes, 0x401000)) << bytes.size();
}

} // namespace
} // namespace dumptriage::arch::x86
