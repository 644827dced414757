// Lengths follow the opcode maps of the Intel SDM, volume 2, appendix A.  VEX and EVEX forms are
// not known here: code that uses them around a frame is then not followed, and nothing is
// concluded.
#include "arch/x86_decode.h"

#include <algorithm>

namespace dumptriage::arch::x86 {
namespace {

struct Parts {
  bool two_byte = false;
  std::uint8_t opcode = 0;
  bool has_modrm = false;
  std::uint8_t modrm = 0;
  int mod() const { return modrm >> 6; }
  int reg() const { return modrm >> 3 & 7; }
  int rm() const { return modrm & 7; }
};

enum : std::uint8_t {
  kNone = 0,
  kModrm = 1,
  kImm8 = 2,
  kImmZ = 4,
  kImm16 = 8,
  kBad = 16,
  kMoffs = 32
};

// What follows a one-byte opcode.
int form_one(std::uint8_t op) {
  if (op < 0x40) {
    const int low = op & 7;
    return low < 4 ? kModrm : low == 4 ? kImm8 : low == 5 ? kImmZ : kNone;
  }
  if (op < 0x62) return kNone;
  switch (op) {
  case 0x62:
  case 0x63: return kModrm;
  case 0x68:
  case 0xA9:
  case 0xE8:
  case 0xE9: return kImmZ;
  case 0x69:
  case 0x81:
  case 0xC7: return kModrm | kImmZ;
  case 0x6A:
  case 0xA8:
  case 0xCD:
  case 0xD4:
  case 0xD5:
  case 0xEB: return kImm8;
  case 0x6B:
  case 0x80:
  case 0x82:
  case 0x83:
  case 0xC0:
  case 0xC1:
  case 0xC6: return kModrm | kImm8;
  case 0x9A:
  case 0xEA: return kImmZ | kImm16;
  case 0xC2:
  case 0xCA: return kImm16;
  case 0xC4:
  case 0xC5: return kModrm;
  case 0xC8: return kImm16 | kImm8;
  case 0xD6:
  case 0xF1: return kBad;
  default: break;
  }
  if (op >= 0x70 && op < 0x80) return kImm8;
  if (op >= 0x84 && op < 0x90) return kModrm;
  if (op >= 0xA0 && op < 0xA4) return kMoffs;
  if (op >= 0xB0 && op < 0xB8) return kImm8;
  if (op >= 0xB8 && op < 0xC0) return kImmZ;
  if (op >= 0xD0 && op < 0xD4) return kModrm;
  if (op >= 0xD8 && op < 0xE0) return kModrm;
  if (op >= 0xE0 && op < 0xE8) return kImm8;
  if (op >= 0xFE || op == 0xF6 || op == 0xF7) return kModrm;
  return kNone;
}

int form_two(std::uint8_t op) {
  if (op >= 0x80 && op < 0x90) return kImmZ;
  if (op >= 0xC8 && op < 0xD0) return kNone;
  if (op >= 0x30 && op < 0x38) return kNone;
  switch (op) {
  case 0x05:
  case 0x06:
  case 0x07:
  case 0x08:
  case 0x09:
  case 0x0B:
  case 0x77:
  case 0xA0:
  case 0xA1:
  case 0xA2:
  case 0xA8:
  case 0xA9:
  case 0xAA: return kNone;
  case 0x70:
  case 0x71:
  case 0x72:
  case 0x73:
  case 0xA4:
  case 0xAC:
  case 0xBA:
  case 0xC2:
  case 0xC4:
  case 0xC5:
  case 0xC6: return kModrm | kImm8;
  case 0x04:
  case 0x0A:
  case 0x0C:
  case 0x0E:
  case 0x0F:
  case 0x24:
  case 0x25:
  case 0x26:
  case 0x27:
  case 0x39:
  case 0x3B:
  case 0x3C:
  case 0x3D:
  case 0x3E:
  case 0x3F: return kBad;
  default: return kModrm;
  }
}

bool is_prefix(std::uint8_t byte) {
  return byte == 0x26 || byte == 0x2E || byte == 0x36 || byte == 0x3E ||
         (byte >= 0x64 && byte <= 0x67) || byte == 0xF0 || byte == 0xF2 || byte == 0xF3;
}

// Bytes of SIB and displacement behind a ModRM byte, for 32-bit addressing; -1: not complete.
int address_bytes(std::span<const std::uint8_t> code, std::size_t at, const Parts& p) {
  if (p.mod() == 3) return 0;
  int bytes = p.mod() == 1 ? 1 : p.mod() == 2 ? 4 : 0;
  if (p.rm() == 4) {
    if (at >= code.size()) return -1;
    ++bytes;
    if (p.mod() == 0 && (code[at] & 7) == 5) bytes += 4;
  } else if (p.mod() == 0 && p.rm() == 5) {
    bytes += 4;
  }
  return bytes;
}

// ModRM forms whose reg field names a 32-bit register that is written.
bool writes_reg(const Parts& p) {
  const std::uint8_t op = p.opcode;
  if (p.two_byte)
    return op == 0x02 || op == 0x03 || op == 0x2C || op == 0x2D || (op >= 0x40 && op < 0x51) ||
           op == 0xAF || (op >= 0xB0 && op < 0xC2) || op == 0xC5 || op == 0xD7 || op == 0x38;
  if (op < 0x40) return (op & 7) == 3 && op != 0x3B;
  return op == 0x62 || op == 0x63 || op == 0x69 || op == 0x6B || op == 0x87 || op == 0x8B ||
         op == 0x8D || op == 0xC4 || op == 0xC5;
}

// ModRM forms with a register operand in rm that leave it as it is.
bool only_reads_rm(const Parts& p) {
  const std::uint8_t op = p.opcode;
  if (p.two_byte) {
    if (op >= 0xB6 && op < 0xC0) return op != 0xBA && op != 0xBB;
    return op < 0x7E || (op >= 0x90 && op < 0xA0) || op == 0xA3 || op == 0xAF ||
           (op >= 0xC2 && op != 0xC7);
  }
  if (op < 0x40) return (op & 7) >= 2 || (op & 0x38) == 0x38;
  switch (op) {
  case 0x69:
  case 0x6B:
  case 0x84:
  case 0x85:
  case 0x8A:
  case 0x8B:
  case 0x8E: return true;
  case 0x80:
  case 0x82:
  case 0x83:
  case 0x81: return p.reg() == 7;
  case 0xF6:
  case 0xF7: return p.reg() < 2 || p.reg() > 3;
  case 0xFF: return p.reg() >= 2;
  default: return op >= 0xD8 && op < 0xE0;
  }
}

bool writes_ebp(const Parts& p) {
  if (!p.has_modrm) {
    if (p.two_byte) return p.opcode == 0xCD; // bswap ebp
    switch (p.opcode) {
    case 0x45:
    case 0x4D:
    case 0x5D:
    case 0x61:
    case 0x95:
    case 0xBD:
    case 0xC8:
    case 0xC9: return true;
    default: return false;
    }
  }
  if (p.reg() == 5 && writes_reg(p)) return true;
  return p.mod() == 3 && p.rm() == 5 && !only_reads_rm(p);
}

std::uint32_t little(std::span<const std::uint8_t> code, std::size_t at) {
  return code[at] | code[at + 1] << 8 | code[at + 2] << 16 |
         static_cast<std::uint32_t>(code[at + 3]) << 24;
}

void set_flow(Instruction& out, const Parts& p, std::span<const std::uint8_t> code,
              std::size_t modrm_at, std::uint32_t next) {
  const auto size = static_cast<std::size_t>(out.length);
  const std::uint8_t op = p.opcode;
  const auto near = [&] { return next + little(code, size - 4); };
  const auto shorter = [&] {
    return next +
           static_cast<std::uint32_t>(std::int32_t{static_cast<std::int8_t>(code[size - 1])});
  };
  if (p.two_byte) {
    if (op == 0x0B) out.flow = Flow::end;
    if (op >= 0x80 && op < 0x90) out.flow = Flow::branch, out.target = near();
    return;
  }
  if ((op >= 0x70 && op < 0x80) || (op >= 0xE0 && op < 0xE4))
    out.flow = Flow::branch, out.target = shorter();
  switch (op) {
  case 0xC2:
  case 0xC3:
  case 0xCA:
  case 0xCB:
  case 0xCC:
  case 0xCF:
  case 0xEA:
  case 0xF4: out.flow = Flow::end; break;
  case 0xE8: out.flow = Flow::call, out.target = near(), out.direct_call = true; break;
  case 0x9A: out.flow = Flow::call; break;
  case 0xE9: out.flow = Flow::jump, out.target = near(); break;
  case 0xEB: out.flow = Flow::jump, out.target = shorter(); break;
  case 0xFF:
    if (p.reg() == 2 || p.reg() == 3) out.flow = Flow::call;
    if (p.reg() != 4 && p.reg() != 5) break;
    out.flow = Flow::end;
    if (p.reg() == 4 && p.modrm == 0x24 && (code[modrm_at + 1] & 0xC7) == 0x85)
      out.flow = Flow::table, out.target = little(code, modrm_at + 2);
    break;
  default: break;
  }
}

} // namespace

std::optional<Instruction> decode(std::span<const std::uint8_t> code, std::uint32_t address) {
  code = code.first(std::min<std::size_t>(code.size(), 15));
  std::size_t at = 0;
  bool operand16 = false, address16 = false;
  for (; at < code.size() && is_prefix(code[at]); ++at) {
    operand16 |= code[at] == 0x66;
    address16 |= code[at] == 0x67;
  }
  if (at >= code.size() || address16) return std::nullopt;
  Parts p;
  p.opcode = code[at++];
  int form = 0;
  if (p.opcode == 0x0F) {
    if (at >= code.size()) return std::nullopt;
    p.two_byte = true;
    p.opcode = code[at++];
    form = form_two(p.opcode);
    if (p.opcode == 0x38 || p.opcode == 0x3A) {
      if (at >= code.size()) return std::nullopt;
      ++at;
      form = p.opcode == 0x3A ? kModrm | kImm8 : kModrm;
    }
  } else {
    form = form_one(p.opcode);
  }
  if (form & kBad) return std::nullopt;
  const std::size_t modrm_at = at;
  if (form & kModrm) {
    if (at >= code.size()) return std::nullopt;
    p.has_modrm = true;
    p.modrm = code[at++];
    // C4, C5 and 62 with a register operand are VEX and EVEX prefixes.
    if (!p.two_byte && p.mod() == 3 && (p.opcode == 0xC4 || p.opcode == 0xC5 || p.opcode == 0x62))
      return std::nullopt;
    const int more = address_bytes(code, at, p);
    if (more < 0) return std::nullopt;
    at += more;
    if (!p.two_byte && p.reg() < 2 && p.opcode == 0xF6) form |= kImm8;
    if (!p.two_byte && p.reg() < 2 && p.opcode == 0xF7) form |= kImmZ;
  }
  if (form & kImm8) at += 1;
  if (form & kImm16) at += 2;
  if (form & kImmZ) at += operand16 ? 2 : 4;
  if (form & kMoffs) at += 4;
  if (at > code.size()) return std::nullopt;
  Instruction out;
  out.length = static_cast<int>(at);
  out.writes_ebp = writes_ebp(p);
  // A 16-bit jump cuts eip to 16 bits: nothing that compilers write.
  if (operand16 && (form & kImmZ) && (p.opcode == 0xE8 || p.opcode == 0xE9)) return std::nullopt;
  set_flow(out, p, code.first(at), modrm_at, address + static_cast<std::uint32_t>(at));
  return out;
}

} // namespace dumptriage::arch::x86
