// KTRAP_FRAME of ARM64 as registers.  A frame is believed only when the processor state says the
// same about where it came from as the addresses beside it.
#include "arch/arm64_frame.h"

namespace dumptriage::arch::arm64 {

void take(const formats::KTrapFrameArm64& frame, Registers& registers) {
  for (int i = 0; i < 19; ++i) registers.set(i, frame.X[i]);
  registers.set(kCpsr, frame.Spsr);
  registers.set(kFp, frame.Fp);
  registers.set(kLr, frame.Lr);
  registers.set(kSp, frame.Sp);
  registers.set(kPc, frame.Pc);
}

// x19 ... x28 are kept elsewhere: they stay unknown.
std::optional<Registers> trap_frame(const memory::AddressSpace& memory, std::uint64_t address) {
  formats::KTrapFrameArm64 frame;
  if (address % 16 != 0 || !memory.copy(address, std::as_writable_bytes(std::span(&frame, 1))))
    return std::nullopt;
  // Arm ARM, C5.2 "SPSR_EL1": M[4] is clear for 64-bit code, M[3:0] is 0 for EL0, and for EL1
  // 4 or 5, by which of the two stack pointers is used.
  const unsigned mode = frame.Spsr & 0x1F;
  const bool user = mode == 0, kernel = mode == 4 || mode == 5;
  const auto half_is = [](std::uint64_t at, bool high) { return at >> 48 == (high ? 0xFFFF : 0); };
  if ((!user && !kernel) || frame.Pc == 0 || frame.Pc % 4 != 0 || frame.Sp % 16 != 0)
    return std::nullopt;
  if (!half_is(frame.Pc, kernel) || !half_is(frame.Sp, kernel)) return std::nullopt;
  Registers registers;
  take(frame, registers);
  return registers;
}

} // namespace dumptriage::arch::arm64
