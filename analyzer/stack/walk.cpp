// From registers and memory to frames.
//
// One step asks, in this order: the call through a bad pointer (pc in no module), the unwind data
// of the image, the frame-pointer chain; each gives a candidate for the caller, and the candidate
// must fit: its stack pointer is higher and inside the stack, its pc follows a call.  What fits and
// is proved extends the sure part.  The first step that does not ends the sure part; from there on
// every frame is a guess, also those found by unwinding from a guess.  Last resort is the scan.
//
// Where the sure part cannot go on, the last frame may be the function in which the thread began:
// near the top of the stack that is its end, and nothing is missing.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/text.h"
#include "stack/walk_loop.h"

namespace dumptriage::stack {
namespace {

// Words looked at by all scans of one walk together, so that a hostile stack costs little.
constexpr std::size_t kAllScanWords = 4096;
// Instructions followed by all proofs of one walk together.
constexpr std::size_t kAllEffort = 100000;

class Walker {
public:
  Walker(const Ground& ground, std::uint64_t low, std::uint64_t high, const WalkLimits& limits)
      : ground_(ground), low_(low), high_(high), limits_(limits), others_(ground.other_stacks) {}

  Stack run(const arch::Registers& start) {
    if (!begin(start)) return std::move(stack_);
    while (step()) {
    }
    if (sure_) stack_.sure_frames = stack_.frames.size();
    stack_.work = scanned_ + (kAllEffort - std::min(effort_, kAllEffort));
    return std::move(stack_);
  }

private:
  enum class Fit { yes, end, no };
  struct Candidate {
    arch::Caller caller;
    std::uint64_t pc = 0, sp = 0;
    Fit fit = Fit::no;
    bool proved = false;
    std::string why; // it does not fit, or is not proved
  };

  bool begin(const arch::Registers& start);
  bool settle(arch::Registers& registers);
  void add(Frame frame);
  bool step();
  bool try_methods(std::vector<std::string>& failures);
  std::optional<Candidate> by_bad_call();
  Candidate judge(arch::Caller caller);
  bool stays(const Candidate& c) const;
  bool take(Candidate candidate);
  bool scan();
  std::optional<std::uint64_t> return_address_at(std::uint64_t address, bool& end);
  bool follows_call(std::uint64_t value);

  void push(arch::Caller caller, std::uint64_t pc, std::uint64_t sp);
  bool begins_here(bool nothing_fits);
  void lose_sureness(const std::string& why);
  bool finish(std::string why, bool known_end);
  // A return address of 0 is the end of the stack only near its top; elsewhere it was written over.
  bool near_top(std::uint64_t sp) const {
    constexpr std::uint64_t above = 0x4000; // saved floating state, the thread's parameters
    const auto range = ground_.memory.range_around(last().sp);
    const std::uint64_t top = inside_stack(last().sp) ? high_ : range ? range->end : 0;
    return top >= sp && top - sp <= above;
  }
  bool inside_stack(std::uint64_t sp) const { return high_ > low_ && sp >= low_ && sp < high_; }
  bool is_kernel(std::uint64_t address) const {
    return ground_.arch.pointer_size == 8 ? address >> 63 != 0 : address >= 0x80000000;
  }
  const memory::AddressSpace::Range* other_stack(std::uint64_t sp) const;
  void enter_stack(std::uint64_t sp, bool interrupted);
  std::uint64_t strip(std::uint64_t address) const {
    return ground_.arch.strip ? ground_.arch.strip(address) : address;
  }
  std::string address_text(std::uint64_t address) const;
  const Frame& last() const { return stack_.frames.back(); }

  const Ground& ground_;
  std::uint64_t low_, high_;
  WalkLimits limits_;
  std::vector<memory::AddressSpace::Range> others_; // not entered yet
  Stack stack_;
  bool sure_ = true;
  std::size_t scanned_ = 0;
  std::size_t effort_ = kAllEffort;
  std::shared_ptr<void> kept_; // the unwinder's own
  // Of the function that the last frame has called; 0 for one that was interrupted.
  std::optional<std::uint32_t> callee_parameters_ = 0;
};

std::string Walker::address_text(std::uint64_t address) const {
  std::string text = hex_address(address, ground_.arch.pointer_size);
  if (auto module = ground_.module_at(address)) text += " in " + ground_.module_name(*module);
  return text;
}

bool Walker::begin(const arch::Registers& start) {
  const auto pc = start.get(ground_.arch.pc), sp = start.get(ground_.arch.sp);
  if (!pc || !sp) {
    stack_.ended = "the context has no program counter or no stack pointer";
    return false;
  }
  Frame frame;
  frame.pc = strip(*pc);
  frame.sp = strip(*sp);
  frame.exact_pc = true;
  frame.trust = arch::Trust::context;
  frame.registers = start;
  const bool certain = settle(frame.registers);
  std::erase_if(others_,
                [&](const auto& stack) { return frame.sp >= stack.start && frame.sp < stack.end; });
  add(std::move(frame));
  if (!certain) lose_sureness(stack_.settled);
  return true;
}

// Lets the dump answer what the context leaves open.  False when it cannot.
bool Walker::settle(arch::Registers& registers) {
  if (!ground_.arch.settle) return true;
  auto settled = ground_.arch.settle(
      {registers, ground_.memory, ground_.functions, true, std::nullopt, &effort_});
  if (!settled) return true;
  registers = std::move(settled->registers);
  stack_.settled = std::move(settled->note);
  return settled->certain;
}

void Walker::add(Frame frame) {
  frame.module = ground_.module_at(frame.lookup());
  if (frame.module) frame.module_name = ground_.module_name(*frame.module);
  stack_.frames.push_back(std::move(frame));
}

void Walker::lose_sureness(const std::string& why) {
  if (!sure_) return;
  sure_ = false;
  stack_.sure_frames = stack_.frames.size();
  stack_.sure_ended = why;
}

bool Walker::finish(std::string why, bool known_end) {
  stack_.whole = sure_ && known_end;
  if (sure_ && !known_end) stack_.sure_ended = why;
  stack_.ended = std::move(why);
  return false;
}

const memory::AddressSpace::Range* Walker::other_stack(std::uint64_t sp) const {
  for (const auto& stack : others_)
    if (sp >= stack.start && sp < stack.end) return &stack;
  return nullptr;
}

// The bounds go with the stack pointer.  Each of the other stacks is entered once, which is what
// ends a walk that a hostile dump sends back and forth.
void Walker::enter_stack(std::uint64_t sp, bool interrupted) {
  if (inside_stack(sp)) return;
  memory::AddressSpace::Range bounds;
  if (const auto* stack = other_stack(sp))
    bounds = *stack;
  else if (interrupted) // the stack that an interrupt left
    bounds = ground_.memory.range_around(sp).value_or(bounds);
  else
    return;
  std::erase_if(others_, [&](const auto& stack) { return sp >= stack.start && sp < stack.end; });
  low_ = bounds.start;
  high_ = bounds.end;
}

void Walker::push(arch::Caller caller, std::uint64_t pc, std::uint64_t sp) {
  enter_stack(sp, caller.machine_frame);
  callee_parameters_ = 0;
  if (!caller.machine_frame) {
    const auto callee = ground_.functions.frame_data(last().lookup());
    callee_parameters_ = callee ? std::optional(callee->parameters) : std::nullopt;
  }
  Frame frame;
  frame.pc = pc;
  frame.sp = sp;
  frame.exact_pc = caller.machine_frame;
  frame.trust = caller.trust;
  frame.origin = std::max(last().origin, caller.origin);
  frame.registers = std::move(caller.registers);
  frame.registers.set(ground_.arch.pc, pc);
  add(std::move(frame));
}

// May the caller's stack pointer be that of the last frame?
bool Walker::stays(const Candidate& c) const {
  // Where the return address is in a register, a leaf function need not touch the stack, ...
  const int link = ground_.arch.link, backing = ground_.arch.backing;
  if (link >= 0 && last().exact_pc) return true;
  // ... and one that calls nothing but routines with a linkage of their own may keep it in another
  // register.  There are only so many, and the same place twice would be a circle.
  if (link >= 0 && c.caller.register_frame && c.proved) {
    constexpr std::ptrdiff_t most = 4;
    const auto above = std::ranges::find_if(stack_.frames.rbegin(), stack_.frames.rend(),
                                            [&](const Frame& f) { return f.sp != c.sp; });
    return above - stack_.frames.rbegin() <= most &&
           std::none_of(stack_.frames.rbegin(), above,
                        [&](const Frame& f) { return f.pc == c.pc; });
  }
  // ... and a function whose frame lies on the second stack neither.
  const auto above = last().registers.get(backing), below = c.caller.registers.get(backing);
  return above && below && *below < *above;
}

// Does the candidate fit below the last frame?
Walker::Candidate Walker::judge(arch::Caller caller) {
  Candidate c;
  c.pc = strip(caller.registers.get(ground_.arch.pc).value_or(0));
  c.sp = strip(caller.registers.get(ground_.arch.sp).value_or(0));
  c.proved = caller.proved;
  c.why = caller.unproved;
  const bool interrupted = caller.machine_frame;
  c.caller = std::move(caller);
  if (interrupted) { // the CPU switches stacks as it likes, and pc may be anything
    const bool seen = std::ranges::any_of(
        stack_.frames, [&](const Frame& f) { return f.sp == c.sp && f.pc == c.pc; });
    c.fit = seen ? Fit::no : Fit::yes;
    if (seen) c.why = "the frames go in a circle";
    return c;
  }
  if (c.sp % ground_.arch.pointer_size != 0) {
    c.why = "the stack pointer is not aligned";
    return c;
  }
  // Where the kernel changes to a stack of its own for DPCs and interrupts, a frame pointer stays.
  const bool changes_stack =
      c.proved && inside_stack(last().sp) && !inside_stack(c.sp) && other_stack(c.sp);
  const bool may_stay = stays(c);
  if ((may_stay ? c.sp < last().sp : c.sp <= last().sp) && !changes_stack) {
    c.why = "the stack pointer does not advance";
    return c;
  }
  if (inside_stack(last().sp) && c.sp > high_ && !changes_stack) {
    c.why = "the stack pointer leaves the stack";
    return c;
  }
  if (c.pc == 0) {
    c.fit = Fit::end;
    return c;
  }
  const std::optional<bool> call =
      ground_.arch.call_before ? ground_.arch.call_before(ground_.memory, c.pc) : std::nullopt;
  if (call == false) {
    c.why = "the return address " + address_text(c.pc) + " does not follow a call";
    return c;
  }
  c.fit = Fit::yes;
  if (!ground_.module_at(c.pc - 1) && call != true) {
    if (!c.proved) {
      c.fit = Fit::no;
      return c;
    }
    c.proved = false;
    c.why = "the return address " + address_text(c.pc) + " lies in no known module";
  }
  return c;
}

// Ends the walk when the last frame is a function in which threads begin.  One that the system
// calls from another of those is the end only when no caller of it is to be found.
bool Walker::begins_here(bool nothing_fits) {
  if (!sure_ || !ground_.thread_start || !near_top(last().sp)) return false;
  const auto start = ground_.thread_start(last());
  if (!start || (!start->outermost && !nothing_fits)) return false;
  finish("the thread begins in " + start->name, true);
  return true;
}

// True when the walk goes on.
bool Walker::take(Candidate c) {
  if (!c.proved && begins_here(false)) return false;
  if (!c.proved) lose_sureness(c.why);
  if (c.fit == Fit::end)
    return finish("the end of the stack: the return address is 0", near_top(c.sp));
  push(std::move(c.caller), c.pc, c.sp);
  return true;
}

// pc lies in no module: most often a call through a bad pointer, which has done nothing but push
// its return address.  Proved when that address follows a call whose target comes out as pc.
std::optional<Walker::Candidate> Walker::by_bad_call() {
  const Frame& frame = last();
  if (!frame.exact_pc || ground_.module_at(frame.pc) || !ground_.arch.call_reaches)
    return std::nullopt;
  const int size = ground_.arch.pointer_size;
  const auto value = ground_.memory.pointer(frame.sp, size);
  if (!value || !ground_.module_at(*value - 1)) return std::nullopt;
  const auto reaches = ground_.arch.call_reaches(ground_.memory, *value, frame.registers);
  if (reaches == false) return std::nullopt;
  arch::Caller caller;
  caller.registers = frame.registers;
  caller.registers.set(ground_.arch.pc, *value);
  caller.registers.set(ground_.arch.sp, frame.sp + size);
  caller.trust = arch::Trust::prologue;
  caller.proved = reaches == true;
  if (!caller.proved)
    caller.unproved = "pc " + address_text(frame.pc) +
                      " lies in no known module, and no call to it could be worked out";
  std::byte probe[1];
  caller.origin = ground_.memory.read(*value - 1, probe).origin;
  return judge(std::move(caller));
}

// Tries every method.  True when one gave a frame or the end; `failures` says why the others did
// not.
bool Walker::try_methods(std::vector<std::string>& failures) {
  const Frame& frame = last();
  const arch::UnwindInput input{frame.registers, ground_.memory,     ground_.functions,
                                frame.exact_pc,  callee_parameters_, &effort_,
                                &kept_};
  if (auto candidate = by_bad_call(); candidate && candidate->fit == Fit::yes)
    return take(std::move(*candidate)), true;
  for (auto method : {ground_.arch.unwind_by_data, ground_.arch.unwind_by_frame_data,
                      ground_.arch.unwind_by_cfi, ground_.arch.unwind_by_frame_pointer}) {
    if (!method) continue;
    auto result = method(input);
    if (!result) {
      const arch::UnwindFailure& failure = result.error();
      if (failure.stop) {
        stack_.stopped = sure_;
        return finish(failure.error.message(), failure.known_end), true;
      }
      // Reading on where the stack itself ends.
      const bool top = inside_stack(frame.sp) && failure.error.where.at >= high_ &&
                       failure.error.where.space == Space::virtual_memory &&
                       failure.error.where.at - high_ < 0x10000;
      failures.push_back(top ? "the captured stack ends here" : failure.error.message());
      continue;
    }
    Candidate candidate = judge(std::move(*result));
    if (candidate.fit != Fit::no) return take(std::move(candidate)), true;
    failures.push_back(candidate.why);
  }
  return false;
}

bool Walker::step() {
  if (stack_.frames.size() >= limits_.frames)
    return finish("the limit of " + std::to_string(limits_.frames) + " frames", false);
  if (!sure_ && stack_.frames.size() - stack_.sure_frames >= limits_.guessed_frames)
    return finish("the limit of " + std::to_string(limits_.guessed_frames) + " guessed frames",
                  false);
  const std::size_t before = stack_.frames.size();
  std::vector<std::string> failures;
  if (try_methods(failures)) return stack_.frames.size() > before;
  std::string why =
      failures.empty() ? "no method to unwind " + std::string(ground_.arch.name) : failures.front();
  const std::uint64_t pc = last().lookup();
  arch::FunctionEntry entry;
  if (!ground_.module_at(pc))
    why = "pc " + address_text(last().pc) + " lies in no known module";
  else if (ground_.arch.unwind_by_data &&
           ground_.functions.find(pc, entry) == arch::FunctionLookup::unknown)
    why = "no image of " + ground_.module_name(*ground_.module_at(pc)) + ": no unwind data for " +
          hex_address(last().pc, ground_.arch.pointer_size);
  // Below an interrupted user frame of a kernel dump nothing is captured: the kernel stack is
  // whole.
  if (sure_ && before >= 2 && last().exact_pc && !is_kernel(last().sp) && !is_kernel(last().pc) &&
      is_kernel(stack_.frames[before - 2].pc) && !ground_.memory.range_around(last().sp))
    return finish("the kernel stack ends; the user stack is not in this dump", true);
  if (begins_here(true)) return false;
  lose_sureness(why);
  return scan();
}

bool Walker::follows_call(std::uint64_t value) {
  if (value < 2 || !ground_.module_at(value - 1)) return false;
  if (ground_.is_code && ground_.is_code(value - 1) == false) return false;
  if (!ground_.arch.call_before) return true;
  return ground_.arch.call_before(ground_.memory, value).value_or(true);
}

bool Walker::scan() {
  const auto size = static_cast<std::uint64_t>(ground_.arch.pointer_size);
  std::uint64_t at = (last().sp + size - 1) & ~(size - 1);
  if (at < last().sp) return finish("the stack pointer is no address", false);
  for (std::size_t i = 0; i < limits_.scan_words; ++i, at += size) {
    if (scanned_++ >= kAllScanWords || at > UINT64_MAX - size)
      return finish("the limit of words to scan", false);
    if (inside_stack(last().sp) && at >= high_) return finish("the end of the stack", false);
    const auto word = ground_.memory.pointer(at, ground_.arch.pointer_size);
    if (!word) return finish("the stack above " + address_text(at) + " is not captured", false);
    const std::uint64_t value = strip(*word);
    if (!follows_call(value)) continue;
    arch::Caller caller;
    caller.registers.set(ground_.arch.sp, at + size);
    // The frame pointer may still be that of a frame further up; a method that uses it checks it.
    if (auto fp = ground_.arch.fp >= 0 ? last().registers.get(ground_.arch.fp) : std::nullopt)
      caller.registers.set(ground_.arch.fp, *fp);
    caller.trust = arch::Trust::scan;
    push(std::move(caller), value, at + size);
    return true;
  }
  return finish("no return address in the next " + std::to_string(limits_.scan_words) + " words",
                false);
}

} // namespace

Stack walk_on(const Ground& ground, const arch::Registers& start, std::uint64_t stack_low,
              std::uint64_t stack_high, const WalkLimits& limits) {
  return Walker(ground, stack_low, stack_high, limits).run(start);
}

Stack walk(const arch::Registers& start, const arch::Arch& arch, symbols::ModuleSet& modules,
           std::uint64_t stack_low, std::uint64_t stack_high, const WalkLimits& limits,
           std::vector<memory::AddressSpace::Range> other_stacks) {
  const Ground ground{
      arch,
      modules,
      modules.overlay(),
      [&](std::uint64_t address) { return modules.module_at(address); },
      [&](std::size_t index) { return std::string(modules.modules()[index].name()); },
      [&](std::uint64_t address) { return modules.is_code(address); },
      std::move(other_stacks),
      [&](const Frame& frame) { return thread_start(frame, modules); }};
  return walk_on(ground, start, stack_low, stack_high, limits);
}

} // namespace dumptriage::stack
