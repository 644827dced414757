// What an instruction touches, from LLVM's description of it and the registers.  Only for
// disassemble.cpp and operands.cpp, because it speaks LLVM's language.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "arch/arch.h"
#include "evidence/disassemble.h"

namespace llvm {
class MCInst;
class MCInstrInfo;
class MCRegisterInfo;
} // namespace llvm

namespace dumptriage::evidence {

class OperandReader {
public:
  OperandReader(arch::Machine machine, const llvm::MCInstrInfo& instructions,
                const llvm::MCRegisterInfo& names, const arch::Registers& values,
                std::uint64_t next_pc)
      : machine_(machine), instructions_(instructions), names_(names), values_(values),
        next_pc_(next_pc) {}

  // Fills everything but text and length; reads `text` for the size of the operand.
  void describe(const llvm::MCInst& instruction, Instruction& result) const;

private:
  struct Register {
    std::optional<std::uint64_t> value; // nothing: not known, or no general register
    int bits = 64;                      // its width
    int index = -1;                     // in `values_`; -1 for rip and none at all
  };
  Register value_of(unsigned llvm_register) const;
  bool has_own_base(unsigned llvm_segment) const; // fs, gs
  int wide_bits() const { return machine_ == arch::Machine::x64 ? 64 : 32; }

  std::optional<std::uint64_t> address_of_five(const llvm::MCInst& instruction, unsigned at) const;
  std::optional<std::uint64_t> address_of_fixed(const llvm::MCInst& instruction, unsigned at) const;
  std::optional<std::uint64_t> address_of_pointer(const llvm::MCInst& instruction, unsigned at,
                                                  bool with_segment) const;
  void add_operands(const llvm::MCInst& instruction, Instruction& result) const;
  void add_stack(std::string_view name, Instruction& result) const;
  void add_flow(const llvm::MCInst& instruction, std::string_view name, Instruction& result) const;
  void add_parts(const llvm::MCInst& instruction, unsigned at, MemoryAccess& access) const;
  void add_part(unsigned llvm_register, MemoryAccess& access) const;
  std::optional<std::uint64_t> stack_pointer() const;

  arch::Machine machine_;
  const llvm::MCInstrInfo& instructions_;
  const llvm::MCRegisterInfo& names_;
  const arch::Registers& values_;
  std::uint64_t
      next_pc_; // of the instruction behind this one; what rip-relative operands count from
};

} // namespace dumptriage::evidence
