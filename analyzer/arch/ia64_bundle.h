// Itanium's bundles: 16 bytes with a template of 5 bits and three slots of 41 bits.  Private to
// this room and to tests.
//
// The template says which unit each slot goes to and where the stops are (between groups of
// instructions that may run together).  The instruction of L and X fills slots 1 and 2.
// Source: Intel Itanium Architecture Software Developer's Manual, volume 3, 4.1.1 and table 4-1.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "arch/arch.h"

namespace dumptriage::arch {

constexpr std::size_t kIa64BundleSize = 16;

struct Ia64Bundle {
  std::string_view units; // "MII", "MLX", ...
  std::array<std::uint64_t, 3> slots{};
  std::array<bool, 3> stops{}; // behind the slot
};
// Nothing when `code` is too short or its template is a reserved one.
std::optional<Ia64Bundle> ia64_bundle_of(std::span<const std::byte> code);

// One instruction and where it stands.
struct Ia64Instruction {
  char unit = 0; // M, I, F, B, X
  std::uint64_t word = 0;
  std::uint64_t long_word = 0; // of X: the slot before it
  std::uint64_t bundle = 0;    // its address
  std::uint64_t bits(int low, int count) const {
    return word >> low & ((std::uint64_t{1} << count) - 1);
  }
  unsigned opcode() const { return static_cast<unsigned>(bits(37, 4)); }
};
// `slot` 1 of an MLX bundle stands for its one long instruction, as 2 does.
Ia64Instruction ia64_instruction(const Ia64Bundle& bundle, unsigned slot, std::uint64_t address);

// A br.call or brl.call: what puts the address of the next bundle into a branch register.
bool is_ia64_call(const Ia64Instruction& instruction);

// ia64_memory.cpp: loads, stores, semaphores, prefetches.  No text when it is none.
void write_ia64_memory(const Ia64Instruction& instruction, CodeLine& line);

} // namespace dumptriage::arch
