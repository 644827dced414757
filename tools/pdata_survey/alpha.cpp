// Alpha: prologues by their form, and the unwinder against the code.
#include <array>
#include <set>

#include <fmt/format.h>

#include "arch/alpha_decode.h"
#include "base/bytes.h"
#include "survey.h"

namespace dumptriage::survey {

namespace {

using arch::AlphaKind;
using arch::AlphaWord;
using arch::kAlphaFp;
using arch::kAlphaRa;
using arch::kAlphaSp;

constexpr std::uint64_t kStack = 0x6FFF0000, kReturn = 0x5550010;
constexpr std::uint64_t kGarbage = 0xDEAD0000DEAD0001;

// What runs one function's code from top to bottom.
struct Thread {
  std::array<std::uint64_t, 32> gr{}, fr{};
  bool wide = false, sp_known = true;

  explicit Thread(bool is_wide) : wide(is_wide) {
    for (unsigned i = 0; i < 31; ++i) {
      gr[i] = made_up(i);
      fr[i] = made_up(100 + i);
    }
    gr[kAlphaSp] = kStack;
    gr[kAlphaRa] = kReturn;
  }
  std::uint64_t cut(std::uint64_t address) const { return wide ? address : address & 0xFFFFFFFF; }
  void set(int reg, std::uint64_t value) {
    if (reg != arch::kAlphaZero) gr[static_cast<std::size_t>(reg)] = value;
    if (reg == kAlphaSp) sp_known = cut(value) <= kStack && cut(value) > kStack - 0x200000;
  }
  std::uint64_t r(int reg) const { return gr[static_cast<std::size_t>(reg)]; }

  void step(AlphaWord word, std::uint64_t pc, Memory& memory);
  arch::Registers registers(std::uint64_t pc) const;

private:
  std::uint64_t operate(AlphaWord word) const;
  void call(AlphaWord word, std::uint64_t pc);
};

std::uint64_t Thread::operate(AlphaWord word) const {
  const std::uint64_t a = r(word.ra());
  const std::uint64_t b = word.has_literal() ? word.literal() : r(word.rb());
  const auto narrow = [](std::uint64_t value) {
    return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(value)});
  };
  switch (word.op() << 8 | word.function()) {
  case 0x1000: return narrow(a + b);
  case 0x1009: return narrow(a - b);
  case 0x1020: return a + b;
  case 0x1029: return a - b;
  case 0x1100: return a & b;
  case 0x1108: return a & ~b;
  case 0x1120: return a | b;
  case 0x1140: return a ^ b;
  case 0x1239: return b < 64 ? a << b : kGarbage; // sll
  default: return kGarbage;
  }
}

void Thread::call(AlphaWord word, std::uint64_t pc) {
  if (word.ra() == kAlphaRa) {
    for (int reg : {0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 27, 28})
      gr[static_cast<std::size_t>(reg)] = kGarbage;
    for (std::size_t reg = 0; reg < 31; ++reg)
      if (reg < 2 || reg > 9) fr[reg] = kGarbage;
  }
  set(word.ra(), pc + 4);
}

void Thread::step(AlphaWord word, std::uint64_t pc, Memory& memory) {
  const std::uint64_t address = cut(r(word.rb()) + static_cast<std::uint64_t>(word.displacement()));
  const auto f = [&](int reg) -> std::uint64_t& { return fr[static_cast<std::size_t>(reg)]; };
  switch (word.kind()) {
  case AlphaKind::address:
    set(word.ra(), r(word.rb()) + static_cast<std::uint64_t>(word.displacement()) *
                                      (word.op() == 9 ? 0x10000 : 1));
    break;
  case AlphaKind::load:
    set(word.ra(), word.op() == 0x29 ? memory.word(address).value_or(kGarbage) : kGarbage);
    break;
  case AlphaKind::load_float:
    f(word.ra()) = word.op() == 0x23 ? memory.word(address).value_or(kGarbage) : kGarbage;
    break;
  case AlphaKind::store:
    if (address % 8 == 0) memory.put(address, word.op() == 0x2D ? r(word.ra()) : kGarbage);
    break;
  case AlphaKind::store_float:
    if (address % 8 == 0) memory.put(address, word.op() == 0x27 ? f(word.ra()) : kGarbage);
    break;
  case AlphaKind::store_conditional:
  case AlphaKind::counter: set(word.ra(), kGarbage); break;
  case AlphaKind::operate: set(word.rc(), operate(word)); break;
  case AlphaKind::float_operate: {
    const bool copy = word.op() == 0x17 && word.float_function() == 0x20 && word.ra() == word.rb();
    f(word.rc()) = copy ? f(word.ra()) : kGarbage;
    break;
  }
  case AlphaKind::call: call(word, pc); break;
  default: break;
  }
  fr[31] = 0;
}

arch::Registers Thread::registers(std::uint64_t pc) const {
  arch::Registers values;
  for (int i = 0; i < 32; ++i) values.set(i, r(i));
  for (int i = 0; i < 8; ++i) values.set(arch::kAlphaF2 + i, fr[static_cast<std::size_t>(2 + i)]);
  values.set(arch::kAlphaFir, pc);
  return values;
}

struct Row {
  std::uint64_t begin = 0, end = 0, prologue_end = 0; // addresses
};

class Survey {
public:
  Survey(const image::Image& image, Counts& counts)
      : image_(image), counts_(counts), memory_(image), functions_(image),
        wide_(image.machine == arch::Machine::alpha64), cpu_(*arch::find(image.machine)) {}
  void run();

private:
  std::optional<Row> row_at(std::uint32_t rva) const;
  std::vector<std::uint32_t> code_of(std::uint64_t begin, std::uint64_t end) const;
  void function(const Row& row);
  std::string form_of(const std::vector<std::uint32_t>& prologue) const;
  void compare_amounts(const Row& row, const std::vector<std::uint32_t>& code);
  void walk(const Row& row, Thread thread, bool secondary);
  std::set<std::uint64_t> local_routines(const Row& row) const;
  void one_walk(const Thread& thread, std::uint64_t pc, bool first);
  std::uint64_t place(std::uint64_t address) const { return address - image_.preferred_base; }

  const image::Image& image_;
  Counts& counts_;
  Memory memory_;
  Functions functions_;
  bool wide_;
  const arch::Arch& cpu_;
};

std::optional<Row> Survey::row_at(std::uint32_t rva) const {
  std::array<std::byte, 40> bytes{};
  const std::size_t size = wide_ ? 40 : 20;
  if (image_.read_rva(rva, std::span(bytes).first(size)) < size) return std::nullopt;
  const ByteView view(bytes);
  const auto word = [&](std::uint64_t n) -> std::uint64_t {
    return (wide_ ? *view.u64(8 * n) : *view.u32(4 * n)) & ~3ull;
  };
  return Row{word(0), word(1), word(4)};
}

std::vector<std::uint32_t> Survey::code_of(std::uint64_t begin, std::uint64_t end) const {
  std::vector<std::uint32_t> code;
  for (std::uint64_t at = begin; at < end; at += 4)
    if (const auto word = memory_.u32(at)) code.push_back(*word);
  return code;
}

void Survey::run() {
  constexpr std::size_t kException = 3; // IMAGE_DIRECTORY_ENTRY_EXCEPTION
  if (image_.directories.size() <= kException) return;
  const auto& table = image_.directories[kException];
  const std::uint32_t size = wide_ ? 40 : 20;
  for (std::uint32_t at = 0; at + size <= table.size; at += size)
    if (const auto row = row_at(table.rva + at)) function(*row);
}

// How the frame is made, by the writes of sp, fp and the places of ra in a prologue.
std::string Survey::form_of(const std::vector<std::uint32_t>& prologue) const {
  if (prologue.empty()) return "no prologue";
  std::string frame = "no frame", ra = "ra stays", extra;
  for (const std::uint32_t bits : prologue) {
    const AlphaWord word{bits};
    const bool to_sp = word.kind() == AlphaKind::operate && word.rc() == kAlphaSp;
    if (word.kind() == AlphaKind::address && word.ra() == kAlphaSp)
      frame = word.op() == 9 ? "ldah sp" : frame == "ldah sp" ? "ldah+lda sp" : "lda sp";
    if (to_sp) frame = "sp minus a register";
    if (word.kind() == AlphaKind::store && word.ra() == kAlphaRa) ra = "ra in memory";
    if (word.kind() == AlphaKind::operate && word.op() == 0x11 &&
        (word.ra() == kAlphaRa || word.rb() == kAlphaRa) && word.rc() != kAlphaRa)
      ra = "ra in a register";
    const bool from_sp = word.ra() == kAlphaSp || word.rb() == kAlphaSp;
    if (word.kind() == AlphaKind::operate && word.rc() == kAlphaFp && from_sp) extra = ", fp";
    if (word.kind() == AlphaKind::call) extra += ", checks the stack";
  }
  return fmt::format("{}, {}{}", frame, ra, extra);
}

// `lda sp, -n(sp)` of a prologue and `lda sp, n(sp)` of every epilogue.
void Survey::compare_amounts(const Row& row, const std::vector<std::uint32_t>& code) {
  std::int64_t down = 0;
  const std::size_t prologue = (row.prologue_end - row.begin) / 4;
  for (std::size_t i = 0; i < code.size(); ++i) {
    const AlphaWord word{code[i]};
    if (word.op() != 8 || word.ra() != kAlphaSp || word.rb() != kAlphaSp) continue;
    if (i < prologue)
      down -= word.displacement();
    else if (word.displacement() > 0) // else room that the body takes for itself
      counts_.add(word.displacement() == down
                      ? "epilogue adds to sp what the prologue took: agrees"
                      : "epilogue adds to sp what the prologue took: DISAGREES",
                  place(row.begin + 4 * i));
  }
}

void Survey::function(const Row& row) {
  counts_.add("functions");
  if (row.end <= row.begin) {
    counts_.add("undecodable: a range that is none", place(row.begin));
    return;
  }
  const auto code = code_of(row.begin, row.end);
  for (std::size_t i = 0; i < code.size(); ++i) {
    const std::array<std::uint32_t, 1> word{code[i]};
    const auto line = cpu_.code_line(std::as_bytes(std::span(word)), row.begin + 4 * i);
    counts_.add("instructions");
    if (!line)
      counts_.add(fmt::format("undecodable: an instruction of opcode {:#x}", code[i] >> 26),
                  place(row.begin + 4 * i));
  }
  memory_.clear();
  Thread thread(wide_);
  if (row.prologue_end >= row.begin && row.prologue_end <= row.end) {
    counts_.add("prologue: " + form_of(code_of(row.begin, row.prologue_end)), place(row.begin));
    compare_amounts(row, code);
    walk(row, thread, false);
    return;
  }
  const auto primary = row_at(static_cast<std::uint32_t>(place(row.prologue_end)));
  if (!primary || primary->prologue_end < primary->begin || primary->prologue_end > primary->end) {
    counts_.add("undecodable: a secondary entry without a primary one", place(row.begin));
    return;
  }
  counts_.add("prologue: secondary entry", place(row.begin));
  std::uint64_t pc = primary->begin;
  for (const std::uint32_t word : code_of(primary->begin, primary->prologue_end)) {
    thread.step(AlphaWord{word}, pc, memory_);
    pc += 4;
  }
  walk(row, thread, true);
}

void Survey::one_walk(const Thread& thread, std::uint64_t pc, bool first) {
  const arch::Registers registers = thread.registers(pc);
  std::size_t effort = 1000000;
  const arch::UnwindInput input{registers, memory_, functions_, first, {}, &effort};
  const auto result = cpu_.unwind_by_data(input);
  const std::string kind = first ? "walk from an instruction" : "walk from behind a call";
  if (!result) {
    counts_.add(fmt::format("{}: none: {}", kind, result.error().error.why), place(pc));
    return;
  }
  const arch::Registers& caller = result->registers;
  const arch::Registers before = Thread(wide_).registers(kReturn);
  const auto equal = [&](int index, const char* what) {
    const auto value = caller.get(index);
    if (!value)
      counts_.add(fmt::format("{}: {} not known", kind, what));
    else
      counts_.add(fmt::format("{}: {}: {}", kind, what,
                              *value == *before.get(index) ? "agrees" : "DISAGREES"),
                  place(pc));
  };
  equal(arch::kAlphaFir, "pc");
  equal(kAlphaSp, "sp");
  for (int reg = arch::kAlphaS0; reg <= kAlphaFp; ++reg) equal(reg, "s0-s5, fp");
  for (int i = 0; i < 8; ++i) equal(arch::kAlphaF2 + i, "f2-f9");
}

// Where code of the function calls a part of itself by another register than ra.
std::set<std::uint64_t> Survey::local_routines(const Row& row) const {
  std::set<std::uint64_t> starts;
  std::uint64_t pc = row.begin;
  for (const std::uint32_t bits : code_of(row.begin, row.end)) {
    const AlphaWord word{bits};
    const bool linked = word.kind() == AlphaKind::call && !word.is_register_jump();
    if (linked && word.ra() != kAlphaRa) starts.insert(word.target(pc));
    pc += 4;
  }
  return starts;
}

// The code from top to bottom; behind the end of a way, the state is that of the prologue's end, or
// behind the last instruction that has made the frame larger.
void Survey::walk(const Row& row, Thread thread, bool secondary) {
  std::optional<Thread> body;
  if (secondary) body = thread;
  const auto local = local_routines(row);
  bool called = false, in_local = false;
  for (std::uint64_t pc = row.begin; pc < row.end; pc += 4) {
    if (!body && pc >= row.prologue_end) body = thread;
    if (local.contains(pc)) in_local = true; // they are the last of their function
    if (in_local) {
      counts_.add("instructions of a part that is called by another register than ra", place(pc));
    } else if (!thread.sp_known) {
      counts_.add("instructions where the survey does not follow sp", place(row.begin));
    } else {
      if (called) one_walk(thread, pc, false);
      one_walk(thread, pc, true);
    }
    const AlphaWord word{memory_.u32(pc).value_or(0)};
    called = word.kind() == AlphaKind::call && word.ra() == kAlphaRa;
    const std::uint64_t sp = thread.r(kAlphaSp);
    thread.step(word, pc, memory_);
    if (body && thread.sp_known && thread.r(kAlphaSp) < sp) body = thread;
    const bool ends = word.kind() == AlphaKind::ret || word.kind() == AlphaKind::jump;
    if (ends && body) thread = *body;
  }
}

} // namespace

void survey_alpha(const image::Image& image, Counts& counts) { Survey(image, counts).run(); }

} // namespace dumptriage::survey
