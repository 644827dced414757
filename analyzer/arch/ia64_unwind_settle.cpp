// What RsBSP of an Itanium context names: no public source settles whether it is where the
// interrupted frame's r32 lies (its base) or the word behind its last register (its top, what
// ar.bsp is after `cover`).  The dump's own bytes tell: a few frames are walked under each reading,
// and the one under which return addresses follow calls holds.
//
// One reading can look right by chance.  Read as a top, a base leads into the caller's registers,
// where a return address and an ar.pfs may stand at the same numbers: a frame is skipped, and all
// below it is right.  So a reading holds for certain only where the other one leads to values that
// no walk can have, or where the calls tell: a direct call goes to the function called.
//
// The registers from RsBSPSTORE on may never have been written to memory.  What memory holds there
// is then older, and may look right too: it is followed only where nothing else can be, and never
// for certain.  Unless the backing store was captured up to the very end of the frame read from
// RsBSP as its base: whoever saved it took these registers for saved.
#include <algorithm>

#include "arch/ia64.h"
#include "arch/ia64_rse.h"
#include "arch/ia64_unwind_code.h"
#include "base/text.h"

namespace dumptriage::arch {
namespace {

constexpr int kSteps = 8;

struct Trial {
  enum class Call { unknown, here, elsewhere }; // of a direct call: to the function called?
  struct Frame {
    std::uint64_t pc = 0, sp = 0, marker = 0;
    Call call = Call::unknown;
    bool in_b0 = false; // the return address is still in b0: no reading has given it
    bool operator==(const Frame&) const = default;
  };
  Frame frames[kSteps];
  int good = 0;         // callers behind a call in known code
  bool refuted = false; // it ends with what no walk can meet
  std::string ended;    // why
};

bool is_contradiction(const UnwindFailure& failure) {
  return failure.error.code == Code::bad_value || failure.error.code == Code::mismatch;
}

std::optional<std::uint64_t> function_of(const UnwindInput& in, std::uint64_t address) {
  FunctionEntry entry;
  if (in.functions.find(address, entry) != FunctionLookup::found) return std::nullopt;
  return entry.image_base + entry.begin;
}

// Why `pc` cannot be a return address; empty when it can.
std::string no_return_address(const UnwindInput& in, std::uint64_t pc) {
  FunctionEntry entry;
  if (in.functions.find(pc - 16, entry) == FunctionLookup::unknown)
    return hex_address(pc, 8) + " is in no known code";
  if (call_before_ia64(in.memory, pc) == false) return hex_address(pc, 8) + " follows no call";
  return {};
}

// The call before `pc`, seen from the function around `callee`.
Trial::Call call_to(const UnwindInput& in, std::uint64_t pc, std::uint64_t callee, bool first) {
  const auto target = ia64_called_from(in.memory, pc);
  const auto begin = function_of(in, ia64_bundle(first ? callee : callee - 16));
  if (!target || !begin) return Trial::Call::unknown;
  // To another function: a jump may have led on.
  return *target == *begin ? Trial::Call::here : Trial::Call::elsewhere;
}

// Has the interrupted function saved its return address?
bool returns_without_b0(const UnwindInput& in, Registers registers) {
  for (int i = 0; i < 8; ++i) registers.forget(kIa64Rp + i);
  return unwind_ia64({registers, in.memory, in.functions, true, std::nullopt, in.effort})
      .has_value();
}

Trial walk(const UnwindInput& in, Registers registers) {
  Trial trial;
  bool first = true;
  for (; trial.good < kSteps; first = false) {
    auto caller = unwind_ia64({registers, in.memory, in.functions, first, std::nullopt, in.effort});
    if (!caller) {
      trial.refuted = is_contradiction(caller.error());
      trial.ended = caller.error().error.why;
      return trial;
    }
    const std::uint64_t pc = caller->registers.get(kIa64Iip).value_or(0);
    if (pc == 0) {
      trial.ended = "the return address is 0";
      return trial;
    }
    trial.ended = no_return_address(in, pc);
    if (!trial.ended.empty()) {
      trial.refuted = true;
      return trial;
    }
    const bool in_b0 = first && !returns_without_b0(in, registers);
    const auto call = call_to(in, pc, *registers.get(kIa64Iip), first);
    registers = caller->registers;
    trial.frames[trial.good++] = {pc, registers.get(kIa64Sp).value_or(0),
                                  registers.get(kIa64Ifs).value_or(0), call, in_b0};
  }
  return trial;
}

// What speaks for a reading: return addresses that the other one does not give.  The call before
// the first of them tells whether a frame has been skipped there.
struct Evidence {
  int callers = 0;
  Trial::Call call = Trial::Call::unknown;
};
Evidence evidence(const Trial& trial, const Trial& other) {
  int i = 0;
  while (i < trial.good && i < other.good && trial.frames[i].pc == other.frames[i].pc) ++i;
  if (i < trial.good && trial.frames[i].in_b0) ++i;
  if (i == trial.good) return {};
  return {trial.good - i, trial.frames[i].call};
}

bool holds(const Trial& trial, const Trial& other) {
  const Evidence its = evidence(trial, other), others = evidence(other, trial);
  if (its.callers == 0) return false;
  const bool by_call = its.call == Trial::Call::here;
  if (others.callers == 0) return by_call || (other.refuted && (!trial.refuted || its.callers > 1));
  return (by_call && others.call == Trial::Call::elsewhere) ||
         (other.refuted && !trial.refuted && its.callers > others.callers);
}

// Are all callers of `trial` also those of `other`?
bool within(const Trial& trial, const Trial& other) {
  return trial.good <= other.good &&
         std::equal(trial.frames, trial.frames + trial.good, other.frames);
}

std::string told(const Trial& trial) {
  std::string text = std::to_string(trial.good) + (trial.good == 1 ? " caller" : " callers");
  return trial.ended.empty() ? text : text + " (then: " + trial.ended + ")";
}

class Settling {
public:
  Settling(const UnwindInput& in, std::uint64_t bsp, Ia64FrameMarker marker)
      : in_(in), base_(in.registers), top_(in.registers) {
    top_.set(kIa64Bsp, ia64_skip(bsp, -static_cast<std::int64_t>(marker.sof())));
    behind_ = ia64_skip(bsp, marker.sof());
  }
  Settled run();

private:
  bool captured_to_the_end() const;
  Settled answer(bool base, bool certain, const Trial& a, const Trial& b) const;
  const UnwindInput& in_;
  Registers base_, top_;
  std::uint64_t behind_; // the frame's end when RsBSP is its base
};

Settled Settling::answer(bool base, bool certain, const Trial& a, const Trial& b) const {
  Settled out;
  out.registers = base ? base_ : top_;
  out.certain = certain;
  out.note =
      certain ? std::string("RsBSP is the ") + (base ? "base" : "top") + " of the interrupted frame"
              : "what RsBSP names is undecided";
  out.note += ": read as its base it gives " + told(a) + "; read as its top, " + told(b);
  return out;
}

bool Settling::captured_to_the_end() const {
  const auto range = in_.memory.range_around(behind_ - 8);
  return range && range->end == behind_;
}

Settled Settling::run() {
  const auto saved_to = in_.registers.get(kIa64BspStore);
  if (saved_to && *saved_to < behind_ && captured_to_the_end()) base_.set(kIa64BspStore, behind_);
  Trial a = walk(in_, base_), b = walk(in_, top_);
  const bool base = holds(a, b), top = holds(b, a);
  if (base != top) return answer(base, true, a, b);
  // Do the frames need it at all?
  Registers without = in_.registers;
  without.forget(kIa64Bsp);
  const Trial c = walk(in_, without);
  if (c.good > 0 && within(a, c) && within(b, c)) {
    return {std::move(without), true,
            "what RsBSP names is undecided, but changes nothing here: " + told(c)};
  }
  if (a.good + b.good > 0) return answer(a.good >= b.good, false, a, b);
  const auto store = in_.registers.get(kIa64BspStore);
  if (!store || *store >= behind_) return answer(true, false, a, b);
  for (Registers* reading : {&base_, &top_}) reading->set(kIa64BspStore, behind_);
  a = walk(in_, base_);
  b = walk(in_, top_);
  Settled out = answer(a.good >= b.good, false, a, b);
  out.note += " (from memory behind RsBSPSTORE, which may be older than the registers)";
  return out;
}

} // namespace

std::optional<Settled> settle_ia64(const UnwindInput& input) {
  const auto bsp = input.registers.get(kIa64Bsp), value = input.registers.get(kIa64Ifs);
  if (!bsp || !value) return std::nullopt;
  const Ia64FrameMarker marker{*value & kIa64MarkerBits};
  if (marker.sof() == 0 || !marker.plausible()) return std::nullopt;
  // Without unwind data there is no first step, and the walk says which image it lacks.
  FunctionEntry entry;
  const std::uint64_t pc = input.registers.get(kIa64Iip).value_or(0);
  if (input.functions.find(ia64_bundle(pc), entry) == FunctionLookup::unknown) return std::nullopt;
  return Settling(input, *bsp, marker).run();
}

} // namespace dumptriage::arch
