#include "vectors/truth.h"

#include <algorithm>

#include <fmt/format.h>

#include "arch/alpha.h"
#include "arch/ia64.h"

namespace dumptriage::vectors {
namespace {

using arch::Machine;

constexpr std::uint64_t kAll = ~std::uint64_t{0};
constexpr std::uint64_t kFrameMarker = (std::uint64_t{1} << 38) - 1;
// p1 ... p5 and p16 ... p63 (12_ia64.md section 2).
constexpr std::uint64_t kPreservedPredicates = 0xFFFFFFFFFFFF003E;
// ar.fpsr without the flags of its four status fields, which are not preserved.
constexpr std::uint64_t kFpsrFlags = std::uint64_t{0x3F} << 13 | std::uint64_t{0x3F} << 26 |
                                     std::uint64_t{0x3F} << 39 | std::uint64_t{0x3F} << 52;
constexpr std::size_t kMostExamples = 12;

arch::Registers start_alpha(const Snapshot& s) {
  arch::Registers out;
  for (int i = 0; i < 32; ++i) out.set(i, s.r.at(i));
  out.set(arch::kAlphaZero, 0);
  out.set(arch::kAlphaFir, s.pc);
  out.set(arch::kAlphaPsr, 0);
  for (int i = 2; i <= 9; ++i) out.set(arch::kAlphaF2 + i - 2, s.f.at(i)[0]);
  return out;
}

void set_float(arch::Registers& out, int n, const Float& value) {
  out.set(arch::ia64_float(n), value[0]);
  out.set(arch::ia64_float(n) + 1, value[1]);
}

arch::Registers start_itanium(const Snapshot& s) {
  arch::Registers out;
  for (int i = 0; i < 32; ++i) out.set(i, s.r.at(i));
  for (int i = 0; i < 8; ++i) out.set(arch::kIa64Rp + i, s.b.at(i));
  out.set(arch::kIa64Pfs, s.pfs);
  out.set(arch::kIa64Bsp, s.bsp);
  // All of it lies in memory.
  out.set(arch::kIa64BspStore, s.backing.end());
  out.set(arch::kIa64Rnat, s.rnat);
  out.set(arch::kIa64Ipsr, (s.pc >> 2 & 3) << 41);
  out.set(arch::kIa64Iip, s.pc);
  out.set(arch::kIa64Ifs, s.cfm);
  out.set(arch::kIa64Preds, s.pr);
  out.set(arch::kIa64Unat, s.unat);
  out.set(arch::kIa64Lc, s.lc);
  out.set(arch::kIa64Ec, s.ec);
  out.set(arch::kIa64Fpsr, s.fpsr);
  out.set(arch::kIa64Nats, 0);
  for (int n = 2; n <= 31; ++n)
    if (arch::ia64_float(n) >= 0) set_float(out, n, s.f.at(n));
  return out;
}

std::vector<Known> itanium_registers(const Frame& f) {
  std::vector<Known> out;
  for (int i = 0; i < 4; ++i) out.push_back({arch::kIa64R4 + i, f.r4_7.at(i)});
  for (int i = 0; i < 5; ++i) out.push_back({arch::kIa64Rp + 1 + i, f.b1_5.at(i)});
  out.push_back({arch::kIa64Preds, f.pr, kPreservedPredicates});
  out.push_back({arch::kIa64Lc, f.lc});
  out.push_back({arch::kIa64Unat, f.unat});
  out.push_back({arch::kIa64Fpsr, f.fpsr, ~kFpsrFlags});
  for (int i = 0; i < 20; ++i)
    for (int half = 0; half < 2; ++half)
      out.push_back({arch::ia64_float(i < 4 ? i + 2 : i + 12) + half, f.f.at(i)[half]});
  return out;
}

} // namespace

arch::Registers start_of(const Snapshot& snapshot, Machine machine) {
  return machine == Machine::ia64 ? start_itanium(snapshot) : start_alpha(snapshot);
}

std::size_t frames_of(const Snapshot& snapshot) {
  const auto last = std::ranges::find(snapshot.frames, "cmain", &Frame::function);
  return last == snapshot.frames.end()
             ? snapshot.frames.size()
             : static_cast<std::size_t>(last - snapshot.frames.begin()) + 1;
}

std::vector<Known> place_of(const Frame& f, Machine machine) {
  if (machine == Machine::ia64)
    return {{arch::kIa64Iip, f.pc},
            {arch::kIa64Sp, f.sp},
            {arch::kIa64Bsp, f.bsp},
            {arch::kIa64Ifs, f.cfm, kFrameMarker}};
  const std::uint64_t mask = machine == Machine::alpha ? 0xFFFFFFFF : kAll;
  return {{arch::kAlphaFir, f.pc, mask}, {arch::kAlphaSp, f.sp, mask}};
}

std::vector<Known> registers_of(const Snapshot& snapshot, std::size_t frame, Machine machine) {
  const Frame& f = snapshot.frames.at(frame);
  // h_main sets every preserved register and saves none, against the conventions.
  const auto end = snapshot.frames.begin() + static_cast<std::ptrdiff_t>(frame);
  if (!f.caller || std::find_if(snapshot.frames.begin(), end, [](const Frame& callee) {
                     return callee.function == "h_main";
                   }) != end)
    return {};
  if (machine == Machine::ia64) return itanium_registers(f);
  std::vector<Known> out;
  for (int i = 0; i < 7; ++i) out.push_back({arch::kAlphaS0 + i, f.alpha_s.at(i)});
  for (int i = 0; i < 8; ++i) out.push_back({arch::kAlphaF2 + i, f.alpha_f.at(i)});
  return out;
}

// Every 64th word is a collection of NaT bits (12_ia64.md section 3).
std::uint64_t stacked_slot(std::uint64_t bsp, unsigned index) {
  for (; index > 0; --index) {
    bsp += 8;
    if ((bsp & 0x1F8) == 0x1F8) bsp += 8;
  }
  return bsp;
}

void Score::add(const Score& other) {
  for (auto count :
       {&Score::snapshots, &Score::whole, &Score::frames, &Score::frames_right, &Score::registers,
        &Score::registers_right, &Score::registers_missing, &Score::unsupported, &Score::wrong})
    this->*count += other.*count;
  for (const auto& [text, reason] : other.reasons) {
    Reason& mine = reasons[text];
    if (mine.count == 0) mine.example = reason.example;
    mine.count += reason.count;
  }
  for (auto list : {&Score::wrongs, &Score::missing})
    for (const std::string& text : other.*list)
      if ((this->*list).size() < kMostExamples) (this->*list).push_back(text);
}

std::string print(const Score& s) {
  std::string out = fmt::format(
      "{:26} {:5} snapshots, {:5} whole; frames {:5}/{:5}; registers {:6}/{:6}, missing {}; "
      "unsupported {}; wrong {}\n",
      s.name, s.snapshots, s.whole, s.frames_right, s.frames, s.registers_right, s.registers,
      s.registers_missing, s.unsupported, s.wrong);
  for (const auto& [text, reason] : s.reasons)
    out += fmt::format("    {:5} unsupported: {} [{}]\n", reason.count, text, reason.example);
  for (const std::string& text : s.wrongs) out += "    wrong: " + text + "\n";
  for (const std::string& text : s.missing) out += "    missing: " + text + "\n";
  return out;
}

Judge::Judge(Score& score, const Snapshot& snapshot, Machine machine)
    : score_(score), snapshot_(snapshot), machine_(machine), last_(frames_of(snapshot)) {
  ++score_.snapshots;
  score_.frames += last_ - 1;
  for (std::size_t i = 1; i < last_; ++i) {
    score_.registers += registers_of(snapshot, i, machine).size();
    if (machine == Machine::ia64) score_.registers += snapshot.frames[i].cfm >> 7 & 127;
  }
}

Judge::~Judge() { score_.whole += is_whole(); }

void Judge::wrong(const std::string& what) {
  good_ = false;
  ++score_.wrong;
  if (score_.wrongs.size() < kMostExamples)
    score_.wrongs.push_back(fmt::format(
        "step {}, pc {:x}, frame {} ({} called by {}): {}", snapshot_.step, snapshot_.pc, next_,
        snapshot_.frames[next_ - 1].function, snapshot_.frames[next_].function, what));
}

void Judge::unsupported(const std::string& reason, const std::string& example) {
  if (done()) return;
  stopped_ = true;
  ++score_.unsupported;
  Score::Reason& counted = score_.reasons[snapshot_.frames[next_ - 1].function + ": " + reason];
  if (counted.count++ == 0)
    counted.example = fmt::format("step {}, pc {:x}, frame {}{}", snapshot_.step, snapshot_.pc,
                                  next_ - 1, example);
}

void Judge::compare(const arch::Registers& registers, const Known& known) {
  const auto name = [&] { return arch::find(machine_)->register_names[known.index]; };
  const auto value = registers.get(known.index);
  if (!value) {
    good_ = false;
    ++score_.registers_missing;
    if (score_.missing.size() < kMostExamples)
      score_.missing.push_back(fmt::format("step {}, pc {:x}, frame {}: {}", snapshot_.step,
                                           snapshot_.pc, next_, name()));
  } else if ((*value ^ known.value) & known.mask) {
    wrong(fmt::format("{} is {:x}, not {:x}", name(), *value, known.value));
  } else {
    ++score_.registers_right;
  }
}

// The caller's own r32 ... (not those that it hands to the function called, which may change them).
void Judge::stacked(const arch::Registers& registers, const memory::AddressSpace& memory) {
  const Frame& truth = snapshot_.frames[next_];
  const unsigned own = truth.cfm >> 7 & 127;
  for (unsigned i = 0; i < own; ++i) {
    const auto value = memory.u64(stacked_slot(*registers.get(arch::kIa64Bsp), i));
    if (i < truth.stacked.size() && value == truth.stacked[i])
      ++score_.registers_right;
    else
      wrong(fmt::format("r{} of the backing store is {:x}", 32 + i, value.value_or(0)));
  }
}

void Judge::caller(const arch::Registers& registers, const memory::AddressSpace& memory) {
  const Frame& truth = snapshot_.frames[next_];
  for (const Known& known : place_of(truth, machine_)) {
    const auto value = registers.get(known.index);
    if (value && !((*value ^ known.value) & known.mask)) continue;
    wrong(fmt::format("{} is {}, not {:x}", arch::find(machine_)->register_names[known.index],
                      value ? fmt::format("{:x}", *value) : "not given", known.value));
    stopped_ = true;
  }
  if (stopped_) return;
  ++score_.frames_right;
  for (const Known& known : registers_of(snapshot_, next_, machine_)) compare(registers, known);
  if (machine_ == Machine::ia64) {
    stacked(registers, memory);
    const auto gp = registers.get(arch::kIa64Gp); // not preserved: any value given must be right
    if (truth.caller && gp && *gp != truth.gp) wrong(fmt::format("gp is {:x}", *gp));
  }
  ++next_;
}

} // namespace dumptriage::vectors
