#include "arch/x86_decode.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arch/llvm_x86.h"

namespace dumptriage::arch::x86 {
namespace {

// How LLVM lays out an instruction's operands.
enum class Form : std::uint8_t {
  none,
  reg,     // r
  imm,     // i
  mem,     // m (five operands)
  reg_reg, // to, from
  reg_imm, // to, i
  reg_mem, // to, m
  mem_reg, // m, from
  mem_imm, // m, i
  two_reg, // to, the same again, from
  two_imm, // to, the same again, i
  two_mem, // to, the same again, m
  eax_imm, // i, on eax
  swap,    // to, from, and both again
  eax_at,  // an address and its segment, to eax
  eax_reg, // the register that is exchanged with eax
  prefix,
};

struct Known {
  std::string_view name;
  Op op;
  Form form;
  Flow flow = Flow::next;
};

// LLVM's names (X86Instr*.td).  What is not listed is `other`, with the registers that LLVM says it
// defines.
constexpr Known kKnown[] = {
    {"PUSH32r", Op::push, Form::reg},
    {"PUSH32rmr", Op::push, Form::reg},
    {"PUSH32rmm", Op::push, Form::mem},
    {"PUSH32i", Op::push, Form::imm},
    {"PUSH32i8", Op::push, Form::imm},
    {"PUSHCS32", Op::push_word, Form::none},
    {"PUSHDS32", Op::push_word, Form::none},
    {"PUSHES32", Op::push_word, Form::none},
    {"PUSHFS32", Op::push_word, Form::none},
    {"PUSHGS32", Op::push_word, Form::none},
    {"PUSHSS32", Op::push_word, Form::none},
    {"PUSHF32", Op::push_word, Form::none},
    {"PUSHA32", Op::push_all, Form::none},
    {"POP32r", Op::pop, Form::reg},
    {"POP32rmr", Op::pop, Form::reg},
    {"POP32rmm", Op::pop_word, Form::none},
    {"POPDS32", Op::pop_word, Form::none},
    {"POPES32", Op::pop_word, Form::none},
    {"POPFS32", Op::pop_word, Form::none},
    {"POPGS32", Op::pop_word, Form::none},
    {"POPSS32", Op::pop_word, Form::none},
    {"POPF32", Op::pop_word, Form::none},
    {"POPA32", Op::pop_all, Form::none},
    {"MOV32rr", Op::move, Form::reg_reg},
    {"MOV32rr_REV", Op::move, Form::reg_reg},
    {"MOV32rm", Op::move, Form::reg_mem},
    {"MOV32mr", Op::move, Form::mem_reg},
    {"MOV32ri", Op::move, Form::reg_imm},
    {"MOV32ri_alt", Op::move, Form::reg_imm},
    {"MOV32ao32", Op::move, Form::eax_at},
    {"MOV32mi", Op::move, Form::mem_imm},
    {"LEA32r", Op::lea, Form::reg_mem},
    {"ADD32rr", Op::add, Form::two_reg},
    {"ADD32rr_REV", Op::add, Form::two_reg},
    {"ADD32ri", Op::add, Form::two_imm},
    {"ADD32ri8", Op::add, Form::two_imm},
    {"ADD32i32", Op::add, Form::eax_imm},
    {"ADD32rm", Op::add, Form::two_mem},
    {"SUB32rr", Op::sub, Form::two_reg},
    {"SUB32rr_REV", Op::sub, Form::two_reg},
    {"SUB32ri", Op::sub, Form::two_imm},
    {"SUB32ri8", Op::sub, Form::two_imm},
    {"SUB32i32", Op::sub, Form::eax_imm},
    {"SUB32rm", Op::sub, Form::two_mem},
    {"AND32rr", Op::bit_and, Form::two_reg},
    {"AND32rr_REV", Op::bit_and, Form::two_reg},
    {"AND32ri", Op::bit_and, Form::two_imm},
    {"AND32ri8", Op::bit_and, Form::two_imm},
    {"AND32i32", Op::bit_and, Form::eax_imm},
    {"XOR32rr", Op::zero, Form::two_reg},
    {"XOR32rr_REV", Op::zero, Form::two_reg},
    {"SBB32rr", Op::borrow, Form::two_reg},
    {"SBB32rr_REV", Op::borrow, Form::two_reg},
    {"NOT32r", Op::invert, Form::two_reg},
    {"XCHG32rr", Op::exchange, Form::swap},
    {"XCHG32ar", Op::exchange, Form::eax_reg},
    {"LEAVE", Op::leave, Form::none},
    {"ENTER", Op::enter, Form::imm},
    {"NOOP", Op::other, Form::none},
    {"RET32", Op::other, Form::none, Flow::ret},
    {"RETI32", Op::other, Form::imm, Flow::ret},
    {"RET16", Op::other, Form::none, Flow::end},
    {"RETI16", Op::other, Form::none, Flow::end},
    {"LRET32", Op::other, Form::none, Flow::end},
    {"LRETI32", Op::other, Form::none, Flow::end},
    {"LRET16", Op::other, Form::none, Flow::end},
    {"LRETI16", Op::other, Form::none, Flow::end},
    {"IRET32", Op::other, Form::none, Flow::interrupt},
    {"IRET16", Op::other, Form::none, Flow::interrupt},
    {"SYSEXIT", Op::other, Form::none, Flow::interrupt},
    {"SYSRET", Op::other, Form::none, Flow::interrupt},
    {"SYSENTER", Op::other, Form::none, Flow::end},
    {"INT", Op::other, Form::imm},
    {"INT3", Op::other, Form::none, Flow::end},
    {"TRAP", Op::other, Form::none, Flow::end},
    {"UD1Lm", Op::other, Form::none, Flow::end},
    {"UD1Lr", Op::other, Form::none, Flow::end},
    {"HLT", Op::other, Form::none, Flow::end},
    {"JMP_1", Op::other, Form::imm, Flow::jump},
    {"JMP_4", Op::other, Form::imm, Flow::jump},
    {"JMP32r", Op::other, Form::reg, Flow::elsewhere},
    {"JMP32m", Op::other, Form::mem, Flow::elsewhere},
    {"FARJMP32i", Op::other, Form::none, Flow::end},
    {"FARJMP32m", Op::other, Form::none, Flow::end},
    {"JCC_1", Op::other, Form::imm, Flow::branch},
    {"JCC_4", Op::other, Form::imm, Flow::branch},
    {"LOOP", Op::other, Form::imm, Flow::branch},
    {"LOOPE", Op::other, Form::imm, Flow::branch},
    {"LOOPNE", Op::other, Form::imm, Flow::branch},
    {"JECXZ", Op::other, Form::imm, Flow::branch},
    {"CALLpcrel32", Op::other, Form::imm, Flow::call},
    {"CALL32r", Op::other, Form::reg, Flow::call},
    {"CALL32m", Op::other, Form::mem, Flow::call},
    {"LOCK_PREFIX", Op::other, Form::prefix},
    {"DATA16_PREFIX", Op::other, Form::prefix},
    {"REP_PREFIX", Op::other, Form::prefix},
    {"REPNE_PREFIX", Op::other, Form::prefix},
    {"XACQUIRE_PREFIX", Op::other, Form::prefix},
    {"XRELEASE_PREFIX", Op::other, Form::prefix},
};

// Not followed: they cut eip to 16 bits, or leave to another segment.
constexpr std::string_view kRefused[] = {
    "JMP_2",      "JCC_2",      "CALLpcrel16", "CALL16r",   "CALL16m",    "JMP16r",     "JMP16m",
    "FARCALL16i", "FARCALL16m", "FARJMP16i",   "FARJMP16m", "FARCALL32m", "FARCALL32i", "JCXZ"};

class Decoder {
public:
  Decoder() {
    if (!llvm_.ready()) return;
    number_instructions();
    number_registers();
  }

  std::optional<Instruction> decode(std::span<const std::uint8_t> code,
                                    std::uint32_t address) const {
    if (!llvm_.ready()) return std::nullopt;
    llvm::ArrayRef<std::uint8_t> left(code.data(), std::min(code.size(), kLongestInstructionX86));
    std::uint32_t length = 0;
    while (!left.empty()) {
      llvm::MCInst inst;
      std::uint64_t size = 0;
      if (!llvm_.decode(left, address + length, inst, size)) return std::nullopt;
      length += static_cast<std::uint32_t>(size);
      const std::uint8_t row = rows_[inst.getOpcode()];
      if (row == kRefuse) return std::nullopt;
      if (row != kUnlisted && kKnown[row].form == Form::prefix) {
        left = left.drop_front(size);
        continue;
      }
      Instruction out;
      out.length = static_cast<std::uint8_t>(length);
      describe(inst, row, address + length, out);
      const bool repeats = code[0] == 0xF2 || code[0] == 0xF3;
      if (repeats && (out.writes & (1 << kEsi | 1 << kEdi))) out.writes |= 1 << kEcx; // the count
      return out;
    }
    return std::nullopt;
  }

private:
  static constexpr std::uint8_t kUnlisted = 0xFF, kRefuse = 0xFE;
  static_assert(std::size(kKnown) < kRefuse);

  void number_instructions() {
    std::unordered_map<std::string_view, std::uint8_t> rows;
    for (std::size_t i = 0; i < std::size(kKnown); ++i)
      rows[kKnown[i].name] = static_cast<std::uint8_t>(i);
    for (std::string_view name : kRefused) rows[name] = kRefuse;
    rows_.assign(llvm_.instructions().getNumOpcodes(), kUnlisted);
    for (unsigned i = 0; i < llvm_.instructions().getNumOpcodes(); ++i)
      if (const auto found = rows.find(std::string_view(llvm_.instructions().getName(i)));
          found != rows.end())
        rows_[i] = found->second;
  }

  // Every register by the general register that it is a part of.
  void number_registers() {
    constexpr std::string_view names[] = {"EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"};
    general_.assign(llvm_.registers().getNumRegs(), -1);
    exact_.assign(llvm_.registers().getNumRegs(), -1);
    for (unsigned i = 1; i < llvm_.registers().getNumRegs(); ++i) {
      if (std::string_view(llvm_.registers().getName(i)) == "EFLAGS") flags_ = i;
      for (int n = 0; n < 8; ++n)
        if (names[n] == llvm_.registers().getName(i)) {
          exact_[i] = static_cast<std::int8_t>(n);
          for (const auto part : llvm_.registers().subregs_inclusive(i))
            general_[part] = static_cast<std::int8_t>(n);
        }
    }
  }

  Operand reg(const llvm::MCOperand& operand) const {
    Operand out;
    if (operand.isReg() && exact_[operand.getReg()] >= 0) {
      out.kind = Operand::Kind::reg;
      out.reg = exact_[operand.getReg()];
    }
    return out;
  }
  static Operand imm(const llvm::MCOperand& operand) {
    Operand out;
    if (operand.isImm()) {
      out.kind = Operand::Kind::imm;
      out.value = static_cast<std::uint32_t>(operand.getImm());
    }
    return out;
  }
  // Base, scale, index, displacement, segment.
  Operand mem(const llvm::MCInst& inst, unsigned at) const {
    Operand out;
    if (at + 5 > inst.getNumOperands() || !inst.getOperand(at).isReg() ||
        !inst.getOperand(at + 2).isReg() || !inst.getOperand(at + 3).isImm())
      return out;
    out.kind = Operand::Kind::mem;
    out.base = exact_[inst.getOperand(at).getReg()];
    // esi*1 + 0 with no index is how LLVM gives `[esi + eiz]`.
    const unsigned index = inst.getOperand(at + 2).getReg();
    out.index = exact_[index];
    // A base or index that is no 32-bit register: 16-bit addressing.
    const bool narrow = (inst.getOperand(at).getReg() != 0 && out.base < 0) ||
                        (index != 0 && out.index < 0 && llvm_.registers().getName(index) != eiz_);
    out.segment = inst.getOperand(at + 4).isReg() && inst.getOperand(at + 4).getReg() != 0;
    out.segment |= narrow;
    out.value = static_cast<std::uint32_t>(inst.getOperand(at + 3).getImm());
    return out;
  }

  void operands(const llvm::MCInst& inst, Form form, Instruction& out) const {
    auto at = [&](unsigned i) -> const llvm::MCOperand& {
      static const llvm::MCOperand none;
      return i < inst.getNumOperands() ? inst.getOperand(i) : none;
    };
    const Operand eax{Operand::Kind::reg, kEax};
    switch (form) {
    case Form::none:
    case Form::prefix: break;
    case Form::reg: out.to = out.from = reg(at(0)); break;
    case Form::imm: out.from = imm(at(0)); break;
    case Form::mem: out.from = mem(inst, 0); break;
    case Form::reg_reg: out.to = reg(at(0)), out.from = reg(at(1)); break;
    case Form::reg_imm: out.to = reg(at(0)), out.from = imm(at(1)); break;
    case Form::reg_mem: out.to = reg(at(0)), out.from = mem(inst, 1); break;
    case Form::mem_reg: out.to = mem(inst, 0), out.from = reg(at(5)); break;
    case Form::mem_imm: out.to = mem(inst, 0), out.from = imm(at(5)); break;
    case Form::two_reg: out.to = reg(at(0)), out.from = reg(at(2)); break;
    case Form::two_imm: out.to = reg(at(0)), out.from = imm(at(2)); break;
    case Form::two_mem: out.to = reg(at(0)), out.from = mem(inst, 2); break;
    case Form::eax_imm: out.to = eax, out.from = imm(at(0)); break;
    case Form::eax_at:
      out.to = eax;
      out.from = imm(at(0));
      out.from.kind = Operand::Kind::mem;
      out.from.segment = at(1).isReg() && at(1).getReg() != 0;
      break;
    case Form::swap: out.to = reg(at(0)), out.from = reg(at(1)); break;
    case Form::eax_reg: out.to = eax, out.from = reg(at(0)); break;
    }
  }

  void other(const llvm::MCInst& inst, Instruction& out) const {
    const llvm::MCInstrDesc& description = llvm_.instructions().get(inst.getOpcode());
    auto writes = [&](unsigned number) {
      if (number < general_.size() && general_[number] >= 0)
        out.writes |= static_cast<std::uint8_t>(1 << general_[number]);
    };
    for (unsigned i = 0; i < description.getNumDefs() && i < inst.getNumOperands(); ++i)
      if (inst.getOperand(i).isReg()) writes(inst.getOperand(i).getReg());
    for (const auto number : description.implicit_defs()) writes(number);
    out.keeps_flags = !description.hasImplicitDefOfPhysReg(flags());
    out.stores = description.mayStore();
    for (unsigned i = 0; i < description.getNumOperands() && i + 5 <= inst.getNumOperands(); ++i)
      if (description.operands()[i].OperandType == llvm::MCOI::OPERAND_MEMORY) {
        out.to = mem(inst, i);
        break;
      }
  }
  unsigned flags() const { return flags_; }

  void describe(const llvm::MCInst& inst, std::uint8_t row, std::uint32_t next,
                Instruction& out) const {
    if (row == kUnlisted) {
      other(inst, out);
      out.is_nop = out.writes == 0 && !out.stores &&
                   llvm_.instructions().getName(inst.getOpcode()).starts_with("NOOP");
      return;
    }
    const Known& known = kKnown[row];
    out.op = known.op;
    out.flow = known.flow;
    operands(inst, known.form, out);
    settle_op(out);
    if (out.op == Op::other && known.op != Op::other) other(inst, out);
    out.is_nop |= known.name == "NOOP";
    if (known.name == "INT") settle_interrupt(out);
    out.keeps_flags = out.op == Op::move || out.op == Op::lea || out.op == Op::push ||
                      out.op == Op::pop || out.op == Op::invert || out.op == Op::exchange;
    settle_flow(inst, known, next, out);
  }

  // Forms that mean something only when both operands are the same register.
  static void settle_op(Instruction& out) {
    const bool same = out.to.kind == Operand::Kind::reg && out.from.kind == Operand::Kind::reg &&
                      out.to.reg == out.from.reg;
    if ((out.op == Op::zero || out.op == Op::borrow) && !same) out.op = Op::other;
    if (out.op == Op::sub && same) out.op = Op::zero;
    const bool still = out.op == Op::lea && out.from.base == out.to.reg && out.from.index < 0 &&
                       out.from.value == 0;
    out.is_nop = still || (out.op == Op::move && same) || (out.op == Op::exchange && same);
  }

  // A system call, or __fastfail, which does not come back.
  static void settle_interrupt(Instruction& out) {
    constexpr std::uint32_t fast_fail = 0x29;
    out.writes = 1 << kEax | 1 << kEcx | 1 << kEdx;
    if (out.from.value == fast_fail) out.flow = Flow::end;
  }

  void settle_flow(const llvm::MCInst& inst, const Known& known, std::uint32_t next,
                   Instruction& out) const {
    switch (known.flow) {
    case Flow::ret: out.pops = static_cast<std::uint16_t>(out.from.value); break;
    case Flow::branch:
      if (known.name.starts_with("LOOP")) out.writes = 1 << kEcx;
      [[fallthrough]];
    case Flow::jump: out.target = next + out.from.value; break;
    case Flow::call:
      out.direct_call = known.form == Form::imm;
      if (out.direct_call) out.target = next + out.from.value;
      break;
    case Flow::elsewhere:
      if (known.form == Form::mem && out.from.base < 0 && out.from.index >= 0 &&
          !out.from.segment && inst.getOperand(1).getImm() == 4) {
        out.flow = Flow::table;
        out.target = out.from.value;
      }
      break;
    default: break;
    }
  }

  static constexpr std::string_view eiz_ = "EIZ";
  LlvmX86 llvm_{/*wide=*/false};
  std::vector<std::uint8_t> rows_; // by opcode: index in kKnown
  std::vector<std::int8_t> general_, exact_;
  unsigned flags_ = 0;
};

} // namespace

std::optional<Instruction> decode(std::span<const std::uint8_t> code, std::uint32_t address) {
  thread_local const Decoder decoder; // LLVM's is not made for several threads at once
  return decoder.decode(code, address);
}

} // namespace dumptriage::arch::x86
