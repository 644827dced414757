#include "evidence/disassemble.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstPrinter.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>

#include "base/text.h"
#include "evidence/operands.h"

namespace dumptriage::evidence {

namespace {

constexpr std::size_t kLongestInstruction = 15; // Intel SDM volume 2, 2.3.11

// LLVM's tables for one mode of the CPU.
class Tables {
public:
  explicit Tables(bool wide) {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86Disassembler();
    const std::string triple = wide ? "x86_64" : "i386";
    std::string error;
    const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
    if (!target) return;
    registers_.reset(target->createMCRegInfo(triple));
    instructions_.reset(target->createMCInstrInfo());
    subtarget_.reset(target->createMCSubtargetInfo(triple, "", ""));
    if (!registers_ || !instructions_ || !subtarget_) return;
    assembly_.reset(target->createMCAsmInfo(*registers_, triple, llvm::MCTargetOptions()));
    if (!assembly_) return;
    context_ = std::make_unique<llvm::MCContext>(llvm::Triple(triple), assembly_.get(),
                                                 registers_.get(), subtarget_.get());
    printer_.reset(target->createMCInstPrinter(llvm::Triple(triple), 1 /*Intel*/, *assembly_,
                                               *instructions_, *registers_));
    if (!printer_) return;
    printer_->setPrintImmHex(true);
    printer_->setPrintBranchImmAsAddress(true);
    decoder_.reset(target->createMCDisassembler(*subtarget_, *context_));
  }

  bool ready() const { return decoder_ != nullptr; }
  const llvm::MCInstrInfo& instructions() const { return *instructions_; }
  const llvm::MCRegisterInfo& registers() const { return *registers_; }

  bool decode(llvm::ArrayRef<std::uint8_t> bytes, std::uint64_t pc, llvm::MCInst& instruction,
              std::uint64_t& length) const {
    return decoder_->getInstruction(instruction, length, bytes, pc, llvm::nulls()) ==
               llvm::MCDisassembler::Success &&
           length != 0 && length <= bytes.size();
  }

  std::string print(const llvm::MCInst& instruction, std::uint64_t pc) const {
    std::string text;
    llvm::raw_string_ostream stream(text);
    printer_->printInst(&instruction, pc, "", *subtarget_, stream);
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

  std::unique_ptr<llvm::MCRegisterInfo> registers_;
  std::unique_ptr<llvm::MCInstrInfo> instructions_;
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget_;
  std::unique_ptr<llvm::MCAsmInfo> assembly_;
  std::unique_ptr<llvm::MCContext> context_;
  std::unique_ptr<llvm::MCInstPrinter> printer_;
  std::unique_ptr<llvm::MCDisassembler> decoder_;
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

} // namespace

std::optional<Instruction> disassemble(arch::Machine machine, std::span<const std::byte> bytes,
                                       std::uint64_t pc, const arch::Registers& registers) {
  if (machine != arch::Machine::x86 && machine != arch::Machine::x64) return std::nullopt;
  const Tables& tables = tables_of(machine);
  if (!tables.ready() || bytes.empty()) return std::nullopt;
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  llvm::ArrayRef<std::uint8_t> left(first, std::min(bytes.size(), kLongestInstruction));

  Instruction result;
  std::string prefixes;
  for (;;) {
    llvm::MCInst instruction;
    std::uint64_t length = 0;
    if (!tables.decode(left, pc + result.length, instruction, length)) return std::nullopt;
    const std::string_view name = tables.instructions().getName(instruction.getOpcode());
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
    const OperandReader reader{machine, tables.instructions(), tables.registers(), registers,
                               pc + result.length};
    reader.describe(instruction, result);
    return result;
  }
}

} // namespace dumptriage::evidence
