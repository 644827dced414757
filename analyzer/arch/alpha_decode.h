// Alpha's instruction words: fields, and what an instruction does as far as following code needs
// it.  Private to this room and to tests; the text of an instruction is in alpha_decode.cpp.
// Source: "Alpha Architecture Handbook", version 4, chapters 3 and 4 and appendix C.
#pragma once

#include <cstdint>

#include "arch/alpha.h"

namespace dumptriage::arch {

enum class AlphaKind : std::uint8_t {
  unknown, // reserved, or for PALcode only: nothing can be said
  nothing, // writes no register: barriers, hints
  address, // lda, ldah: ra = rb + displacement
  load,
  load_float,
  store,
  store_float,
  store_conditional, // also writes ra
  operate,           // rc = ra op (rb or literal)
  float_operate,     // writes the floating register rc
  counter,           // rpcc, rc, rs: writes ra
  branch,            // conditional
  jump,              // br, jmp, and bsr and jsr that keep no return address
  call,              // bsr, jsr, jsr_coroutine: ra = return address
  ret,
  pal,
};

// By opcode; of some the rest of the word says more.
inline constexpr AlphaKind kAlphaKinds[64] = {
    // 00
    AlphaKind::pal, AlphaKind::unknown, AlphaKind::unknown, AlphaKind::unknown, AlphaKind::unknown,
    AlphaKind::unknown, AlphaKind::unknown, AlphaKind::unknown,
    // 08: lda ldah ldbu ldq_u ldwu stw stb stq_u
    AlphaKind::address, AlphaKind::address, AlphaKind::load, AlphaKind::load, AlphaKind::load,
    AlphaKind::store, AlphaKind::store, AlphaKind::store,
    // 10
    AlphaKind::operate, AlphaKind::operate, AlphaKind::operate, AlphaKind::operate,
    AlphaKind::float_operate, AlphaKind::float_operate, AlphaKind::float_operate,
    AlphaKind::float_operate,
    // 18: miscellaneous, PALcode's own, jumps, PALcode's own, FPTI, PALcode's own
    AlphaKind::nothing, AlphaKind::unknown, AlphaKind::jump, AlphaKind::unknown, AlphaKind::operate,
    AlphaKind::unknown, AlphaKind::unknown, AlphaKind::unknown,
    // 20
    AlphaKind::load_float, AlphaKind::load_float, AlphaKind::load_float, AlphaKind::load_float,
    AlphaKind::store_float, AlphaKind::store_float, AlphaKind::store_float, AlphaKind::store_float,
    // 28: ldl ldq ldl_l ldq_l stl stq stl_c stq_c
    AlphaKind::load, AlphaKind::load, AlphaKind::load, AlphaKind::load, AlphaKind::store,
    AlphaKind::store, AlphaKind::store_conditional, AlphaKind::store_conditional,
    // 30: br fbeq fblt fble bsr fbne fbge fbgt
    AlphaKind::jump, AlphaKind::branch, AlphaKind::branch, AlphaKind::branch, AlphaKind::call,
    AlphaKind::branch, AlphaKind::branch, AlphaKind::branch,
    // 38
    AlphaKind::branch, AlphaKind::branch, AlphaKind::branch, AlphaKind::branch, AlphaKind::branch,
    AlphaKind::branch, AlphaKind::branch, AlphaKind::branch};

struct AlphaWord {
  std::uint32_t word = 0;

  unsigned op() const { return word >> 26; }
  int ra() const { return static_cast<int>(word >> 21 & 31); }
  int rb() const { return static_cast<int>(word >> 16 & 31); }
  int rc() const { return static_cast<int>(word & 31); }
  bool has_literal() const { return word >> 12 & 1; }
  unsigned literal() const { return word >> 13 & 0xFF; }
  unsigned function() const { return word >> 5 & 0x7F; }        // of integer operates
  unsigned float_function() const { return word >> 5 & 0x7FF; } // of floating ones
  std::int64_t displacement() const { return static_cast<std::int16_t>(word); }
  // Of a branch: bytes from the instruction behind it.
  std::int64_t branch() const { return std::int64_t{static_cast<std::int32_t>(word << 11)} >> 9; }
  bool is_register_jump() const { return op() == 0x1A; }
  std::uint64_t target(std::uint64_t pc) const {
    return pc + 4 + static_cast<std::uint64_t>(branch());
  }
  AlphaKind kind() const {
    const AlphaKind by_opcode = kAlphaKinds[op()];
    switch (op()) {
    case 0x18: {
      const unsigned what = word & 0xFFFF;
      return what == 0xC000 || what == 0xE000 || what == 0xF000 ? AlphaKind::counter : by_opcode;
    }
    case 0x1A: {
      const unsigned which = word >> 14 & 3;
      if (which == 2) return AlphaKind::ret;
      return ra() == kAlphaZero || which == 0 ? by_opcode : AlphaKind::call;
    }
    case 0x34: return ra() == kAlphaZero ? AlphaKind::jump : by_opcode;
    default: return by_opcode;
    }
  }
  // Bytes that a load or store moves.
  unsigned access_size() const;
};

inline constexpr std::uint32_t kAlphaPalHalt = 0x00, kAlphaPalGentrap = 0xAA, kAlphaPalRdteb = 0xAB;
// NT's ways back to what an interrupt, an exception or a system call has left.  That there are
// these two says the handbook, section 11; their numbers are not confirmed by a source at hand.
inline constexpr std::uint32_t kAlphaPalRfe = 0x0E, kAlphaPalRetsys = 0x0F;

} // namespace dumptriage::arch
