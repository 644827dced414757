#include "arch/x86_state.h"

#include <algorithm>
#include <tuple>

namespace dumptriage::arch::x86 {
namespace {

// A function saves a handful of registers; the rest are parameters of calls, which come and go.
constexpr std::size_t kMostSlots = 32;
// No function has more on its stack, and no stack lies lower.
constexpr std::uint32_t kMostStack = 0x1000000;

auto place(const Slot& slot) {
  return std::tuple(slot.base, static_cast<std::int32_t>(slot.offset));
}

} // namespace

Value Unknowns::settle(Value value) const {
  for (std::size_t i = 0; i <= calls_.size() && value.base >= Value::kMade; ++i) {
    const auto found = calls_.find(value.base);
    if (found == calls_.end() || !found->second.known()) break;
    value = found->second.plus(value.offset);
  }
  return value;
}

bool Unknowns::unify(Value a, Value b) {
  a = settle(a);
  b = settle(b);
  if (a == b) return a.known();
  if (!a.known() || !b.known() || a.base == b.base) return false;
  if (const auto call = calls_.find(a.base); call != calls_.end()) {
    call->second = b.plus(-a.offset);
    return true;
  }
  if (const auto call = calls_.find(b.base); call != calls_.end()) {
    call->second = a.plus(-b.offset);
    return true;
  }
  return false;
}

std::size_t Unknowns::settled() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(calls_, [](const auto& call) { return call.second.known(); }));
}

State State::at_entry() {
  State state;
  for (int reg = 0; reg < 8; ++reg) state.registers[reg] = Value::entry(reg);
  return state;
}

Value State::load(Value address) const {
  if (!address.known()) return {};
  const Slot wanted{address.base, address.offset, {}};
  const auto found = std::ranges::lower_bound(slots_, place(wanted), {}, place);
  return found != slots_.end() && place(*found) == place(wanted) ? found->value : Value{};
}

void State::forget_memory(Value address) {
  if (!address.known()) return;
  std::erase_if(slots_, [&](const Slot& slot) {
    const std::uint32_t distance = slot.offset - address.offset + 3;
    return slot.base == address.base && distance < 7; // overlaps the word there
  });
}

void State::store(Value address, Value value) {
  forget_memory(address);
  if (!address.known() || !value.known() || slots_.size() >= kMostSlots) return;
  const Slot slot{address.base, address.offset, value};
  slots_.insert(std::ranges::lower_bound(slots_, place(slot), {}, place), slot);
}

void State::drop_dead() {
  const Value top = registers[kEsp];
  if (!top.known()) return;
  std::erase_if(slots_, [&](const Slot& slot) {
    return slot.base == top.base &&
           static_cast<std::int32_t>(slot.offset) < static_cast<std::int32_t>(top.offset);
  });
}

void State::settle(const Unknowns& unknowns) {
  auto open = [](std::uint32_t base) { return base >= Value::kMade; };
  for (Value& value : registers)
    if (open(value.base)) value = unknowns.settle(value);
  bool moved = false;
  for (Slot& slot : slots_) {
    if (open(slot.value.base)) slot.value = unknowns.settle(slot.value);
    if (!open(slot.base)) continue;
    const Value at = unknowns.settle({slot.base, slot.offset});
    moved |= at.base != slot.base;
    slot.base = at.base;
    slot.offset = at.offset;
  }
  if (moved) std::ranges::stable_sort(slots_, {}, place);
}

bool State::meet(const State& other, Unknowns& unknowns) {
  const bool learned = other.registers[kEsp].known() && registers[kEsp] != other.registers[kEsp] &&
                       unknowns.unify(registers[kEsp], other.registers[kEsp]);
  std::optional<State> settled;
  if (learned) {
    settle(unknowns);
    settled = other;
    settled->settle(unknowns);
  }
  const State& theirs = settled ? *settled : other;
  bool changed = false;
  for (int reg = 0; reg < 8; ++reg) {
    if (registers[reg] == theirs.registers[reg] || !registers[reg].known()) continue;
    registers[reg] = {};
    changed = true;
  }
  auto at = theirs.slots_.begin();
  changed |= std::erase_if(slots_, [&](const Slot& slot) {
               while (at != theirs.slots_.end() && place(*at) < place(slot)) ++at;
               return at == theirs.slots_.end() || *at != slot;
             }) != 0;
  changed |= no_borrow && !theirs.no_borrow;
  no_borrow &= theirs.no_borrow;
  return changed;
}

Value address_of(const Operand& memory, const State& state) {
  if (memory.kind != Operand::Kind::mem || memory.segment || memory.index >= 0) return {};
  if (memory.base < 0) return Value::constant(memory.value);
  return state.registers[memory.base].plus(memory.value);
}

namespace {

class Execution {
public:
  Execution(const Instruction& instruction, std::uint32_t address, State& state,
            const ReadStack& read)
      : in_(instruction), address_(address), s_(state), read_(read) {}

  void run() {
    const bool flags = in_.keeps_flags && s_.no_borrow;
    s_.no_borrow = false;
    const Value before = esp();
    stack_or_move();
    s_.no_borrow |= flags;
    if (esp() != before) s_.drop_dead();
  }

private:
  Value& esp() { return s_.registers[kEsp]; }
  Value load(Value address) {
    const Value value = s_.load(address);
    if (value.known() || !address.is_constant()) return value;
    const auto word = read_ ? read_(address.offset) : std::nullopt;
    return word ? Value::constant(*word) : Value{Value::kWordAt, address.offset};
  }
  Value value_of(const Operand& operand) {
    switch (operand.kind) {
    case Operand::Kind::reg: return s_.registers[operand.reg];
    case Operand::Kind::imm: return Value::constant(operand.value);
    case Operand::Kind::mem: return load(address_of(operand, s_));
    case Operand::Kind::none: break;
    }
    return {};
  }
  void set(const Operand& operand, Value value) {
    if (operand.kind == Operand::Kind::reg) s_.registers[operand.reg] = value;
    if (operand.kind == Operand::Kind::mem) s_.store(address_of(operand, s_), value);
  }
  void push(Value value) {
    esp() = esp().plus(-4u);
    s_.store(esp(), value);
  }
  Value pop() {
    const Value value = load(esp());
    esp() = esp().plus(4);
    return value;
  }

  void stack_or_move() {
    switch (in_.op) {
    case Op::other: return other();
    case Op::push: return push(value_of(in_.from));
    case Op::pop: return set(in_.to, pop());
    case Op::push_word: return push({});
    case Op::pop_word: return void(pop());
    case Op::move: return set(in_.to, value_of(in_.from));
    case Op::lea: {
      Operand place = in_.from;
      place.segment = false;
      return set(in_.to, address_of(place, s_));
    }
    case Op::leave:
      esp() = s_.registers[kEbp];
      s_.registers[kEbp] = pop();
      return;
    case Op::enter:
      push(s_.registers[kEbp]);
      s_.registers[kEbp] = esp();
      esp() = {}; // nesting levels: nobody writes them
      return;
    case Op::push_all: {
      const Value top = esp();
      for (int reg = 0; reg < 8; ++reg) push(reg == kEsp ? top : s_.registers[reg]);
      return;
    }
    case Op::pop_all:
      for (int reg = 7; reg >= 0; --reg) {
        const Value value = pop();
        if (reg != kEsp) s_.registers[reg] = value;
      }
      return;
    default: return arithmetic();
    }
  }

  void arithmetic() {
    const Value a = value_of(in_.to), b = value_of(in_.from);
    switch (in_.op) {
    case Op::add:
      return set(in_.to, b.is_constant()   ? a.plus(b.offset)
                         : a.is_constant() ? b.plus(a.offset)
                                           : Value{});
    case Op::sub:
      set(in_.to, b.is_constant() ? a.plus(-b.offset) : Value{});
      s_.no_borrow = a.known() && !a.is_constant() && b.is_constant() && b.offset < kMostStack;
      return;
    case Op::zero:
      set(in_.to, Value::constant(0));
      s_.no_borrow = true;
      return;
    case Op::borrow: // reads the flag that run() has taken down
      return set(in_.to, carry_was_clear() ? Value::constant(0) : Value{});
    case Op::invert: return set(in_.to, a.is_constant() ? Value::constant(~a.offset) : Value{});
    case Op::exchange: set(in_.to, b); return set(in_.from, a);
    case Op::bit_and: return set(in_.to, masked(a, b));
    default: return;
    }
  }
  bool carry_was_clear() const { return borrow_clear_; }
  Value masked(Value a, Value b) const {
    if (b.is_constant() && b.offset == UINT32_MAX) return a;
    if (a.is_constant() && a.offset == UINT32_MAX) return b;
    if (a.is_constant() && b.is_constant()) return Value::constant(a.offset & b.offset);
    // Aligning what is known makes a new base, named by this instruction.
    const bool aligns = b.is_constant() && (~b.offset & (~b.offset + 1)) == 0;
    return a.known() && !a.is_constant() && aligns ? Value{address_, 0} : Value{};
  }

  void other() {
    if (in_.stores) s_.forget_memory(address_of(in_.to, s_));
    for (int reg = 0; reg < 8; ++reg)
      if (in_.writes >> reg & 1) s_.registers[reg] = {};
  }

  const Instruction& in_;
  std::uint32_t address_;
  State& s_;
  const ReadStack& read_;
  const bool borrow_clear_ = s_.no_borrow;
};

} // namespace

void execute(const Instruction& instruction, std::uint32_t address, State& state,
             const ReadStack& read) {
  Execution(instruction, address, state, read).run();
}

void return_from_call(std::uint32_t call, State& state, Unknowns& unknowns) {
  for (int reg : {kEax, kEcx, kEdx}) state.registers[reg] = {};
  state.no_borrow = false;
  const Value top = state.registers[kEsp];
  if (!top.known()) return;
  // Nothing was pushed for the call: on top lies the return address, or a saved register.
  const Value word = state.load(top);
  if (top.is_entry(kEsp) || word.is_entry(kEbx) || word.is_entry(kEbp) || word.is_entry(kEsi) ||
      word.is_entry(kEdi))
    return;
  unknowns.add_call(call);
  state.registers[kEsp] = unknowns.settle({call, 0});
  state.drop_dead();
}

} // namespace dumptriage::arch::x86
