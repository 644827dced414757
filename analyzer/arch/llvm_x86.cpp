#include "arch/llvm_x86.h"

#include <llvm/MC/MCTargetOptions.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>

namespace dumptriage::arch {

LlvmX86::LlvmX86(bool wide) : triple_(wide ? "x86_64" : "i386") {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86Disassembler();
  std::string error;
  target_ = llvm::TargetRegistry::lookupTarget(triple_, error);
  if (!target_) return;
  registers_.reset(target_->createMCRegInfo(triple_));
  instructions_.reset(target_->createMCInstrInfo());
  subtarget_.reset(target_->createMCSubtargetInfo(triple_, "", ""));
  if (!registers_ || !instructions_ || !subtarget_) return;
  assembly_.reset(target_->createMCAsmInfo(*registers_, triple_, llvm::MCTargetOptions()));
  if (!assembly_) return;
  context_ = std::make_unique<llvm::MCContext>(llvm::Triple(triple_), assembly_.get(),
                                               registers_.get(), subtarget_.get());
  decoder_.reset(target_->createMCDisassembler(*subtarget_, *context_));
}

bool LlvmX86::decode(llvm::ArrayRef<std::uint8_t> bytes, std::uint64_t pc,
                     llvm::MCInst& instruction, std::uint64_t& length) const {
  return decoder_->getInstruction(instruction, length, bytes, pc, llvm::nulls()) ==
             llvm::MCDisassembler::Success &&
         length != 0 && length <= bytes.size();
}

} // namespace dumptriage::arch
