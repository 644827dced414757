// Where a thread that does not run will go on: the frame that the context switch left at
// KTHREAD.KernelStack.  Only for threads that are not running and whose kernel stack is resident.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arch/arch.h"
#include "memory/address_space.h"

namespace dumptriage::system {

struct SwitchQuestion {
  arch::Machine machine = arch::Machine::unknown;
  std::uint32_t build = 0;
  std::uint64_t kernel_stack = 0;                // KTHREAD.KernelStack
  memory::AddressSpace::Range stack;             // StackLimit, StackBase (or InitialStack)
  memory::AddressSpace::Range kernel;            // ntoskrnl's image
  const memory::AddressSpace* overlay = nullptr; // code from image files, when `memory` lacks it
};

// pc and sp are as the thread resumes, behind a call inside ntoskrnl; the registers that its frames
// need to be unwound are set, every other stays unknown.  `why_not` says for people why there are
// none: what was found is given only when the return address lies in ntoskrnl behind a call and the
// saved registers fit.
struct SwitchFrame {
  std::optional<arch::Registers> registers;
  std::string from; // "switch frame"
  std::string why_not;
};
SwitchFrame read_switch_frame(const memory::AddressSpace& memory, const SwitchQuestion& question);

} // namespace dumptriage::system
