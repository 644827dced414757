// The interrupted frame below a trap handler of the 32-bit kernel.
//
// The entry code of a trap, interrupt or system call builds a KTRAP_FRAME and points ebp at it
// (the frame begins with DbgEbp and DbgEip, so that the chain of frame pointers goes on below it).
// While ebp still names it, the interrupted registers are in it:
//
//   eip, ebp, ebx, esi, edi, eax, ecx, edx = the frame's fields
//   esp = the frame's HardwareEsp from user mode, or frame + 0x74: the kernel's stack went on
//
// The frame above the trap frame may be the handler's own, or that of a function without a frame
// of its own that the handler has called.  The latter would be skipped.  It has left its return
// address between esp and the trap frame; so when no word there follows a call, nothing is skipped.
#include "arch/x86_trap_frame.h"

#include <algorithm>

#include "arch/reading.h"

namespace dumptriage::arch {
namespace {

enum { kEip = 8 };
constexpr std::uint32_t kKernel = 0x80000000;
constexpr std::uint32_t kMostBetween = 0x1000; // bytes a handler's own locals may take

// May `word` be a return address?  Not when code says no, or when nothing is mapped there at all.
bool may_return_to(const memory::AddressSpace& memory, std::uint32_t word) {
  if (word < kKernel) return false;
  if (const auto call = call_before_x86(memory, word)) return *call;
  std::byte byte{};
  return memory.read(word - 1, std::span(&byte, 1)).presence != memory::Presence::unmapped;
}

} // namespace

std::optional<Caller> by_trap_frame_x86(const UnwindInput& input, std::uint32_t pc,
                                        std::uint32_t esp, std::uint32_t ebp) {
  if (pc < kKernel || ebp < kKernel || ebp < esp) return std::nullopt;
  const auto registers = trap_frame_x86(input.memory, ebp);
  if (!registers) return std::nullopt;
  Caller caller;
  caller.registers = *registers;
  caller.machine_frame = true;
  caller.trust = Trust::context;
  std::byte byte{};
  caller.origin = input.memory.read(ebp, std::span(&byte, 1)).origin;
  caller.proved = ebp - esp <= kMostBetween;
  // What the callee took as parameters is known to be no return address.
  const std::uint32_t parameters = std::min(input.callee_parameters.value_or(0), ebp - esp);
  for (std::uint32_t at = esp + parameters; caller.proved && at < ebp; at += 4) {
    const auto word = input.memory.u32(at);
    // A handler gets the interrupted address, and places in its stack, as parameters.
    if (word && (*word == *registers->get(kEip) || (*word >= esp && *word <= ebp))) continue;
    caller.proved = word && !may_return_to(input.memory, *word);
  }
  if (!caller.proved)
    caller.unproved = "trap frame, not proved: frames above it may have been skipped";
  return caller;
}

} // namespace dumptriage::arch
