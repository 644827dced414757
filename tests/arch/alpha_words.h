// Alpha instructions put together from their fields, for tests.  Independent of the decoder.
// Source: "Alpha Architecture Handbook", version 4, appendix C.
#pragma once

#include <cstdint>

namespace dumptriage::arch::alpha {

enum Reg : std::uint32_t {
  v0 = 0,
  t0 = 1,
  t1 = 2,
  s0 = 9,
  s1 = 10,
  s5 = 14,
  fp = 15,
  a0 = 16,
  a1 = 17,
  t8 = 22,
  t9 = 23,
  ra = 26,
  t12 = 27,
  at = 28,
  sp = 30,
  zero = 31,
};

constexpr std::uint32_t memory_word(std::uint32_t op, std::uint32_t a, int d, std::uint32_t b) {
  return op << 26 | a << 21 | b << 16 | (static_cast<std::uint32_t>(d) & 0xFFFF);
}
constexpr std::uint32_t lda(Reg a, int d, Reg b) { return memory_word(0x08, a, d, b); }
constexpr std::uint32_t ldah(Reg a, int d, Reg b) { return memory_word(0x09, a, d, b); }
constexpr std::uint32_t ldl(Reg a, int d, Reg b) { return memory_word(0x28, a, d, b); }
constexpr std::uint32_t ldq(Reg a, int d, Reg b) { return memory_word(0x29, a, d, b); }
constexpr std::uint32_t stl(Reg a, int d, Reg b) { return memory_word(0x2C, a, d, b); }
constexpr std::uint32_t stq(Reg a, int d, Reg b) { return memory_word(0x2D, a, d, b); }
constexpr std::uint32_t ldt(unsigned f, int d, Reg b) { return memory_word(0x23, f, d, b); }
constexpr std::uint32_t stt(unsigned f, int d, Reg b) { return memory_word(0x27, f, d, b); }
constexpr std::uint32_t operate(std::uint32_t op, std::uint32_t fn, Reg a, Reg b, Reg c) {
  return op << 26 | a << 21 | b << 16 | fn << 5 | c;
}
constexpr std::uint32_t addq(Reg a, Reg b, Reg c) { return operate(0x10, 0x20, a, b, c); }
constexpr std::uint32_t subq(Reg a, Reg b, Reg c) { return operate(0x10, 0x29, a, b, c); }
constexpr std::uint32_t subq(Reg a, unsigned literal, Reg c) {
  return 0x10u << 26 | a << 21 | literal << 13 | 1u << 12 | 0x29u << 5 | c;
}
constexpr std::uint32_t bic(Reg a, Reg b, Reg c) { return operate(0x11, 0x08, a, b, c); }
constexpr std::uint32_t mov(Reg a, Reg c) { return operate(0x11, 0x20, zero, a, c); }
// `words`: from the instruction behind the branch.
constexpr std::uint32_t branch_word(std::uint32_t op, Reg a, int words) {
  return op << 26 | a << 21 | (static_cast<std::uint32_t>(words) & 0x1FFFFF);
}
constexpr std::uint32_t br(int words) { return branch_word(0x30, zero, words); }
constexpr std::uint32_t bsr(Reg a, int words) { return branch_word(0x34, a, words); }
constexpr std::uint32_t beq(Reg a, int words) { return branch_word(0x39, a, words); }
constexpr std::uint32_t bne(Reg a, int words) { return branch_word(0x3D, a, words); }
constexpr std::uint32_t jump_word(unsigned kind, Reg a, Reg b) {
  return 0x1Au << 26 | a << 21 | b << 16 | kind << 14;
}
constexpr std::uint32_t jmp(Reg b) { return jump_word(0, zero, b); }
constexpr std::uint32_t jsr(Reg a, Reg b) { return jump_word(1, a, b); }
constexpr std::uint32_t ret(Reg b = ra) { return jump_word(2, zero, b) | 1; }
constexpr std::uint32_t call_pal(std::uint32_t number) { return number; }
inline constexpr std::uint32_t kNop = 0x47FF041F; // bis zero, zero, zero

} // namespace dumptriage::arch::alpha
