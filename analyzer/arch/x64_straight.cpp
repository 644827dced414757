// Where no function table is at hand: from an exact pc, straight to `ret`.
//
// When every instruction from pc to a `ret` is known to leave rsp as it is, the return address is
// what rsp points at, whatever function this is; and the other registers are the caller's.  Only
// plain moves, arithmetic on other registers and on memory, and what an idle loop does are known
// here; anything else, any branch too, ends the attempt.  Encodings: Intel SDM volume 2, chapter 2
// and appendix A.
#include "arch/x64_frame.h"

namespace dumptriage::arch::x64 {
namespace {

constexpr int kMostInstructions = 24;

// Registers that a function may change as it likes; the others must stay what the caller has.
bool is_volatile(int reg) { return reg < 3 || (reg >= 8 && reg < 12); }

struct Form {
  bool known = false, modrm = false;
  bool to_register = false, to_rm = false; // which operand is written
  int immediate = 0;
};

// The opcodes by what matters here.  `digit`: bits 5:3 of ModRM.
Form form_of(std::uint8_t op, int digit) {
  switch (op) {
  case 0x90:
  case 0xF4:
  case 0xFA:
  case 0xFB:
  case 0xFC: // nop, hlt, cli, sti, cld
    return {.known = true};
  case 0x03:
  case 0x0B:
  case 0x23:
  case 0x2B:
  case 0x33:
  case 0x8B:
  case 0x8D:
  case 0x63: return {.known = true, .modrm = true, .to_register = true};
  case 0x39:
  case 0x3B:
  case 0x84:
  case 0x85: // cmp, test
    return {.known = true, .modrm = true};
  case 0x01:
  case 0x09:
  case 0x21:
  case 0x29:
  case 0x31:
  case 0x88:
  case 0x89: return {.known = true, .modrm = true, .to_rm = true};
  case 0x83:
  case 0xC1: return {.known = true, .modrm = true, .to_rm = true, .immediate = 1};
  case 0x81: return {.known = true, .modrm = true, .to_rm = true, .immediate = 4};
  case 0xC7: return {.known = digit == 0, .modrm = true, .to_rm = true, .immediate = 4};
  case 0xFF: return {.known = digit < 2, .modrm = true, .to_rm = true}; // inc, dec
  default: return {};
  }
}

// Length of the ModRM byte at code[at] with what belongs to it; 0 when it does not fit.
std::size_t address_length(std::span<const std::uint8_t> code, std::size_t at) {
  if (at >= code.size()) return 0;
  const int mod = code[at] >> 6, rm = code[at] & 7;
  if (mod == 3) return 1;
  std::size_t length = 1;
  bool wide = mod == 2 || (mod == 0 && rm == 5);
  if (rm == 4) {
    if (at + 1 >= code.size()) return 0;
    ++length;
    wide |= mod == 0 && (code[at + 1] & 7) == 5;
  }
  return length + (mod == 1 ? 1 : wide ? 4 : 0);
}

// Length of one instruction that leaves rsp alone; 0 for any other.
std::size_t harmless(std::span<const std::uint8_t> code) {
  std::size_t at = 0;
  if (!code.empty() && (code[0] == 0x65 || code[0] == 0x64)) ++at; // gs:, fs:
  std::uint8_t rex = 0;
  if (at < code.size() && (code[at] & 0xF0) == 0x40) rex = code[at++];
  if (at + 1 >= code.size()) return 0;
  const std::uint8_t op = code[at++], modrm = code[at];
  const Form form = form_of(op, modrm >> 3 & 7);
  if (!form.known) return 0;
  if (!form.modrm) return at;
  const int reg = (modrm >> 3 & 7) | (rex & 4 ? 8 : 0), rm = (modrm & 7) | (rex & 1 ? 8 : 0);
  if (form.to_register && !is_volatile(reg)) return 0;
  if (form.to_rm && modrm >> 6 == 3 && !is_volatile(rm)) return 0;
  const std::size_t length = address_length(code, at);
  return length == 0 ? 0 : at + length + static_cast<std::size_t>(form.immediate);
}

} // namespace

bool runs_straight_to_ret(Frame& frame, std::uint64_t pc) {
  std::array<std::uint8_t, 160> buffer{};
  const auto code = frame.reader.some(pc, buffer);
  std::size_t at = 0;
  for (int i = 0; i < kMostInstructions && at < code.size(); ++i) {
    if (code[at] == 0xC3 || code[at] == 0xC2) return true;
    const std::size_t length = harmless(code.subspan(at));
    if (length == 0) return false;
    at += length;
  }
  return false;
}

} // namespace dumptriage::arch::x64
