#include "evidence/disassemble.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include <llvm/MC/MCInstPrinter.h>
#include <llvm/Support/raw_ostream.h>

#include "arch/llvm_x86.h"
#include "base/text.h"
#include "evidence/operands.h"

namespace dumptriage::evidence {

namespace {

// LLVM's decoder for one mode of the CPU, and its printer.
class Tables {
public:
  explicit Tables(bool wide) : llvm_(wide) {
    if (!llvm_.ready()) return;
    printer_.reset(llvm_.target().createMCInstPrinter(llvm::Triple(llvm_.triple()), 1 /*Intel*/,
                                                      llvm_.assembly(), llvm_.instructions(),
                                                      llvm_.registers()));
    if (!printer_) return;
    printer_->setPrintImmHex(true);
    printer_->setPrintBranchImmAsAddress(true);
  }

  bool ready() const { return printer_ != nullptr; }
  const arch::LlvmX86& llvm() const { return llvm_; }

  std::string print(const llvm::MCInst& instruction, std::uint64_t pc) const {
    std::string text;
    llvm::raw_string_ostream stream(text);
    printer_->printInst(&instruction, pc, "", llvm_.subtarget(), stream);
    return one_line(stream.str());
  }

private:
  // Tabs and runs of blanks become one blank.
  static std::string one_line(std::string_view text) {
    std::string line;
    for (char c : text) {
      const bool blank = c == ' ' || c == '\t' || c == '\n';
      if (blank && (line.empty() || line.back() == ' ')) continue;
      line += blank ? ' ' : c;
    }
    if (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
  }

  arch::LlvmX86 llvm_;
  std::unique_ptr<llvm::MCInstPrinter> printer_;
};

// A decoder is not made for several threads at once, so each has its own.
const Tables& tables_of(arch::Machine machine) {
  if (machine == arch::Machine::x64) {
    thread_local const Tables wide(true);
    return wide;
  }
  thread_local const Tables narrow(false);
  return narrow;
}

std::optional<Instruction> disassemble_x86(arch::Machine machine, std::span<const std::byte> bytes,
                                           std::uint64_t pc, const arch::Registers& registers) {
  const Tables& tables = tables_of(machine);
  if (!tables.ready() || bytes.empty()) return std::nullopt;
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  llvm::ArrayRef<std::uint8_t> left(first, std::min(bytes.size(), arch::kLongestInstructionX86));

  Instruction result;
  std::string prefixes;
  for (;;) {
    llvm::MCInst instruction;
    std::uint64_t length = 0;
    if (!tables.llvm().decode(left, pc + result.length, instruction, length)) return std::nullopt;
    const std::string_view name = tables.llvm().instructions().getName(instruction.getOpcode());
    result.length += static_cast<std::uint32_t>(length);
    // LLVM's x86 printer counts branch targets from the end of the instruction.
    const std::string text = tables.print(instruction, pc + result.length);
    // LLVM gives a lock prefix as an instruction of its own.
    if (name.ends_with("_PREFIX")) {
      prefixes += text + " ";
      left = left.drop_front(length);
      continue;
    }
    result.text = prefixes + text;
    const OperandReader reader{machine, tables.llvm().instructions(), tables.llvm().registers(),
                               registers, pc + result.length};
    reader.describe(instruction, result);
    return result;
  }
}

MemoryAccess access_of(const arch::Arch& arch, const arch::CodeLine::Access& access,
                       const arch::Registers& registers) {
  MemoryAccess result{.size = access.size, .read = access.read, .write = access.write};
  if (const auto base = registers.get(access.base)) {
    std::uint64_t address = *base + static_cast<std::uint64_t>(access.displacement);
    address -= address % access.align;
    result.address = arch.strip ? arch.strip(address) : address;
    if (access.base != arch.sp &&
        static_cast<std::size_t>(access.base) < arch.register_names.size())
      result.parts.push_back({arch.register_names[static_cast<std::size_t>(access.base)],
                              arch.strip ? arch.strip(*base) : *base});
  }
  return result;
}

Flow flow_of(const arch::CodeLine& line) {
  if (line.ret) return Flow::ret;
  if (line.call) return Flow::call;
  return line.jump ? Flow::jump : Flow::none;
}

std::optional<Instruction> disassemble_by_arch(const arch::Arch& arch,
                                               std::span<const std::byte> bytes, std::uint64_t pc,
                                               const arch::Registers& registers) {
  const auto line = arch.code_line(bytes, pc);
  if (!line) return std::nullopt;
  Instruction result{.text = line->text, .length = line->length};
  if (line->access) result.memory.push_back(access_of(arch, *line->access, registers));
  result.flow = flow_of(*line);
  result.target = line->target;
  return result;
}

} // namespace

std::optional<Instruction> disassemble(arch::Machine machine, std::span<const std::byte> bytes,
                                       std::uint64_t pc, const arch::Registers& registers) {
  if (machine == arch::Machine::x86 || machine == arch::Machine::x64)
    return disassemble_x86(machine, bytes, pc, registers);
  const arch::Arch* arch = arch::find(machine);
  if (!arch || !arch->code_line) return std::nullopt;
  return disassemble_by_arch(*arch, bytes, pc, registers);
}

} // namespace dumptriage::evidence
