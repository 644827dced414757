// One instruction: its text, and the memory it touches as far as the registers tell.  The tables of
// x86 and x64 are LLVM's, set up on the first call, not at start; other CPUs have their own in
// arch.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arch/arch.h"

namespace dumptriage::evidence {

// A register that an address was made of, by its whole name ("rcx", "ebx", "t3").
struct AddressPart {
  std::string_view name;
  std::uint64_t value = 0;
};

struct MemoryAccess {
  // Nothing when a register is not known, or when the address counts from fs or gs, whose bases no
  // dump's registers hold.
  std::optional<std::uint64_t> address;
  std::uint32_t size = 0;           // bytes; 0 = not known
  bool read = false, write = false; // both: read, then written back; neither: not known
  std::vector<AddressPart> parts{}; // those that are known; without the stack pointer
};

enum class Flow { none, jump, call, ret };

struct Instruction {
  std::string text; // Intel syntax: "mov eax, dword ptr [ecx + 0x8]"
  std::uint32_t length = 0;
  std::vector<MemoryAccess> memory; // in the order in which the text names them, implied stack last
  Flow flow = Flow::none;
  std::optional<std::uint64_t> target; // of a jump or call through a register or to a fixed place
  bool target_in_memory = false;       // the target is what memory[0] holds
  bool needs_alignment = false;        // its memory must be aligned to its size (SSE)
};

// Nothing when no table knows the machine, or when `bytes` begin with no instruction.  They begin
// at `pc`; of Itanium at its bundle.
std::optional<Instruction> disassemble(arch::Machine machine, std::span<const std::byte> bytes,
                                       std::uint64_t pc, const arch::Registers& registers);

} // namespace dumptriage::evidence
