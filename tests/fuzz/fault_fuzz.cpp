// Any bytes as an instruction, with any registers: decoding and address arithmetic must never fail
// hard. Input: 1 byte machine, 16 x 8 bytes registers, then code.
#include <cstring>

#include "evidence/disassemble.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dumptriage;
  constexpr std::size_t kHead = 1 + 16 * 8;
  if (size < kHead) return 0;
  arch::Registers registers;
  for (int i = 0; i < 16; ++i) {
    std::uint64_t value = 0;
    std::memcpy(&value, data + 1 + 8 * i, 8);
    // A register in sixteen is not known.
    if ((value & 15) != 15) registers.set(i, value);
  }
  constexpr arch::Machine kMachines[] = {
      arch::Machine::x86,   arch::Machine::x64,     arch::Machine::x86,  arch::Machine::x64,
      arch::Machine::alpha, arch::Machine::alpha64, arch::Machine::ia64, arch::Machine::ia64};
  const arch::Machine machine = kMachines[(data[0] & 1) | (data[0] >> 1 & 6)];
  const std::uint64_t pc = (data[0] & 2) != 0 ? UINT64_MAX - 7 : 0x401000;
  auto instruction = evidence::disassemble(
      machine, std::as_bytes(std::span(data + kHead, size - kHead)), pc, registers);
  if (instruction &&
      (instruction->length == 0 || instruction->length > 16 || instruction->text.empty()))
    __builtin_trap();
  return 0;
}
