// 32-bit x86 instructions as far as they move the stack pointer, copy registers or go elsewhere.
// LLVM decodes; this keeps what following the code of a function needs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace dumptriage::arch::x86 {

// Numbers of the general registers in instructions, then of eip in Registers.
enum { kEax, kEcx, kEdx, kEbx, kEsp, kEbp, kEsi, kEdi, kEip };

enum class Flow {
  next,      // falls through
  call,      // falls through, or never comes back
  branch,    // to `target` or through
  jump,      // to `target`
  table,     // jmp [register*4 + target]
  ret,       // takes `pops` bytes beside the return address off the stack
  elsewhere, // jmp register or jmp [address]
  interrupt, // iret
  end,       // int3, ud2, hlt, far jumps and returns
};

// What happens to registers and the stack; `other`: the registers of `writes` get what is not
// followed.
enum class Op {
  other,
  push,
  pop,
  move,
  lea,
  add,
  sub,
  bit_and,
  invert, // invert: not
  exchange,
  zero,   // zero: xor or sub of a register by itself
  borrow, // sbb of a register by itself
  leave,
  enter,
  push_all,
  pop_all,
  push_word,
  pop_word, // push_word: flags, segments
};

struct Operand {
  enum class Kind { none, reg, imm, mem };
  Kind kind = Kind::none;
  std::int8_t reg = -1;  // general register
  std::int8_t base = -1; // of a memory operand
  std::int8_t index = -1;
  bool segment = false;    // fs: and the like: not this address space
  std::uint32_t value = 0; // immediate, or displacement
};

struct Instruction {
  std::uint8_t length = 0;
  Flow flow = Flow::next;
  Op op = Op::other;
  bool direct_call = false;
  bool keeps_flags = false;
  bool is_nop = false;
  bool stores = false;     // `op` other: writes to the memory operand `to`
  std::uint8_t writes = 0; // bits of the general registers that `other` changes
  std::uint16_t pops = 0;
  std::uint32_t target = 0; // of branch, jump and direct call; address of the table
  Operand to, from;         // of a call or jump elsewhere: `from` is where it goes
};

// Decodes the instruction at `address`; nothing when it is not complete in `code` or not known.
std::optional<Instruction> decode(std::span<const std::uint8_t> code, std::uint32_t address);

} // namespace dumptriage::arch::x86
