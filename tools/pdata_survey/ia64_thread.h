// An Itanium thread that runs one function's code from top to bottom, as far as it matters to the
// registers a function has to give back.
#pragma once

#include <array>

#include "arch/ia64.h"
#include "arch/ia64_bundle.h"
#include "arch/ia64_rse.h"
#include "survey.h"

namespace dumptriage::survey {

struct Ia64Thread {
  static constexpr std::uint64_t kSp = 0x6FFFF000000, kBsp = 0x6FF80000000, kReturn = 0x5550000010;
  static constexpr std::uint64_t kPfs = 20 | 12 << 7; // the caller's marker: 20 registers, 12 kept
  static constexpr std::uint64_t kGarbage = 0xDEAD0000DEAD0001;

  std::array<std::uint64_t, 128> gr{};
  std::array<std::uint64_t, 8> br{};
  std::array<std::uint64_t, 128> ar{};
  std::array<std::uint64_t, 128> fr{};
  std::uint64_t preds = 0, marker = 8;
  bool sp_known = true; // sp is computed from something not followed

  Ia64Thread();
  void step(const arch::Ia64Instruction& instruction, Memory& memory);
  arch::Registers registers(std::uint64_t pc) const;
  void store_stacked(Memory& memory) const;

private:
  void set(unsigned reg, std::uint64_t value);
  bool step_memory(const arch::Ia64Instruction& in, Memory& memory);
  bool step_m(const arch::Ia64Instruction& in);
  bool step_i(const arch::Ia64Instruction& in);
  bool step_a(const arch::Ia64Instruction& in);
  void call();
};

} // namespace dumptriage::survey
