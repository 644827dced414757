// One line for one instruction of Itanium, as assemblers write it, with its place in the bundle.
//
// Every instruction that touches memory or may trap by its kind has its own form, and so have
// branches and moves of branch and application registers; the others keep their number: "I-unit
// instruction 0x...".
// Source: Intel Itanium Architecture Software Developer's Manual, volume 3, chapter 4.
#include <fmt/format.h>

#include "arch/ia64.h"
#include "arch/ia64_bundle.h"

namespace dumptriage::arch {

namespace {

std::int64_t sign_extend(std::uint64_t value, int width) {
  const int shift = 64 - width;
  return static_cast<std::int64_t>(value << shift) >> shift;
}

std::string application_register(unsigned number) {
  struct Row {
    unsigned number;
    const char* name;
  };
  constexpr Row kNamed[] = {{16, "rsc"},  {17, "bsp"},   {18, "bspstore"}, {19, "rnat"},
                            {21, "fcr"},  {24, "eflag"}, {25, "csd"},      {26, "ssd"},
                            {27, "cflg"}, {28, "fsr"},   {29, "fir"},      {30, "fdr"},
                            {32, "ccv"},  {36, "unat"},  {40, "fpsr"},     {44, "itc"},
                            {45, "ruc"},  {64, "pfs"},   {65, "lc"},       {66, "ec"}};
  if (number < 8) return fmt::format("ar.k{}", number);
  for (const Row& row : kNamed)
    if (row.number == number) return std::string("ar.") + row.name;
  return fmt::format("ar{}", number);
}

class Writer {
public:
  Writer(const Ia64Instruction& instruction, CodeLine& line) : in_(instruction), line_(line) {}

  void write() {
    switch (in_.unit) {
    case 'M': return write_m();
    case 'I': return write_i();
    case 'F': return write_f();
    case 'B': return write_b();
    default: return write_x();
    }
  }
  // Some forms have no predicate: those bits of theirs mean something else.
  bool predicated() const { return predicated_; }

private:
  int field(int low) const { return static_cast<int>(in_.bits(low, 7)); }
  // The branch registers: of the target, and of a call's return address.
  std::uint64_t to() const { return in_.bits(13, 3); }
  std::uint64_t from() const { return in_.bits(6, 3); }
  std::uint64_t imm21() const { return in_.bits(6, 20) | in_.bits(36, 1) << 20; }
  std::uint64_t imm62() const { return in_.long_word << 21 | imm21(); }
  // break, nop and hint have one form in all units.
  void write_no_operation(char unit, unsigned extension, std::uint64_t immediate, bool hint) {
    const bool is_hint = extension == 1 && hint;
    if (is_hint && immediate > 0xFF) return; // other instructions of later processors
    const char* name = extension == 0 ? "break" : is_hint ? "hint" : "nop";
    line_.text = fmt::format("{}.{} 0x{:x}", name, unit, immediate);
  }
  std::uint64_t place(std::uint64_t bundles, int width) const {
    return in_.bundle + (static_cast<std::uint64_t>(sign_extend(bundles, width)) << 4);
  }

  void write_m() {
    const auto x3 = in_.bits(33, 3);
    const unsigned opcode = in_.opcode();
    if (opcode >= 4 && opcode <= 7) return write_ia64_memory(in_, line_);
    if (opcode == 0) {
      if (x3 >= 4) return write_check_advanced(static_cast<unsigned>(x3));
      if (x3 == 0) write_m_zero();
    } else if (opcode == 1) {
      if (x3 == 0) write_m_one();
      if (x3 == 1 || x3 == 3) write_check_speculative(x3 == 1 ? ".m r" : " f");
      if (x3 == 6) write_alloc();
    }
  }
  void write_m_zero() {
    const auto x4 = in_.bits(27, 4), x2 = in_.bits(31, 2);
    if (x2 == 0 && x4 == 0) return write_no_operation('m', 0, imm21(), false);
    if (x2 == 0 && x4 == 1) return write_no_operation('m', 1, imm21(), in_.bits(26, 1));
    if (x2 == 2 && x4 == 8) { // M30
      const auto value = sign_extend(in_.bits(13, 7) | in_.bits(36, 1) << 7, 8);
      line_.text = fmt::format("mov.m {}={}", application_register(field(20)), value);
      return;
    }
    struct Row {
      unsigned x2, x4;
      const char* text;
    };
    constexpr Row kPlain[] = {{0, 0xA, "loadrs"}, {0, 0xC, "flushrs"}, {1, 0, "invala"},
                              {2, 0, "fwb"},      {2, 2, "mf"},        {2, 3, "mf.a"},
                              {3, 0, "srlz.d"},   {3, 1, "srlz.i"},    {3, 3, "sync.i"}};
    for (const Row& row : kPlain)
      if (row.x2 == x2 && row.x4 == x4) line_.text = row.text;
    if (x4 == 0xA || x4 == 0xC) predicated_ = false;
  }
  void write_m_one() {
    switch (in_.bits(27, 6)) {
    case 0x22: // M31
      line_.text = fmt::format("mov.m r{}={}", field(6), application_register(field(20)));
      return;
    case 0x2A: // M29
      line_.text = fmt::format("mov.m {}=r{}", application_register(field(20)), field(13));
      return;
    case 0x30: line_.text = fmt::format("fc{} r{}", in_.bits(36, 1) ? ".i" : "", field(20)); return;
    default: return;
    }
  }
  void write_check_advanced(unsigned x3) { // M22, M23
    line_.text = fmt::format("chk.a.{} {}{},0x{:x}", x3 & 1 ? "clr" : "nc", x3 < 6 ? 'r' : 'f',
                             field(6), place(in_.bits(13, 20) | in_.bits(36, 1) << 20, 21));
  }
  void write_check_speculative(const char* form) { // M20, M21, I20
    const auto bundles = in_.bits(6, 7) | in_.bits(20, 13) << 7 | in_.bits(36, 1) << 20;
    line_.text = fmt::format("chk.s{}{},0x{:x}", form, field(13), place(bundles, 21));
  }
  void write_alloc() { // M34
    predicated_ = false;
    line_.text = fmt::format("alloc r{}=ar.pfs,{},{},{}", field(6), field(13), field(20),
                             in_.bits(27, 4) * 8);
  }

  void write_i() {
    if (in_.opcode() != 0) return;
    const auto x3 = in_.bits(33, 3), x6 = in_.bits(27, 6);
    if (x3 == 1) return write_check_speculative(".i r");
    if (x3 == 7) return write_to_branch_register();
    if (x3 == 3) { // I23
      const auto mask = in_.bits(6, 7) << 1 | in_.bits(24, 8) << 8 | in_.bits(36, 1) << 16;
      line_.text = fmt::format("mov pr=r{},0x{:x}", field(13),
                               static_cast<std::uint64_t>(sign_extend(mask, 17)));
      return;
    }
    if (x3 != 0) return;
    switch (x6) {
    case 0: return write_no_operation('i', 0, imm21(), false);
    case 1: return write_no_operation('i', 1, imm21(), in_.bits(26, 1));
    case 0x0A: // I27
      line_.text = fmt::format("mov.i {}={}", application_register(field(20)),
                               sign_extend(in_.bits(13, 7) | in_.bits(36, 1) << 7, 8));
      return;
    case 0x2A: // I26
      line_.text = fmt::format("mov.i {}=r{}", application_register(field(20)), field(13));
      return;
    case 0x30: line_.text = fmt::format("mov r{}=ip", field(6)); return;
    case 0x31: line_.text = fmt::format("mov r{}=b{}", field(6), in_.bits(13, 3)); return; // I22
    case 0x32:                                                                             // I28
      line_.text = fmt::format("mov.i r{}={}", field(6), application_register(field(20)));
      return;
    case 0x33: line_.text = fmt::format("mov r{}=pr", field(6)); return;
    default: return;
    }
  }

  void write_to_branch_register() { // I21
    constexpr const char* kWhether[] = {".sptk", "", ".dptk"};
    const auto whether = in_.bits(20, 2), important = in_.bits(23, 1), back = in_.bits(22, 1);
    if (whether > 2) return;
    line_.text = fmt::format("mov{}{}{} b{}=r{}", back ? ".ret" : "", kWhether[whether],
                             important ? ".imp" : "", in_.bits(6, 3), field(13));
    const auto tag = in_.bits(24, 9); // where the branch through it will stand
    if (back || important || whether != 1) line_.text += fmt::format(",0x{:x}", place(tag, 9));
  }

  void write_f() {
    if (in_.opcode() != 0 || in_.bits(33, 1)) return;
    const auto x6 = in_.bits(27, 6);
    if (x6 <= 1) write_no_operation('f', static_cast<unsigned>(x6), imm21(), in_.bits(26, 1));
  }

  std::string branch_hints() const {
    constexpr const char* kWhether[] = {".sptk", ".spnt", ".dptk", ".dpnt"};
    return fmt::format("{}{}{}", kWhether[in_.bits(33, 2)], in_.bits(12, 1) ? ".many" : ".few",
                       in_.bits(35, 1) ? ".clr" : "");
  }
  // Without predicate, and with the hint that goes with it, a conditional branch is a plain one.
  std::string conditional(const char* name) const {
    const bool always = in_.bits(0, 6) == 0 && in_.bits(33, 2) == 0;
    return always ? std::string(name) + branch_hints().substr(5)
                  : fmt::format("{}.cond{}", name, branch_hints());
  }
  void write_b() {
    switch (in_.opcode()) {
    case 0: return write_b_zero();
    case 1:                         // B5
      if (!in_.bits(32, 1)) return; // a reserved hint
      line_.call = true;
      line_.text = fmt::format("br.call{} b{}=b{}", branch_hints(), from(), to());
      return;
    case 2: {
      const auto x6 = in_.bits(27, 6);
      if (x6 <= 1) write_no_operation('b', 1, imm21(), x6 == 1);
      return;
    }
    case 4: return write_relative();
    case 5: // B3
      line_.call = true;
      line_.target = place(in_.bits(13, 20) | in_.bits(36, 1) << 20, 21);
      line_.text = fmt::format("br.call{} b{}=0x{:x}", branch_hints(), from(), *line_.target);
      return;
    default: return;
    }
  }
  void write_b_zero() {
    const auto x6 = in_.bits(27, 6), kind = in_.bits(6, 3);
    struct Row {
      unsigned x6;
      const char* text;
    };
    constexpr Row kPlain[] = {{0x02, "cover"}, {0x04, "clrrrb"}, {0x05, "clrrrb.pr"},
                              {0x08, "rfi"},   {0x0C, "bsw.0"},  {0x0D, "bsw.1"},
                              {0x10, "epc"},   {0x18, "vmsw.0"}, {0x19, "vmsw.1"}};
    for (const Row& row : kPlain) {
      if (row.x6 != x6) continue;
      line_.text = row.text;
      predicated_ = false;
      return;
    }
    if (x6 == 0) return write_no_operation('b', 0, imm21(), false);
    if (x6 == 0x20 && kind <= 1) { // B4
      line_.jump = true;
      if (kind == 0)
        line_.text = fmt::format("{} b{}", conditional("br"), to());
      else
        line_.text = fmt::format("br.ia{} b{}", branch_hints(), to());
    } else if (x6 == 0x21 && kind == 4) {
      line_.ret = true;
      line_.text = fmt::format("br.ret{} b{}", branch_hints(), to());
    }
  }
  void write_relative() { // B1, B2
    constexpr const char* kKinds[] = {"",      nullptr,    "br.wexit", "br.wtop",
                                      nullptr, "br.cloop", "br.cexit", "br.ctop"};
    const char* name = kKinds[in_.bits(6, 3)];
    if (!name) return;
    if (in_.bits(6, 3) >= 5) predicated_ = false;
    line_.jump = true;
    line_.target = place(in_.bits(13, 20) | in_.bits(36, 1) << 20, 21);
    const std::string form = *name ? name + branch_hints() : conditional("br");
    line_.text = fmt::format("{} 0x{:x}", form, *line_.target);
  }

  void write_x() {
    const unsigned opcode = in_.opcode();
    if (opcode == 0 && in_.bits(33, 3) == 0 && in_.bits(27, 6) <= 1)
      return write_no_operation('x', static_cast<unsigned>(in_.bits(27, 6)), imm62(),
                                in_.bits(26, 1));
    if (opcode == 6 && in_.bits(20, 1) == 0) { // X2
      const auto value = in_.bits(13, 7) | in_.bits(27, 9) << 7 | in_.bits(22, 5) << 16 |
                         in_.bits(21, 1) << 21 | in_.long_word << 22 | in_.bits(36, 1) << 63;
      line_.text = fmt::format("movl r{}=0x{:x}", field(6), value);
      return;
    }
    if (opcode != 0xC && opcode != 0xD) return;
    const auto bundles =
        in_.bits(13, 20) | (in_.long_word >> 2) << 20 | in_.bits(36, 1) << 59; // X3, X4
    if (opcode == 0xC && from() != 0) return; // another kind of branch: reserved
    line_.target = place(bundles, 60);
    line_.call = opcode == 0xD;
    line_.jump = !line_.call;
    if (line_.call)
      line_.text =
          fmt::format("brl.call{} b{}=0x{:x}", branch_hints(), in_.bits(6, 3), *line_.target);
    else
      line_.text = fmt::format("{} 0x{:x}", conditional("brl"), *line_.target);
  }

  const Ia64Instruction& in_;
  CodeLine& line_;
  bool predicated_ = true;
};

} // namespace

std::optional<CodeLine> code_line_ia64(std::span<const std::byte> code, std::uint64_t pc) {
  const auto bundle = ia64_bundle_of(code);
  const unsigned slot = ia64_slot(pc);
  if (!bundle || slot > 2) return std::nullopt;
  const Ia64Instruction instruction = ia64_instruction(*bundle, slot, ia64_bundle(pc));
  CodeLine line;
  line.length = kIa64BundleSize;
  Writer writer(instruction, line);
  writer.write();
  if (line.text.empty())
    line.text = fmt::format("{}-unit instruction 0x{:x}", instruction.unit, instruction.word);
  const auto predicate = instruction.bits(0, 6);
  if (predicate != 0 && writer.predicated())
    line.text = fmt::format("(p{}) {}", predicate, line.text);
  line.text += fmt::format("  -- slot {} of {} {} bundle, {} unit", slot,
                           bundle->units[0] == 'B' ? "a" : "an", bundle->units, instruction.unit);
  return line;
}

} // namespace dumptriage::arch
