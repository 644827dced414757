// Just enough of a 32-bit x86 decoder to follow the code of one function: how long an instruction
// is, where it can go next, and whether it changes ebp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace dumptriage::arch::x86 {

enum class Flow {
  next,   // falls through
  call,   // falls through, or never comes back
  branch, // to `target` or through
  jump,   // to `target`
  table,  // jmp [register*4 + target]
  end,    // ret, indirect jump, int3, ud2, hlt
};

struct Instruction {
  int length = 0;
  Flow flow = Flow::next;
  std::uint32_t target = 0; // of branch, jump and direct call; address of the table
  bool direct_call = false;
  bool writes_ebp = false;
};

// Decodes the instruction at `address`; nothing when it is not complete in `code` or not known.
std::optional<Instruction> decode(std::span<const std::uint8_t> code, std::uint32_t address);

} // namespace dumptriage::arch::x86
