#include "evidence/operands.h"

#include <algorithm>
#include <string>

#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>

#include "base/text.h"

namespace dumptriage::evidence {

namespace {

std::uint64_t cut(std::uint64_t address, int bits) {
  return bits >= 64 ? address : address & ((std::uint64_t{1} << bits) - 1);
}

std::uint32_t size_in(std::string_view text) {
  struct Row {
    std::string_view word;
    std::uint32_t size;
  };
  // Longer words first: "word ptr" is part of most others.
  constexpr Row kRows[] = {{"zmmword ptr", 64}, {"ymmword ptr", 32}, {"xmmword ptr", 16},
                           {"tbyte ptr", 10},   {"qword ptr", 8},    {"dword ptr", 4},
                           {"word ptr", 2},     {"byte ptr", 1}};
  for (const Row& row : kRows) {
    if (text.find(row.word) != std::string_view::npos) return row.size;
  }
  return 0;
}

// Hints and address arithmetic: they name memory without touching it, or without ever faulting.
bool touches_nothing(std::string_view name) {
  return (name.starts_with("LEA") && !name.starts_with("LEAVE")) || name.starts_with("NOOP") ||
         name.starts_with("PREFETCH");
}

bool is_push(std::string_view name) { return name.starts_with("PUSH"); }
bool is_pop(std::string_view name) {
  return name.starts_with("POP") && !name.starts_with("POPCNT");
}

// The registers of a bit-string operand move its address by an amount that is not evaluated here.
bool is_bit_string(std::string_view name) { return name.starts_with("BT") && name.ends_with("mr"); }

// Which of its memory operands a string instruction reads and writes; LLVM does not say.
struct StringAccess {
  std::string_view prefix;
  bool destination_read, destination_write, source_read;
};
constexpr StringAccess kStrings[] = {
    {"MOVS", false, true, true},  {"CMPS", true, false, true},  {"STOS", false, true, false},
    {"SCAS", true, false, false}, {"LODS", false, false, true}, {"INS", false, true, false},
    {"OUTS", false, false, true},
};
const StringAccess* string_access(std::string_view name) {
  // MOVSB, MOVSW, MOVSL, MOVSQ only: not MOVSX, MOVSS, MOVSD.
  if (name.empty() || name.find_first_of("0123456789") != std::string_view::npos) return nullptr;
  if (std::string_view("BWLQ").find(name.back()) == std::string_view::npos) return nullptr;
  for (const StringAccess& row : kStrings) {
    if (name.size() == row.prefix.size() + 1 && name.starts_with(row.prefix)) return &row;
  }
  return nullptr;
}

// Legacy SSE instructions need their 16-byte operands aligned, all but the "unaligned" ones; of the
// VEX forms only the "aligned" and non-temporal moves do (Intel SDM volume 1, 14.9).
bool wants_alignment(std::string_view name, std::uint32_t size) {
  if (size < 16) return false;
  const bool vex = name.starts_with("V");
  const std::string_view plain = vex ? name.substr(1) : name;
  const bool aligned =
      plain.starts_with("MOVAP") || plain.starts_with("MOVDQA") || plain.starts_with("MOVNT");
  if (vex || aligned) return aligned;
  return !plain.starts_with("MOVU") && !plain.starts_with("MOVDQU") &&
         !plain.starts_with("LDDQU") && !plain.starts_with("PCMPISTR") &&
         !plain.starts_with("PCMPESTR");
}

} // namespace

OperandReader::Register OperandReader::value_of(unsigned llvm_register) const {
  constexpr std::string_view kNames[] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                         "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
  if (llvm_register == 0) return {0, 64};
  std::string name = names_.getName(llvm_register);
  if (name == "RIZ" || name == "EIZ") return {0, 64};
  if (name == "RIP") return {next_pc_, 64};
  if (name == "EIP") return {cut(next_pc_, 32), 32};
  int bits = 64;
  if (name.size() == 3 && name[0] == 'E') {
    bits = 32;
    name[0] = 'R';
  } else if (name.size() >= 3 && name[0] == 'R' && name.back() == 'D') {
    bits = 32;
    name.pop_back();
  } else if (name.size() == 2 && name != "R8" && name != "R9") {
    bits = 16;
    name.insert(0, 1, 'R');
  }
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return {std::nullopt, wide_bits()};
  const int index = static_cast<int>(found - std::begin(kNames));
  const auto value = values_.get(index);
  if (!value) return {std::nullopt, bits, index};
  return {cut(*value, bits), bits, index};
}

void OperandReader::add_part(unsigned llvm_register, MemoryAccess& access) const {
  constexpr int kStackPointer = 4;
  const Register part = value_of(llvm_register);
  const arch::Arch* arch = arch::find(machine_);
  // Part of a register holds no pointer.
  if (!arch || !part.value || part.index < 0 || part.index == kStackPointer ||
      part.bits != wide_bits())
    return;
  access.parts.push_back({arch->register_names[static_cast<std::size_t>(part.index)], *part.value});
}

void OperandReader::add_parts(const llvm::MCInst& instruction, unsigned at,
                              MemoryAccess& access) const {
  for (const unsigned operand : {at, at + 2}) // base, index
    if (instruction.getOperand(operand).isReg())
      add_part(instruction.getOperand(operand).getReg(), access);
}

bool OperandReader::has_own_base(unsigned llvm_segment) const {
  if (llvm_segment == 0) return false;
  const std::string_view name = names_.getName(llvm_segment);
  return name == "FS" || name == "GS";
}

// Base, scale, index, displacement, segment.
std::optional<std::uint64_t> OperandReader::address_of_five(const llvm::MCInst& instruction,
                                                            unsigned at) const {
  const auto& base = instruction.getOperand(at);
  const auto& scale = instruction.getOperand(at + 1);
  const auto& index = instruction.getOperand(at + 2);
  const auto& displacement = instruction.getOperand(at + 3);
  const auto& segment = instruction.getOperand(at + 4);
  if (!base.isReg() || !scale.isImm() || !index.isReg() || !displacement.isImm() ||
      !segment.isReg())
    return std::nullopt;
  if (has_own_base(segment.getReg())) return std::nullopt;
  const Register first = value_of(base.getReg());
  const Register second = value_of(index.getReg());
  if (!first.value || !second.value) return std::nullopt;
  int bits = wide_bits();
  if (base.getReg() != 0) bits = std::min(bits, first.bits);
  if (index.getReg() != 0) bits = std::min(bits, second.bits);
  const std::uint64_t sum = *first.value +
                            *second.value * static_cast<std::uint64_t>(scale.getImm()) +
                            static_cast<std::uint64_t>(displacement.getImm());
  return cut(sum, bits);
}

// A fixed address and its segment (mov al, [moffs]).
std::optional<std::uint64_t> OperandReader::address_of_fixed(const llvm::MCInst& instruction,
                                                             unsigned at) const {
  const auto& address = instruction.getOperand(at);
  const auto& segment = instruction.getOperand(at + 1);
  if (!address.isImm() || !segment.isReg() || has_own_base(segment.getReg())) return std::nullopt;
  return cut(static_cast<std::uint64_t>(address.getImm()), wide_bits());
}

// The register of a string instruction, with its segment (source) or without (destination, always
// es).
std::optional<std::uint64_t> OperandReader::address_of_pointer(const llvm::MCInst& instruction,
                                                               unsigned at,
                                                               bool with_segment) const {
  const auto& pointer = instruction.getOperand(at);
  if (!pointer.isReg()) return std::nullopt;
  if (with_segment) {
    const auto& segment = instruction.getOperand(at + 1);
    if (!segment.isReg() || has_own_base(segment.getReg())) return std::nullopt;
  }
  return value_of(pointer.getReg()).value;
}

void OperandReader::add_operands(const llvm::MCInst& instruction, Instruction& result) const {
  const llvm::MCInstrDesc& description = instructions_.get(instruction.getOpcode());
  const std::string_view name = instructions_.getName(instruction.getOpcode());
  const unsigned count =
      std::min<unsigned>(instruction.getNumOperands(), description.getNumOperands());
  unsigned at = 0;
  while (at < count && description.operands()[at].OperandType != llvm::MCOI::OPERAND_MEMORY) ++at;
  unsigned end = at;
  while (end < count && description.operands()[end].OperandType == llvm::MCOI::OPERAND_MEMORY)
    ++end;
  const std::uint32_t size = size_in(result.text);

  if (const StringAccess* access = string_access(name)) {
    const bool has_destination = access->destination_read || access->destination_write;
    if (has_destination && at < end) {
      result.memory.push_back({address_of_pointer(instruction, at, false), size,
                               access->destination_read, access->destination_write});
      ++at;
    }
    if (access->source_read && end - at >= 2)
      result.memory.push_back({address_of_pointer(instruction, at, true), size, true, false});
    return;
  }

  MemoryAccess access;
  access.size = size;
  if (end - at >= 5) {
    access.address = address_of_five(instruction, at);
    add_parts(instruction, at, access);
  } else if (end - at == 2) {
    access.address = address_of_fixed(instruction, at);
  } else {
    return;
  }
  if (is_bit_string(name)) access.address.reset();
  access.read = description.mayLoad();
  access.write = description.mayStore();
  // LLVM counts the stack's side of these as well.
  if (is_push(name)) access.write = false;
  if (is_pop(name)) access.read = false;
  result.memory.push_back(access);
}

std::optional<std::uint64_t> OperandReader::stack_pointer() const {
  const auto value = values_.get(4); // esp, rsp
  if (!value) return std::nullopt;
  return cut(*value, wide_bits());
}

void OperandReader::add_stack(std::string_view name, Instruction& result) const {
  const auto sp = stack_pointer();
  std::uint32_t size = static_cast<std::uint32_t>(wide_bits() / 8);
  if (is_push(name) || is_pop(name)) {
    if (name.find("16") != std::string_view::npos) size = 2;
  }
  if (is_push(name) || result.flow == Flow::call) {
    std::optional<std::uint64_t> address;
    const bool all_registers = name.starts_with("PUSHA");
    if (sp && !all_registers) address = cut(*sp - size, wide_bits());
    result.memory.push_back({address, all_registers ? 0 : size, false, true});
  } else if (is_pop(name) || result.flow == Flow::ret) {
    result.memory.push_back({sp, size, true, false});
  } else if (name.starts_with("LEAVE")) {
    const auto bp = values_.get(5); // ebp, rbp
    result.memory.push_back(
        {bp ? std::optional(cut(*bp, wide_bits())) : std::nullopt, size, true, false});
  } else if (name.starts_with("ENTER")) {
    result.memory.push_back(
        {sp ? std::optional(cut(*sp - size, wide_bits())) : std::nullopt, size, false, true});
  }
}

void OperandReader::add_flow(const llvm::MCInst& instruction, std::string_view name,
                             Instruction& result) const {
  const llvm::MCInstrDesc& description = instructions_.get(instruction.getOpcode());
  if (description.isReturn()) {
    result.flow = Flow::ret;
    return;
  }
  if (!description.isCall() && !description.isBranch()) return;
  result.flow = description.isCall() ? Flow::call : Flow::jump;
  if (!result.memory.empty()) {
    result.target_in_memory = true;
    return;
  }
  if (instruction.getNumOperands() == 0 || description.getNumOperands() == 0) return;
  const auto& operand = instruction.getOperand(0);
  if (operand.isReg()) {
    result.target = value_of(operand.getReg()).value;
  } else if (operand.isImm() &&
             description.operands()[0].OperandType == llvm::MCOI::OPERAND_PCREL) {
    result.target = cut(next_pc_ + static_cast<std::uint64_t>(operand.getImm()), wide_bits());
  }
}

void OperandReader::describe(const llvm::MCInst& instruction, Instruction& result) const {
  const std::string_view name = instructions_.getName(instruction.getOpcode());
  if (touches_nothing(name)) return;
  add_operands(instruction, result);
  add_flow(instruction, name, result);
  result.needs_alignment = !result.memory.empty() && wants_alignment(name, result.memory[0].size);
  add_stack(name, result);
}

} // namespace dumptriage::evidence
