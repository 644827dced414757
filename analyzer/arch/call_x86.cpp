// Is there a call that ends just before an address?  x86 and x64.
//
// x86 code cannot be decoded backwards, so each form of call is tried at the distance that its own
// length demands: E8 rel32 (5 bytes), FF /2 and FF /3 with every ModRM form (2 to 7 bytes), and in
// 32-bit code 9A ptr16:32 (7 bytes).  Prefixes (REX, segment, bnd) stand in front and change
// nothing. "Yes" means that such bytes are there; "no" is certain. Source: Intel SDM volume 2, CALL
// and table 2-2 (ModRM).
#include <algorithm>
#include <array>

#include "arch/tables.h"

namespace dumptriage::arch {
namespace {

constexpr int kLongest = 7;

bool ends_with_call(std::span<const std::uint8_t> code, bool is64) {
  const std::size_t n = code.size();
  if (n >= 5 && code[n - 5] == 0xE8) return true;
  if (!is64 && n >= 7 && code[n - 7] == 0x9A) return true;
  for (std::size_t length = 2; length <= 7 && length <= n; ++length)
    if (indirect_call_length(code.last(length)) == static_cast<int>(length)) return true;
  return false;
}

std::optional<bool> call_before(const memory::AddressSpace& memory, std::uint64_t address,
                                bool is64) {
  if (address < 2) return false;
  const int most = static_cast<int>(std::min<std::uint64_t>(address, kLongest));
  std::array<std::uint8_t, kLongest> buffer{};
  for (int count = most; count > 0; --count) {
    const std::span<std::uint8_t> code(buffer.data(), count);
    if (!memory.copy(address - count, std::as_writable_bytes(code))) continue;
    if (ends_with_call(code, is64)) return true;
    if (count == most) return false;
    return std::nullopt;
  }
  return std::nullopt;
}

} // namespace

int indirect_call_length(std::span<const std::uint8_t> code) {
  if (code.size() < 2 || code[0] != 0xFF) return 0;
  const int mod = code[1] >> 6, reg = code[1] >> 3 & 7, rm = code[1] & 7;
  if (reg != 2 && reg != 3) return 0;
  if (mod == 3) return reg == 2 ? 2 : 0; // a far call needs memory
  int length = 2;
  bool base_is_disp32 = mod == 0 && rm == 5; // x64: rip-relative
  if (rm == 4) {
    if (code.size() < 3) return 0;
    ++length;
    base_is_disp32 = mod == 0 && (code[2] & 7) == 5;
  }
  if (mod == 1) length += 1;
  if (mod == 2 || base_is_disp32) length += 4;
  return length;
}

std::optional<bool> call_before_x86(const memory::AddressSpace& memory, std::uint64_t address) {
  return call_before(memory, address, false);
}
std::optional<bool> call_before_x64(const memory::AddressSpace& memory, std::uint64_t address) {
  return call_before(memory, address, true);
}

} // namespace dumptriage::arch
