// Alpha instructions as one line of text, with what they do to memory, and the call in front of a
// return address.
//
// Registers carry the names of the calling standard, as NT's debuggers write them; floating ones
// are f0 to f31.  Source: "Alpha Architecture Handbook", version 4, appendix C (opcodes, function
// codes).
#include "arch/alpha_decode.h"

#include <algorithm>
#include <fmt/format.h>

#include "arch/alpha_names.h"
#include "arch/reading.h"

namespace dumptriage::arch {
namespace {

using K = AlphaKind;

std::string memory_operand(AlphaWord word) {
  const std::int64_t d = word.displacement();
  const char* sign = d < 0 ? "-" : "";
  const std::int64_t size = d < 0 ? -d : d;
  return size < 10 ? fmt::format("{}{}({})", sign, size, alpha_name(word.rb()))
                   : fmt::format("{}{:#x}({})", sign, size, alpha_name(word.rb()));
}

std::string second_operand(AlphaWord word) {
  return word.has_literal() ? fmt::format("{:#x}", word.literal())
                            : std::string(alpha_name(word.rb()));
}

// The forms that assemblers know under names of their own.
std::optional<std::string> operate_alias(AlphaWord word) {
  const bool first_zero = word.ra() == kAlphaZero;
  const bool second_zero = !word.has_literal() && word.rb() == kAlphaZero;
  const auto result = alpha_name(word.rc());
  const auto two = [&](std::string_view name) {
    return fmt::format("{} {}, {}", name, second_operand(word), result);
  };
  switch (word.op() << 8 | word.function()) {
  case 0x1120:
    if (word.rc() == kAlphaZero && first_zero && second_zero) return "nop";
    if (first_zero && second_zero) return fmt::format("clr {}", result);
    if (first_zero) return two("mov");
    if (!word.has_literal() && (second_zero || word.ra() == word.rb()))
      return fmt::format("mov {}, {}", alpha_name(word.ra()), result);
    return std::nullopt;
  case 0x1128: return first_zero ? std::optional(two("not")) : std::nullopt;
  case 0x1000: return first_zero ? std::optional(two("sextl")) : std::nullopt;
  case 0x1009: return first_zero ? std::optional(two("negl")) : std::nullopt;
  case 0x1029: return first_zero ? std::optional(two("negq")) : std::nullopt;
  default: return std::nullopt;
  }
}

std::optional<std::string> operate_text(AlphaWord word) {
  if (word.op() == 0x1C && (word.function() == 0x70 || word.function() == 0x78)) {
    if (word.rb() != kAlphaZero || word.has_literal()) return std::nullopt;
    return fmt::format("{} f{}, {}", word.function() == 0x70 ? "ftoit" : "ftois", word.ra(),
                       alpha_name(word.rc()));
  }
  const auto name = alpha_operate_name(word.op(), word.function());
  if (name.empty()) return std::nullopt;
  if (auto alias = operate_alias(word)) return alias;
  const bool one_source = word.op() == 0x1C && word.function() != 0x31 && word.function() < 0x38;
  const bool amask = word.op() == 0x11 && word.function() == 0x61;
  const bool implver = word.op() == 0x11 && word.function() == 0x6C;
  if ((one_source || amask || implver) && word.ra() != kAlphaZero) return std::nullopt;
  if (one_source || amask)
    return fmt::format("{} {}, {}", name, second_operand(word), alpha_name(word.rc()));
  if (implver) return fmt::format("{} {}", name, alpha_name(word.rc()));
  return fmt::format("{} {}, {}, {}", name, alpha_name(word.ra()), second_operand(word),
                     alpha_name(word.rc()));
}

std::optional<std::string> float_text(AlphaWord word) {
  const unsigned function = word.float_function();
  const std::string name = alpha_float_name(word.op(), function);
  if (name.empty()) return std::nullopt;
  if (word.op() == 0x17 && (function == 0x24 || function == 0x25))
    return fmt::format("{} f{}", name, word.ra());
  // itofs, itoff, itoft: from an integer register
  if (word.op() == 0x14 && (function == 0x04 || function == 0x14 || function == 0x24))
    return fmt::format("{} {}, f{}", name, alpha_name(word.ra()), word.rc());
  if (word.op() == 0x17 && function == 0x20 && word.ra() == word.rb()) {
    if (word.ra() == 31 && word.rc() == 31) return "fnop";
    if (word.ra() == 31) return fmt::format("fclr f{}", word.rc());
    return fmt::format("fmov f{}, f{}", word.ra(), word.rc());
  }
  const bool one_source = alpha_float_has_one_source(word.op(), function);
  if (one_source && word.ra() != 31) return std::nullopt;
  if (one_source) return fmt::format("{} f{}, f{}", name, word.rb(), word.rc());
  return fmt::format("{} f{}, f{}, f{}", name, word.ra(), word.rb(), word.rc());
}

std::optional<std::string> miscellaneous_text(AlphaWord word) {
  switch (word.word & 0xFFFF) {
  case 0x0000: return "trapb";
  case 0x0400: return "excb";
  case 0x4000: return "mb";
  case 0x4400: return "wmb";
  case 0x8000: return fmt::format("fetch 0({})", alpha_name(word.rb()));
  case 0xA000: return fmt::format("fetch_m 0({})", alpha_name(word.rb()));
  case 0xC000: return fmt::format("rpcc {}", alpha_name(word.ra()));
  case 0xE000: return fmt::format("rc {}", alpha_name(word.ra()));
  case 0xE800: return fmt::format("ecb ({})", alpha_name(word.rb()));
  case 0xF000: return fmt::format("rs {}", alpha_name(word.ra()));
  case 0xF800: return fmt::format("wh64 ({})", alpha_name(word.rb()));
  case 0xFC00: return fmt::format("wh64en ({})", alpha_name(word.rb()));
  default: return std::nullopt;
  }
}

std::string jump_text(AlphaWord word) {
  static constexpr std::string_view kNames[] = {"jmp", "jsr", "ret", "jsr_coroutine"};
  const unsigned which = word.word >> 14 & 3;
  if (which == 2 && word.ra() == kAlphaZero) return fmt::format("ret ({})", alpha_name(word.rb()));
  return fmt::format("{} {}, ({})", kNames[which], alpha_name(word.ra()), alpha_name(word.rb()));
}

std::string branch_text(AlphaWord word, std::uint64_t target) {
  static constexpr std::string_view kNames[] = {"br",   "fbeq", "fblt", "fble", "bsr", "fbne",
                                                "fbge", "fbgt", "blbc", "beq",  "blt", "ble",
                                                "blbs", "bne",  "bge",  "bgt"};
  const unsigned which = word.op() - 0x30;
  const bool floating = which < 8 && which != 0 && which != 4;
  if (which == 0 && word.ra() == kAlphaZero) return fmt::format("br {:#x}", target);
  if (floating) return fmt::format("{} f{}, {:#x}", kNames[which], word.ra(), target);
  return fmt::format("{} {}, {:#x}", kNames[which], alpha_name(word.ra()), target);
}

std::string access_text(AlphaWord word) {
  static constexpr std::string_view kLow[] = {"lda",  "ldah", "ldbu", "ldq_u",
                                              "ldwu", "stw",  "stb",  "stq_u"};
  static constexpr std::string_view kHigh[] = {"ldf", "ldg", "lds",   "ldt",  "stf",   "stg",
                                               "sts", "stt", "ldl",   "ldq",  "ldl_l", "ldq_l",
                                               "stl", "stq", "stl_c", "stq_c"};
  if (word.op() == 0x0B && word.ra() == kAlphaZero && word.rb() == kAlphaSp &&
      word.displacement() == 0)
    return "unop";
  const auto name = word.op() < 0x20 ? kLow[word.op() - 8] : kHigh[word.op() - 0x20];
  const bool floating = word.op() >= 0x20 && word.op() < 0x28;
  return floating ? fmt::format("{} f{}, {}", name, word.ra(), memory_operand(word))
                  : fmt::format("{} {}, {}", name, alpha_name(word.ra()), memory_operand(word));
}

std::optional<std::string> text_of(AlphaWord word, std::uint64_t target) {
  switch (word.kind()) {
  case K::pal: {
    const auto name = alpha_pal_name(word.word & 0x3FFFFFF);
    return name.empty() ? fmt::format("call_pal {:#x}", word.word & 0x3FFFFFF)
                        : fmt::format("call_pal {}", name);
  }
  case K::operate: return operate_text(word);
  case K::float_operate: return float_text(word);
  case K::nothing:
  case K::counter: return miscellaneous_text(word);
  case K::branch: return branch_text(word, target);
  case K::jump:
  case K::call:
  case K::ret: return word.is_register_jump() ? jump_text(word) : branch_text(word, target);
  case K::unknown: return std::nullopt;
  default: return access_text(word);
  }
}

std::optional<CodeLine::Access> access_of(AlphaWord word) {
  CodeLine::Access access;
  access.base = word.rb();
  access.displacement = word.displacement();
  access.size = word.access_size();
  if (word.op() == 0x0B || word.op() == 0x0F) access.align = 8; // ldq_u, stq_u
  switch (word.kind()) {
  case K::load:
  case K::load_float:
    access.read = true;
    // To the zero register: a prefetch, or nothing at all, which cannot fault.
    if (word.ra() == 31) return std::nullopt;
    break;
  case K::store:
  case K::store_float:
  case K::store_conditional: access.write = true; break;
  default: return std::nullopt;
  }
  return access;
}

} // namespace

unsigned AlphaWord::access_size() const {
  switch (op()) {
  case 0x0A:
  case 0x0E: return 1;
  case 0x0C:
  case 0x0D: return 2;
  case 0x20: // ldf, lds, stf, sts, ldl, ldl_l, stl, stl_c
  case 0x22:
  case 0x24:
  case 0x26:
  case 0x28:
  case 0x2A:
  case 0x2C:
  case 0x2E: return 4;
  default: return 8;
  }
}

std::optional<bool> call_before_alpha(const memory::AddressSpace& memory, std::uint64_t address) {
  if (address % 4 != 0 || address < 4) return false;
  const auto word = memory.u32(address - 4);
  if (!word) return std::nullopt;
  return AlphaWord{*word}.kind() == K::call;
}

std::optional<CodeLine> code_line_alpha(std::span<const std::byte> code, std::uint64_t pc) {
  if (code.size() < 4) return std::nullopt;
  AlphaWord word;
  for (unsigned i = 0; i < 4; ++i) word.word |= std::to_integer<std::uint32_t>(code[i]) << (8 * i);
  const bool direct = word.op() >= 0x30;
  auto text = text_of(word, word.target(pc));
  if (!text) return std::nullopt;
  CodeLine result;
  result.text = std::move(*text);
  result.length = 4;
  result.access = access_of(word);
  const K kind = word.kind();
  result.jump = kind == K::branch || kind == K::jump;
  result.call = kind == K::call;
  result.ret = kind == K::ret;
  if (direct) result.target = word.target(pc);
  return result;
}

} // namespace dumptriage::arch
