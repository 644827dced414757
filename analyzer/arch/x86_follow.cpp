#include "arch/x86_follow.h"

namespace dumptriage::arch::x86 {
namespace {

// Bounds of following one function.
constexpr std::size_t kMostInstructions = 2048;
constexpr std::size_t kMostSteps = 3 * kMostInstructions; // what paths lose is followed again
constexpr std::uint32_t kReach = 0x10000;
constexpr std::uint32_t kMostTable = 512;
constexpr int kMostRuns = 6;
constexpr std::uint32_t kMostPops = 0x400; // bytes of parameters
// Helpers that make a frame are called among the first instructions.
constexpr std::size_t kBeginning = 16;

} // namespace

Followed Followed::from_entry(CodeReader& code, std::uint32_t start) {
  Followed out(code, start, nullptr);
  out.run(State::at_entry());
  return out;
}

Followed Followed::from_here(CodeReader& code, std::uint32_t pc, const State& state,
                             ReadStack read) {
  Followed out(code, pc, std::move(read));
  out.entry_ = false;
  out.run(state);
  return out;
}

// Again with what was learned about the calls, until nothing new is learned.
void Followed::run(const State& initial) {
  for (int i = 0; i < kMostRuns; ++i) {
    const std::size_t settled = unknowns_.settled();
    run_once(initial);
    meet_exits();
    if (cut_calls_that_never_return())
      unknowns_.forget();
    else if (cut_short || unknowns_.settled() == settled)
      break;
  }
  weigh_exits();
  origin = code_->worst();
  code_ = nullptr;
}

void Followed::run_once(const State& initial) {
  steps_.clear();
  calls_.clear();
  returns_.clear();
  tails_.clear();
  whole = true;
  interrupt = cut_short = false;
  taken_ = 0;
  go(start_, initial);
  while (!todo_.empty()) {
    const std::uint32_t address = todo_.front();
    todo_.pop_front();
    waiting_.erase(address);
    if (++taken_ > kMostSteps || !code_->spend()) {
      whole = false;
      cut_short = true;
      todo_.clear();
      waiting_.clear();
      break;
    }
    step(address);
  }
}

void Followed::go(std::uint32_t to, const State& state) {
  if (to - start_ + kReach >= 2 * kReach) {
    whole = false;
    return;
  }
  auto [found, fresh] = steps_.try_emplace(to);
  if (fresh) {
    if (steps_.size() > kMostInstructions) {
      steps_.erase(found);
      whole = false;
      cut_short = true;
      return;
    }
    found->second.before = state;
  } else {
    found->second.before.settle(unknowns_);
    if (!found->second.before.meet(state, unknowns_)) return;
  }
  if (waiting_.insert(to).second) todo_.push_back(to);
}

// Behind a call that never comes back, and the padding behind it, the next function begins.
void Followed::fall(const Step& from, std::uint32_t to, const State& state) {
  const bool may_end = from.instruction.flow == Flow::call || from.instruction.is_nop;
  if (may_end && to != start_ && code_->begins_at(to)) return;
  go(to, state);
}

void Followed::step(std::uint32_t address) {
  Step& here = steps_[address];
  if (!here.decoded) {
    const auto instruction = code_->decode(address);
    if (!instruction) {
      whole = false;
      return;
    }
    here.instruction = *instruction;
    here.decoded = true;
  }
  const Instruction& in = here.instruction;
  const std::uint32_t next = address + in.length;
  State state = here.before;
  state.settle(unknowns_);
  if (in.flow == Flow::call) return call(address, here, std::move(state));
  execute(in, address, state, read_);
  switch (in.flow) {
  case Flow::next: fall(here, next, state); break;
  case Flow::branch: go(next, state); [[fallthrough]];
  case Flow::jump: jump(address, in.target, state); break;
  case Flow::table: table(in.target, state); break;
  case Flow::ret: leave(address, state); break;
  case Flow::interrupt: interrupt = true; break;
  case Flow::elsewhere:
    whole = false;
    tails_.insert(address);
    break;
  case Flow::call:
  case Flow::end: break;
  }
}

void Followed::call(std::uint32_t address, const Step& here, State state) {
  const Instruction& in = here.instruction;
  const std::uint32_t next = address + in.length;
  calls_[next] = address;
  if (no_return_.contains(address)) return;
  if (in.direct_call && in.target == next) { // call $+5; pop register
    const Value place = state.registers[kEsp].plus(-4u);
    state.registers[kEsp] = place;
    state.store(place, Value::constant(next));
    return fall(here, next, state);
  }
  const auto behind = in.direct_call ? code_->decode(next) : std::nullopt;
  const bool helper =
      in.direct_call && (steps_.size() <= kBeginning || state.registers[kEax].is_constant() ||
                         (behind && behind->flow == Flow::ret));
  if (helper)
    if (auto after = run_helper(*code_, in.target, next, state)) return fall(here, next, *after);
  return_from_call(address, state, unknowns_);
  fall(here, next, state);
}

void Followed::jump(std::uint32_t from, std::uint32_t to, const State& state) {
  // A function that goes on as another one leaves its stack as it found it.
  if (to != start_ && state.registers[kEsp].is_entry(kEsp) && code_->begins_at(to))
    tails_.insert(from);
  else
    go(to, state);
}

void Followed::table(std::uint32_t at, const State& state) {
  const bool known = code_->begins_at(start_);
  for (std::uint32_t i = 0; i < kMostTable; ++i) {
    const auto entry = code_->u32(at + 4 * i);
    if (!entry || *entry - start_ + kReach >= 2 * kReach) break;
    if (known && code_->known_start(*entry) != start_) break;
    go(*entry, state);
  }
}

void Followed::leave(std::uint32_t address, const State& state) {
  // push address; ret: a jump
  if (const Value to = state.load(state.registers[kEsp]); to.is_constant()) {
    State gone = state;
    gone.registers[kEsp] = gone.registers[kEsp].plus(4);
    return go(to.offset, gone);
  }
  returns_.insert(address);
}

// Every way out finds the same stack pointer.
void Followed::meet_exits() {
  std::optional<Value> first;
  if (entry_) first = Value::entry(kEsp);
  for (const std::uint32_t address : returns_) {
    const Value esp = steps_[address].before.registers[kEsp];
    if (esp.known() && !first) first = esp;
    if (esp.known()) unknowns_.unify(esp, *first);
  }
}

void Followed::weigh_exits() {
  auto weigh = [&](const State& state, bool tail) {
    const Value esp = state.registers[kEsp];
    if (!esp.known()) return;
    bool same = esp.is_entry(kEsp), other = !same;
    for (int reg : {kEbx, kEbp, kEsi, kEdi}) {
      same &= state.registers[reg].is_entry(reg);
      other |= state.registers[reg].known() && !state.registers[reg].is_entry(reg);
    }
    balanced |= same;
    unbalanced |= other && !tail;
  };
  for (const std::uint32_t address : tails_) {
    State state = steps_[address].before;
    state.settle(unknowns_);
    if (entry_) weigh(state, true); // or the way to a place in the function
  }
  for (const std::uint32_t address : returns_) {
    const Step& here = steps_[address];
    exits_.push_back({address, here.instruction.pops, here.before});
    exits_.back().state.settle(unknowns_);
    if (entry_)
      weigh(exits_.back().state, false);
    else
      unbalanced |= exits_.back().state.registers[kEsp] != exits_.front().state.registers[kEsp];
  }
}

// A stack pointer that no parameters explain: the code behind that call is not reached from it.
bool Followed::cut_calls_that_never_return() {
  bool found = false;
  for (const auto& [next, address] : calls_) {
    const Value after = unknowns_.settle({address, 0});
    const Value before = unknowns_.settle(steps_[address].before.registers[kEsp]);
    if (after.base != before.base || !before.known()) continue;
    const std::uint32_t pops = after.offset - before.offset;
    if (pops <= kMostPops && pops % 4 == 0) continue;
    found |= no_return_.insert(address).second;
  }
  return found;
}

const State* Followed::before(std::uint32_t address) const {
  const auto found = steps_.find(address);
  return found != steps_.end() && found->second.decoded ? &found->second.before : nullptr;
}

const State* Followed::before_call(std::uint32_t address) const {
  const auto found = calls_.find(address);
  return found == calls_.end() ? nullptr : before(found->second);
}

std::optional<std::uint32_t> Followed::pops() const {
  std::optional<std::uint32_t> all;
  for (const Exit& exit : exits_) {
    if (all && *all != exit.pops) return std::nullopt;
    all = exit.pops;
  }
  return all;
}

std::optional<Operand> Followed::only_tail() const {
  if (!exits_.empty() || tails_.size() != 1) return std::nullopt;
  const Step& step = steps_.at(*tails_.begin());
  const bool clean = settle(step.before.registers[kEsp]).is_entry(kEsp);
  if (step.instruction.flow != Flow::elsewhere || !clean) return std::nullopt;
  return step.instruction.from;
}

std::optional<std::uint32_t> Followed::open_call(Value value) const {
  value = settle(value);
  const auto step = steps_.find(value.base);
  if (value.base < Value::kMade || step == steps_.end() ||
      step->second.instruction.flow != Flow::call)
    return std::nullopt;
  return value.base;
}

bool Followed::settle_call(std::uint32_t call, std::uint32_t pops) {
  const auto step = steps_.find(call);
  return step != steps_.end() &&
         unknowns_.unify({call, 0}, step->second.before.registers[kEsp].plus(pops));
}

std::vector<std::uint32_t> Followed::calls_worked_out() const {
  std::vector<std::uint32_t> calls;
  for (const auto& [call, value] : unknowns_.calls()) calls.push_back(call);
  return calls;
}

std::optional<State> run_helper(CodeReader& code, std::uint32_t target,
                                std::uint32_t return_address, const State& before) {
  constexpr int kMostSteps = 256, kMostRounds = 4;
  struct Path {
    std::uint32_t at;
    State state;
    std::map<std::uint32_t, int> rounds;
  };
  State entered = before;
  entered.registers[kEsp] = entered.registers[kEsp].plus(-4u);
  entered.store(entered.registers[kEsp], Value::constant(return_address));
  std::vector<Path> paths{{code.through_jumps(target), entered, {}}};
  std::optional<State> result;
  Unknowns none;
  for (int i = 0; !paths.empty(); ++i) {
    if (i == kMostSteps || !code.spend()) return std::nullopt;
    Path path = std::move(paths.back());
    paths.pop_back();
    if (++path.rounds[path.at] > kMostRounds) continue; // a loop that touches pages
    const auto in = code.decode(path.at);
    if (!in) return std::nullopt;
    const std::uint32_t next = path.at + in->length;
    execute(*in, path.at, path.state, nullptr);
    switch (in->flow) {
    case Flow::next: path.at = next; break;
    case Flow::jump: path.at = in->target; break;
    case Flow::branch:
      paths.push_back(path);
      paths.back().at = in->target;
      path.at = next;
      break;
    case Flow::ret: {
      State& state = path.state;
      if (state.load(state.registers[kEsp]) != Value::constant(return_address)) return std::nullopt;
      state.registers[kEsp] = state.registers[kEsp].plus(4 + in->pops);
      if (result)
        result->meet(state, none);
      else
        result = state;
      continue;
    }
    default: return std::nullopt;
    }
    paths.push_back(std::move(path));
  }
  return result;
}

} // namespace dumptriage::arch::x86
