// Switch frames.  x86: the frame of SwapContext and what its caller KiSwapContext saved, one shape
// from NT 4 on (public listings of !thread show it).  x64 since Vista: KSWITCH_FRAME; before, its
// shape is not published: there the only word that can be a return address of ntoskrnl is taken.
#include "system/switch_frame.h"

#include <span>

#include "base/text.h"
#include "formats/trap_frame.h"

namespace dumptriage::system {
namespace {

constexpr std::uint32_t kVista = 6000;

struct Reading {
  const memory::AddressSpace& memory;
  const SwitchQuestion& question;
  const arch::Arch& arch;

  // The code must be at hand: a value that merely lies in the image is no proof.
  bool returns_into_kernel(std::uint64_t value) const {
    const auto& image = question.kernel;
    if (value <= image.start || value >= image.end) return false;
    if (arch.call_before(memory, value) == true) return true;
    return question.overlay && arch.call_before(*question.overlay, value) == true;
  }
  bool in_stack(std::uint64_t address) const {
    return address >= question.stack.start && address < question.stack.end;
  }
  std::string place(std::uint64_t address) const { return hex_address(address, arch.pointer_size); }
};

SwitchFrame none(std::string why) { return {std::nullopt, "", std::move(why)}; }
SwitchFrame found(arch::Registers registers) { return {std::move(registers), "switch frame", ""}; }

template <class Frame> std::optional<Frame> read_frame(const Reading& reading) {
  Frame frame;
  const std::uint64_t at = reading.question.kernel_stack;
  if (at % reading.arch.pointer_size != 0 || !reading.in_stack(at) ||
      reading.question.stack.end - at < sizeof(Frame) ||
      !reading.memory.copy(at, std::as_writable_bytes(std::span(&frame, 1))))
    return std::nullopt;
  return frame;
}

SwitchFrame x86(const Reading& reading) {
  const auto frame = read_frame<formats::KSwitchFrameX86>(reading);
  if (!frame) return none("no switch frame can be read at KernelStack");
  for (std::uint64_t value : {+frame->RetAddr, +frame->Return})
    if (!reading.returns_into_kernel(value))
      return none(reading.place(value) + " in the switch frame does not follow a call of ntoskrnl");
  // 0 ends the chain of a thread that has not run yet.
  if (frame->Ebp != 0 &&
      (!reading.in_stack(frame->Ebp) || frame->Ebp < reading.question.kernel_stack))
    return none("ebp of the switch frame lies outside of the stack");
  arch::Registers r;
  r.set(3, frame->Ebx);
  r.set(4, reading.question.kernel_stack + sizeof(*frame));
  r.set(5, frame->Ebp);
  r.set(6, frame->Esi);
  r.set(7, frame->Edi);
  r.set(8, frame->Return);
  return found(std::move(r));
}

SwitchFrame x64(const Reading& reading) {
  const auto frame = read_frame<formats::KSwitchFrameX64>(reading);
  if (!frame) return none("no switch frame can be read at KernelStack");
  arch::Registers r;
  if (reading.returns_into_kernel(frame->Return)) {
    r.set(4, reading.question.kernel_stack + sizeof(*frame));
    r.set(5, frame->Rbp);
    r.set(16, frame->Return);
    return found(std::move(r));
  }
  if (reading.question.build >= kVista)
    return none(reading.place(frame->Return) +
                " in the switch frame does not follow a call of ntoskrnl");
  std::uint64_t at = 0;
  for (std::uint64_t offset = 0x20; offset <= 0x60; offset += 8) {
    const std::uint64_t slot = reading.question.kernel_stack + offset;
    const auto value = reading.memory.u64(slot);
    if (!value || !reading.in_stack(slot) || !reading.returns_into_kernel(*value)) continue;
    if (at != 0) return none("more than one word of the switch frame may be the return address");
    at = slot;
    r.set(16, *value);
  }
  if (at == 0) return none("no word of the switch frame follows a call of ntoskrnl");
  r.set(4, at + 8);
  return found(std::move(r));
}

SwitchFrame arm64(const Reading& reading) {
  const auto frame = read_frame<formats::KSwitchFrameArm64>(reading);
  if (!frame) return none("no switch frame can be read at KernelStack");
  const std::uint64_t pc = reading.arch.strip(frame->Return);
  if (!reading.returns_into_kernel(pc))
    return none(reading.place(pc) + " in the switch frame does not follow a call of ntoskrnl");
  if (!reading.in_stack(frame->Fp) || frame->Fp < reading.question.kernel_stack)
    return none("fp of the switch frame lies outside of the stack");
  arch::Registers r;
  r.set(29, frame->Fp);
  r.set(31, reading.question.kernel_stack + sizeof(*frame));
  r.set(32, pc);
  return found(std::move(r));
}

} // namespace

SwitchFrame read_switch_frame(const memory::AddressSpace& memory, const SwitchQuestion& question) {
  const arch::Arch* arch = arch::find(question.machine);
  if (!arch || !arch->call_before) return none("this CPU's switch frame is not known");
  if (question.kernel_stack == 0 || question.stack.end <= question.stack.start)
    return none("the bounds of the stack are not known");
  const Reading reading{memory, question, *arch};
  switch (question.machine) {
  case arch::Machine::x86: return x86(reading);
  case arch::Machine::x64: return x64(reading);
  case arch::Machine::arm64: return arm64(reading);
  default: return none("this CPU's switch frame is not known");
  }
}

} // namespace dumptriage::system
