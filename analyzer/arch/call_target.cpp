// Does the call before a return address go where pc is?  x86 and x64.
//
// Asked when pc lies outside all code: the CPU has fetched nothing there, so every register is
// still as the call found it (the stack pointer is lower by the return address), and the operand of
// the call can be worked out again.  Bytes of image files do not count as operands: an import slot
// in a file is not what the loader wrote there.
#include <algorithm>
#include <array>

#include "arch/tables.h"

namespace dumptriage::arch {
namespace {

struct Question {
  const memory::AddressSpace& memory;
  const Registers& registers;
  std::uint64_t return_address;
  std::uint64_t pc;
  bool is64;
  std::uint64_t cut(std::uint64_t value) const { return is64 ? value : value & 0xFFFFFFFF; }
};

std::optional<std::uint64_t> register_before_call(const Question& q, int index) {
  auto value = q.registers.get(index);
  if (value && index == 4) return q.cut(*value + (q.is64 ? 8 : 4)); // rsp, esp
  return value;
}

std::uint64_t disp(std::span<const std::uint8_t> code, std::size_t at, int bytes) {
  if (bytes == 0) return 0;
  if (bytes == 1)
    return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int8_t>(code[at])});
  std::uint32_t value = 0;
  for (int i = 4; i-- > 0;) value = value << 8 | code[at + i];
  return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(value)});
}

// The address of the memory operand of FF /2 at code[0] (opcode, ModRM, ...).
std::optional<std::uint64_t> operand_address(const Question& q, std::span<const std::uint8_t> code,
                                             int rex) {
  const int mod = code[1] >> 6, rm = code[1] & 7;
  const int disp_bytes = mod == 1 ? 1 : mod == 2 ? 4 : 0;
  if (rm == 4) {
    const int scale = code[2] >> 6, index = (code[2] >> 3 & 7) | (rex & 2) << 2, base = code[2] & 7;
    const bool no_base = mod == 0 && base == 5;
    std::uint64_t address = disp(code, 3, no_base ? 4 : disp_bytes);
    if (!no_base) {
      auto value = register_before_call(q, base | (rex & 1) << 3);
      if (!value) return std::nullopt;
      address += *value;
    }
    if (index != 4) {
      auto value = register_before_call(q, index);
      if (!value) return std::nullopt;
      address += *value << scale;
    }
    return q.cut(address);
  }
  if (mod == 0 && rm == 5) return q.cut(disp(code, 2, 4) + (q.is64 ? q.return_address : 0));
  auto value = register_before_call(q, rm | (rex & 1) << 3);
  if (!value) return std::nullopt;
  return q.cut(*value + disp(code, 2, disp_bytes));
}

std::optional<bool> indirect_reaches(const Question& q, std::span<const std::uint8_t> code,
                                     int rex) {
  if ((code[1] >> 3 & 7) != 2) return std::nullopt;
  if (code[1] >> 6 == 3) {
    auto value = register_before_call(q, (code[1] & 7) | (rex & 1) << 3);
    if (!value) return std::nullopt;
    return *value == q.pc;
  }
  const auto address = operand_address(q, code, rex);
  if (!address) return std::nullopt;
  le64 slot{};
  const auto bytes = std::as_writable_bytes(std::span(&slot, 1)).first(q.is64 ? 8 : 4);
  const auto outcome = q.memory.read(*address, bytes);
  if (!outcome.complete(bytes.size()) || outcome.origin != memory::Origin::dump)
    return std::nullopt;
  return q.cut(slot) == q.pc;
}

std::optional<bool> reaches(const Question& q) {
  constexpr std::size_t most = 8; // a REX prefix and 7 bytes
  if (q.return_address < most) return std::nullopt;
  std::array<std::uint8_t, most> code{};
  if (!q.memory.copy(q.return_address - most, std::as_writable_bytes(std::span(code))))
    return std::nullopt;
  bool unknown = false;
  auto weigh = [&](std::optional<bool> answer) {
    if (!answer) unknown = true;
    return answer == true;
  };
  if (code[3] == 0xE8 && weigh(q.cut(q.return_address + disp(code, 4, 4)) == q.pc)) return true;
  for (std::size_t length = 2; length < most; ++length) {
    const auto tail = std::span<const std::uint8_t>(code).last(length);
    if (indirect_call_length(tail) != static_cast<int>(length)) continue;
    if (weigh(indirect_reaches(q, tail, 0))) return true;
    const std::uint8_t before = code[most - length - 1];
    if (q.is64 && (before & 0xF0) == 0x40 && weigh(indirect_reaches(q, tail, before & 15)))
      return true;
  }
  if (unknown) return std::nullopt;
  return false;
}

} // namespace

std::optional<bool> call_reaches_x86(const memory::AddressSpace& memory, std::uint64_t address,
                                     const Registers& callee) {
  const auto pc = callee.get(8);
  if (!pc) return std::nullopt;
  return reaches({memory, callee, address, *pc, false});
}
std::optional<bool> call_reaches_x64(const memory::AddressSpace& memory, std::uint64_t address,
                                     const Registers& callee) {
  const auto pc = callee.get(16);
  if (!pc) return std::nullopt;
  return reaches({memory, callee, address, *pc, true});
}

} // namespace dumptriage::arch
