// Every register whose value is known as base + offset gives base = register - offset, and so does
// every word on the stack whose place is known by then.  The base wanted is the stack pointer at
// the entry.  When two registers give it, both must give the same.
#include "arch/x86_cfa.h"

namespace dumptriage::arch::x86 {
namespace {

constexpr int kMostOpenCalls = 16;

// Where the call at `address` goes.
Value target_of(const Followed& followed, std::uint32_t address) {
  const Step& call = followed.steps().at(address);
  const Instruction& in = call.instruction;
  if (in.direct_call) return Value::constant(in.target);
  if (in.from.kind == Operand::Kind::reg)
    return followed.settle(call.before.registers[in.from.reg]);
  const Value place = address_of(in.from, call.before);
  return place.is_constant() ? Value{Value::kWordAt, place.offset} : Value{};
}

class Bases {
public:
  // False when that contradicts what is known.
  bool learn(Value value, std::uint32_t number) {
    if (!value.known() || value.base == Value::kWordAt) return true;
    if (value.is_constant()) return value.offset == number;
    return known_.try_emplace(value.base, number - value.offset).first->second ==
           number - value.offset;
  }
  std::optional<std::uint32_t> number(Value value) const {
    if (value.is_constant()) return value.offset;
    const auto found = known_.find(value.base);
    if (!value.known() || found == known_.end()) return std::nullopt;
    return found->second + value.offset;
  }

private:
  std::map<std::uint32_t, std::uint32_t> known_;
};

class Placing {
public:
  Placing(const UnwindInput& input, Followed& followed, const AskPops& ask)
      : input_(input), followed_(followed), ask_(ask), reader_(input.memory) {}

  Placed run() {
    const auto pc = static_cast<std::uint32_t>(input_.registers.get(kEip).value_or(0));
    const State* state = input_.first ? followed_.before(pc) : followed_.before_call(pc);
    if (!state) return {};
    state_ = *state;
    close_calls();
    for (Value& value : state_.registers) value = followed_.settle(value);
    for (int reg : {kEsp, kEbp, kEbx, kEsi, kEdi, kEax, kEcx, kEdx}) {
      if (!input_.first && (reg == kEax || reg == kEcx || reg == kEdx)) continue;
      const auto now = input_.registers.get(reg);
      if (!now || bases_.learn(state_.registers[reg], static_cast<std::uint32_t>(*now))) continue;
      return refuse(Reached::conflict, "the registers are not what the code leaves in them");
    }
    if (!bases_.number(Value::entry(kEsp))) search_slots();
    const auto slot = bases_.number(Value::entry(kEsp));
    if (!slot) return refuse(Reached::unclear, "the stack pointer cannot be followed to here");
    return found(*slot);
  }

private:
  static Placed refuse(Reached how, const char* why) { return {how, {}, why}; }

  // Calls on the way whose parameters the function's own code does not tell.
  void close_calls() {
    for (int i = 0; i < kMostOpenCalls; ++i) {
      const auto call = followed_.open_call(state_.registers[kEsp]);
      if (!call || !ask_) return;
      const auto pops = ask_(*call, target_of(followed_, *call));
      if (!pops || !followed_.settle_call(*call, *pops)) return;
    }
  }

  std::optional<std::uint32_t> word(std::uint32_t address) {
    const auto value = reader_.get<le32>(address, "stack");
    return value ? std::optional<std::uint32_t>(*value) : std::nullopt;
  }

  // Where the stack pointer was aligned, the entry's was put into a slot first.
  void search_slots() {
    for (const Slot& slot : state_.slots()) {
      const auto at = bases_.number(followed_.settle({slot.base, slot.offset}));
      if (!at || slot.value.base != Value::kEntryStack) continue;
      if (const auto value = word(*at)) bases_.learn(slot.value, *value);
    }
  }

  Placed found(std::uint32_t slot) {
    Placed out;
    out.reached = Reached::yes;
    out.entry.slot = slot;
    out.entry.by_chain = state_.registers[kEbp] == Value::entry(kEsp).plus(-4u);
    for (int reg : {kEbx, kEbp, kEsi, kEdi})
      if (const auto value = at_entry(reg)) out.entry.registers.set(reg, *value);
    out.entry.origin = reader_.worst();
    return out;
  }

  // What a preserved register was at the entry: it still is, or it was saved.
  std::optional<std::uint32_t> at_entry(int reg) {
    const auto now = input_.registers.get(reg);
    if (state_.registers[reg].is_entry(reg))
      return now ? std::optional(static_cast<std::uint32_t>(*now)) : std::nullopt;
    for (const Slot& slot : state_.slots()) {
      if (!slot.value.is_entry(reg)) continue;
      if (const auto at = bases_.number(followed_.settle({slot.base, slot.offset})))
        return word(*at);
    }
    return std::nullopt;
  }

  const UnwindInput& input_;
  Followed& followed_;
  const AskPops& ask_;
  Reader reader_;
  State state_;
  Bases bases_;
};

} // namespace

Placed place_entry(const UnwindInput& input, Followed& followed, const AskPops& ask) {
  return Placing(input, followed, ask).run();
}

bool confirm_calls(Followed& followed, const AskPops& ask) {
  for (const std::uint32_t call : followed.calls_worked_out()) {
    if (!followed.steps().contains(call)) continue;
    const auto pops = ask(call, target_of(followed, call));
    if (!pops || !followed.settle_call(call, *pops)) return false;
  }
  for (const auto& exit : followed.exits())
    if (!followed.settle(exit.state.registers[kEsp]).is_entry(kEsp)) return false;
  return true;
}

} // namespace dumptriage::arch::x86
