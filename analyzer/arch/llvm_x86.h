// LLVM's decoder of x86 instructions with all that it stands on, for one mode of the CPU.  Beside
// base/llvm_error.h the only header that includes LLVM's; for .cpp files only.
#pragma once

#include <memory>
#include <string>

#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>

namespace dumptriage::arch {

inline constexpr std::size_t kLongestInstructionX86 = 15; // Intel SDM volume 2, 2.3.11

class LlvmX86 {
public:
  explicit LlvmX86(bool wide);

  // False when this LLVM was built without x86; then nothing else may be asked.
  bool ready() const { return decoder_ != nullptr; }
  bool decode(llvm::ArrayRef<std::uint8_t> bytes, std::uint64_t pc, llvm::MCInst& instruction,
              std::uint64_t& length) const;

  const llvm::Target& target() const { return *target_; }
  const std::string& triple() const { return triple_; }
  const llvm::MCInstrInfo& instructions() const { return *instructions_; }
  const llvm::MCRegisterInfo& registers() const { return *registers_; }
  const llvm::MCSubtargetInfo& subtarget() const { return *subtarget_; }
  const llvm::MCAsmInfo& assembly() const { return *assembly_; }

private:
  std::string triple_;
  const llvm::Target* target_ = nullptr;
  std::unique_ptr<llvm::MCRegisterInfo> registers_;
  std::unique_ptr<llvm::MCInstrInfo> instructions_;
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget_;
  std::unique_ptr<llvm::MCAsmInfo> assembly_;
  std::unique_ptr<llvm::MCContext> context_;
  std::unique_ptr<llvm::MCDisassembler> decoder_;
};

} // namespace dumptriage::arch
