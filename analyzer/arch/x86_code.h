// Reads and decodes code for the x86 unwinders, within the walk's effort.
#pragma once

#include <array>
#include <optional>

#include "arch/reading.h"
#include "arch/x86_decode.h"

namespace dumptriage::arch::x86 {

class CodeReader {
public:
  explicit CodeReader(const UnwindInput& input) : input_(input), reader_(input.memory) {}

  // False when the walk has followed enough code.
  bool spend() const {
    return input_.effort == nullptr || (*input_.effort > 0 && (*input_.effort)-- > 0);
  }
  // At most 15 bytes.
  std::span<const std::uint8_t> at(std::uint32_t address);
  std::optional<Instruction> decode(std::uint32_t address) {
    return x86::decode(at(address), address);
  }
  // The address itself, or where the `jmp` thunks at it lead.
  std::uint32_t through_jumps(std::uint32_t address);
  // The target of the direct call that ends at `address`, through thunks.
  std::optional<std::uint32_t> direct_target(std::uint32_t address);
  std::optional<std::uint32_t> u32(std::uint32_t address) const {
    return input_.memory.u32(address);
  }
  // Where the symbols let the function around `address` begin.
  std::optional<std::uint32_t> known_start(std::uint32_t address) const;
  // A function that is known to begin at `address`.
  bool begins_at(std::uint32_t address) const { return known_start(address) == address; }

  const UnwindInput& input() const { return input_; }
  memory::Origin worst() const { return reader_.worst(); }

private:
  const UnwindInput& input_;
  Reader reader_;
  std::array<std::uint8_t, 256> window_{};
  std::uint32_t window_at_ = 0;
  std::size_t window_size_ = 0;
};

} // namespace dumptriage::arch::x86
