// Itanium: descriptors against themselves (regions cover the function), against the instructions
// that they describe, and the unwinder against the code.
#include <fmt/format.h>

#include "arch/ia64_unwind_info.h"
#include "arch/tables.h"
#include "formats/pe.h"
#include "ia64_thread.h"

namespace dumptriage::survey {

namespace {

using arch::Ia64Op;
using arch::Ia64Record;

struct Function {
  std::uint32_t begin = 0, end = 0, info = 0;
};
struct Slot {
  std::optional<arch::Ia64Instruction> instruction; // nothing: filled by the one before
};

std::vector<std::byte> bytes_at(const image::Image& image, std::uint32_t rva, std::size_t size) {
  std::vector<std::byte> bytes(size);
  bytes.resize(image.read_rva(rva, bytes));
  return bytes;
}

class Survey {
public:
  Survey(const image::Image& image, Counts& counts)
      : image_(image), counts_(counts), memory_(image), functions_(image) {}
  void run();

private:
  void function(const Function& f);
  std::vector<Ia64Record> records_of(const Function& f);
  std::vector<Slot> slots_of(const Function& f);
  void compare(const Function& f, const std::vector<Ia64Record>& records,
               const std::vector<Slot>& slots);
  void compare_saves(const Function& f, const std::vector<Ia64Record>& records,
                     const std::vector<Slot>& slots);
  void compare_masks(const Function& f, const std::vector<Ia64Record>& records,
                     const std::vector<Slot>& slots);
  void walk(const Function& f, const std::vector<Ia64Record>& records,
            const std::vector<Slot>& slots);
  void one_walk(const Function& f, const Ia64Thread& thread, std::uint64_t pc, bool first);
  void check(bool equal, const char* what, std::uint64_t place) {
    counts_.add(fmt::format("{}: {}", what, equal ? "agrees" : "DISAGREES"), place);
  }

  const image::Image& image_;
  Counts& counts_;
  Memory memory_;
  Functions functions_;
  std::vector<std::byte> info_; // what the records' masks view
};

void Survey::run() {
  constexpr std::size_t kException = 3; // IMAGE_DIRECTORY_ENTRY_EXCEPTION
  if (image_.directories.size() <= kException) return;
  const auto& table = image_.directories[kException];
  for (std::uint32_t at = 0; at + 12 <= table.size; at += 12) {
    const auto row = bytes_at(image_, table.rva + at, 12);
    const ByteView view(row);
    if (row.size() < 12) break;
    function({*view.u32(0), *view.u32(4), *view.u32(8)});
  }
}

void Survey::function(const Function& f) {
  counts_.add("functions");
  if (f.begin % 16 || f.end % 16 || f.end <= f.begin) {
    counts_.add("undecodable: a range that is not of bundles", f.begin);
    return;
  }
  const auto records = records_of(f);
  const auto slots = slots_of(f);
  compare_saves(f, records, slots);
  compare_masks(f, records, slots);
  walk(f, records, slots);
}

std::vector<Ia64Record> Survey::records_of(const Function& f) {
  info_ = bytes_at(image_, f.info, 0x10000);
  const auto info = arch::ia64_unwind_info(ByteView(info_));
  std::vector<Ia64Record> list;
  if (!info) {
    counts_.add("undecodable: " + info.error().message(), f.begin);
    return list;
  }
  counts_.add(fmt::format("UNWIND_INFO version {} flags {}", info->version, info->flags));
  arch::Ia64Records records(info->descriptors);
  for (;;) {
    const auto record = records.next();
    if (!record) {
      counts_.add("undecodable: " + record.error().message(), f.begin);
      break;
    }
    if (!*record) break;
    const Ia64Record& r = **record;
    const bool padding = r.region() && r.rlen == 0;
    counts_.add(padding
                    ? "descriptor R1 of no slots (padding)"
                    : fmt::format("descriptor {} {}", arch::name_of(r.format), arch::name_of(r)));
    list.push_back(r);
  }
  check(records.slots() == (f.end - f.begin) / 16 * 3, "regions cover the function's slots",
        f.begin);
  return list;
}

std::vector<Slot> Survey::slots_of(const Function& f) {
  std::vector<Slot> slots;
  const auto code = bytes_at(image_, f.begin, f.end - f.begin);
  for (std::size_t at = 0; at + 16 <= code.size(); at += 16) {
    const auto bundle = arch::ia64_bundle_of(std::span(code).subspan(at, 16));
    counts_.add(bundle ? "bundles" : "bundles with a reserved template", f.begin + at);
    for (unsigned slot = 0; slot < 3; ++slot) {
      const bool second_half = bundle && bundle->units[2] == 'X' && slot == 2;
      if (!bundle || second_half)
        slots.push_back({});
      else
        slots.push_back({arch::ia64_instruction(*bundle, slot, f.begin + at)});
    }
  }
  return slots;
}

// Does a record say that at this slot of the function a register is saved?  For rp and the like.
enum class Move { none, pfs, rp, preds, lc, unat, fpsr, sp, large_frame };
struct Found {
  Move move = Move::none;
  unsigned reg = 0;
  std::int64_t amount = 0;
};
Found move_in(const arch::Ia64Instruction& in) {
  const auto r1 = static_cast<unsigned>(in.bits(6, 7));
  const auto x3 = in.bits(33, 3), x6 = in.bits(27, 6), ar3 = in.bits(20, 7);
  const auto of_ar = [&]() -> Found {
    if (ar3 == 65) return {Move::lc, r1};
    if (ar3 == 36) return {Move::unat, r1};
    if (ar3 == 40) return {Move::fpsr, r1};
    return {};
  };
  if (in.unit == 'M' && in.opcode() == 1 && x3 == 6) return {Move::pfs, r1};
  if (in.unit == 'M' && in.opcode() == 1 && x3 == 0 && x6 == 0x22) return of_ar();
  if (in.unit == 'I' && in.opcode() == 0 && x3 == 0) {
    if (x6 == 0x31 && in.bits(13, 3) == 0) return {Move::rp, r1};
    if (x6 == 0x33) return {Move::preds, r1};
    if (x6 == 0x32) return ar3 == 64 ? Found{Move::pfs, r1} : of_ar();
  }
  const bool adds = in.opcode() == 8 && in.bits(34, 2) == 2 && in.bits(33, 1) == 0;
  if ((in.unit == 'M' || in.unit == 'I') && adds && r1 == 12 && in.bits(20, 7) == 12) {
    std::int64_t amount = static_cast<std::int64_t>(in.bits(13, 7) | in.bits(27, 6) << 7);
    if (in.bits(36, 1)) amount -= 8192;
    return {Move::sp, 12, amount};
  }
  const bool add = in.opcode() == 8 && in.bits(34, 2) == 0 && in.bits(33, 1) == 0 &&
                   in.bits(29, 4) == 0 && in.bits(27, 2) == 0;
  if ((in.unit == 'M' || in.unit == 'I') && add && r1 == 12 &&
      (in.bits(20, 7) == 12 || in.bits(13, 7) == 12))
    return {Move::large_frame, 12};
  return {};
}

bool lies_apart(const std::vector<Ia64Record>& records);

// Where the prologues say that something is saved, the instruction in that slot saves it.
void Survey::compare_saves(const Function& f, const std::vector<Ia64Record>& records,
                           const std::vector<Slot>& slots) {
  using namespace formats;
  constexpr std::pair<std::uint8_t, Move> kMoves[] = {
      {kIa64UnwindPfs, Move::pfs}, {kIa64UnwindRp, Move::rp},     {kIa64UnwindPreds, Move::preds},
      {kIa64UnwindLc, Move::lc},   {kIa64UnwindUnat, Move::unat}, {kIa64UnwindFpsr, Move::fpsr}};
  std::uint64_t region_end = 0;
  for (const Ia64Record& r : records) {
    if (r.region()) region_end = r.start + r.rlen;
    std::uint64_t slot = r.start + r.t;
    if (r.op == Ia64Op::epilogue) slot = region_end - 1 - r.t;
    if (r.op != Ia64Op::when && r.op != Ia64Op::mem_stack_f && r.op != Ia64Op::epilogue) continue;
    if (slot >= slots.size() || !slots[slot].instruction) {
      check(false, "a time names an instruction", f.begin);
      continue;
    }
    const Found found = move_in(*slots[slot].instruction);
    const std::uint64_t place = f.begin + slot / 3 * 16 + slot % 3 * 4;
    if (r.op == Ia64Op::mem_stack_f && found.move == Move::large_frame)
      counts_.add("mem_stack_f is `add sp = r, sp`", place);
    else if (r.op == Ia64Op::mem_stack_f && !lies_apart(records))
      check(found.move == Move::sp && found.amount == -16 * static_cast<std::int64_t>(r.value),
            "mem_stack_f is `adds sp = -size, sp`", place);
    else if (r.op == Ia64Op::when)
      for (const auto& [reg, move] : kMoves)
        if (reg == r.reg)
          check(found.move == move, fmt::format("{} is the move of it", arch::name_of(r)).c_str(),
                place);
    if (r.op == Ia64Op::epilogue)
      check(slots[slot].instruction->bits(6, 7) == 12, "epilogue's time is a write of sp", place);
  }
}

// P4: the slots of spills are spills.
void Survey::compare_masks(const Function& f, const std::vector<Ia64Record>& records,
                           const std::vector<Slot>& slots) {
  for (const Ia64Record& r : records) {
    if (r.op != Ia64Op::spill_mask) continue;
    for (std::uint64_t i = 0; i < r.rlen; ++i) {
      const unsigned bits = r.imask.u8(i / 4).value_or(0) >> (6 - 2 * (i % 4)) & 3;
      const std::uint64_t slot = r.start + i, place = f.begin + slot / 3 * 16 + slot % 3 * 4;
      if (bits == 0 || slot >= slots.size() || !slots[slot].instruction) continue;
      const auto& in = *slots[slot].instruction;
      arch::CodeLine line;
      if (in.unit == 'M') arch::write_ia64_memory(in, line);
      if (bits == formats::kIa64SpillFloat)
        check(line.text.starts_with("stf.spill"), "P4 f is stf.spill", place);
      else if (bits == formats::kIa64SpillGeneral)
        check(line.text.starts_with("st8.spill") || (in.opcode() == 8 && in.bits(20, 7) < 8),
              "P4 g is st8.spill or a move", place);
      else
        check(line.text.starts_with("st8") ||
                  (in.unit == 'I' && in.opcode() == 0 && in.bits(27, 6) == 0x31),
              "P4 b is st8 or a move", place);
    }
  }
}

void Survey::one_walk(const Function& f, const Ia64Thread& thread, std::uint64_t pc, bool first) {
  const arch::Registers registers = thread.registers(pc);
  std::size_t effort = 100000;
  const arch::UnwindInput input{registers, memory_, functions_, first, {}, &effort};
  const auto result = arch::unwind_ia64(input);
  const std::string kind = first ? "walk from an instruction" : "walk from behind a call";
  const std::uint64_t place = pc - image_.preferred_base;
  if (!result) {
    counts_.add(fmt::format("{}: none: {}", kind, result.error().error.why), place);
    return;
  }
  const arch::Registers& caller = result->registers;
  const arch::Registers before = Ia64Thread().registers(0);
  const auto equal = [&](int index, std::uint64_t want, const char* what) {
    const auto value = caller.get(index);
    if (!value)
      counts_.add(fmt::format("{}: {} not known", kind, what));
    else
      check(*value == want, fmt::format("{}: {}", kind, what).c_str(), place);
  };
  equal(arch::kIa64Iip, Ia64Thread::kReturn, "pc");
  equal(arch::kIa64Sp, Ia64Thread::kSp, "sp");
  equal(arch::kIa64Pfs, Ia64Thread::kPfs, "ar.pfs");
  equal(arch::kIa64Bsp, arch::ia64_skip(Ia64Thread::kBsp, -12), "bsp");
  for (int i = 4; i < 8; ++i) equal(i, *before.get(i), "r4-r7");
  for (int i = 1; i < 6; ++i) equal(arch::kIa64Rp + i, *before.get(arch::kIa64Rp + i), "b1-b5");
  for (const auto& [index, what] : {std::pair{arch::kIa64Lc, "ar.lc"},
                                    {arch::kIa64Unat, "ar.unat"},
                                    {arch::kIa64Fpsr, "ar.fpsr"}})
    equal(index, *before.get(index), what);
  constexpr std::uint64_t kScratch = 0xFFC1; // p0, p6 ... p15
  if (const auto preds = caller.get(arch::kIa64Preds))
    check(((*preds ^ *before.get(arch::kIa64Preds)) & ~kScratch) == 0,
          fmt::format("{}: predicates", kind).c_str(), place);
  for (int n = 2; n < 32; ++n)
    if (const int index = arch::ia64_float(n); index >= 0)
      equal(index, *before.get(index), "f2-f5, f16-f31");
}

bool is_return(const arch::Ia64Instruction& in) {
  return in.unit == 'B' && in.opcode() == 0 && in.bits(27, 6) == 0x21;
}
// The code behind it is reached from elsewhere only.
bool ends_way(const arch::Ia64Instruction& in) {
  if (in.bits(0, 6) != 0) return false;
  if (in.unit == 'X') return in.opcode() == 0xC;
  if (in.unit != 'B') return false;
  const bool jump = in.opcode() == 0 && in.bits(27, 6) == 0x20;
  return is_return(in) || jump || (in.opcode() == 4 && in.bits(6, 3) == 0);
}
// A part of a function that lies apart from the rest begins with a prologue of no slots, which says
// what the rest has done.
bool lies_apart(const std::vector<Ia64Record>& records) {
  return records.size() > 1 && records[0].region() && records[0].op != Ia64Op::body &&
         records[0].rlen == 0 && !records[1].region();
}
void enter_apart(const std::vector<Ia64Record>& records, Ia64Thread& thread) {
  using namespace formats;
  for (const Ia64Record& r : records) {
    if (r.op == Ia64Op::body) break;
    if (r.op == Ia64Op::mem_stack_f) thread.gr[12] -= 16 * r.value;
    if (r.op != Ia64Op::in_gr) continue;
    constexpr std::pair<std::uint8_t, std::size_t> kSaved[] = {
        {kIa64UnwindPfs, 64}, {kIa64UnwindLc, 65}, {kIa64UnwindUnat, 36}, {kIa64UnwindFpsr, 40}};
    for (const auto& [reg, ar] : kSaved)
      if (r.reg == reg) thread.gr[r.gr] = thread.ar[ar];
    if (r.reg == kIa64UnwindRp) thread.gr[r.gr] = thread.br[0];
    if (r.reg == kIa64UnwindPreds) thread.gr[r.gr] = thread.preds;
    if (r.reg == kIa64UnwindPsp) thread.gr[r.gr] = Ia64Thread::kSp;
  }
}

// The code from top to bottom.  Behind the end of a way, the state is the one in which the body
// began: compilers place blocks so that this is nearly always true, and where it is not, the
// disagreement shows.
void Survey::walk(const Function& f, const std::vector<Ia64Record>& records,
                  const std::vector<Slot>& slots) {
  memory_.clear();
  Ia64Thread thread;
  std::uint64_t body_start = 0;
  for (const Ia64Record& r : records)
    if (body_start == 0 && r.op == Ia64Op::body) body_start = r.start;
  if (lies_apart(records)) {
    counts_.add("functions' parts that lie apart", f.begin);
    enter_apart(records, thread);
  }
  const bool allocates = std::ranges::any_of(slots, [](const Slot& slot) {
    const auto& in = slot.instruction;
    return in && in->unit == 'M' && in->opcode() == 1 && in->bits(33, 3) == 6;
  });
  if (!allocates) thread.marker = 90 | 80 << 7; // it runs in its caller's frame
  std::optional<Ia64Thread> body;
  bool called = false;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    const std::uint64_t pc = image_.preferred_base + f.begin + slot / 3 * 16 + slot % 3 * 4;
    if (slot >= body_start && !body) body = thread;
    if (!slots[slot].instruction) continue;
    thread.store_stacked(memory_);
    if (thread.sp_known) {
      if (slot % 3 == 0 && called) one_walk(f, thread, pc, false);
      one_walk(f, thread, pc, true);
    } else {
      counts_.add("instructions where the survey does not follow sp", f.begin);
    }
    const auto& in = *slots[slot].instruction;
    if (slot % 3 == 0) called = false;
    if (arch::is_ia64_call(in)) called = true;
    thread.step(in, memory_);
    if (ends_way(in) && body) {
      thread = *body;
      called = false;
    }
  }
}

} // namespace

void survey_ia64(const image::Image& image, Counts& counts) { Survey(image, counts).run(); }

} // namespace dumptriage::survey
