// What is known about registers and stack while the code of a 32-bit function is followed, as
// values relative to what they were at its entry.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "arch/x86_decode.h"

namespace dumptriage::arch::x86 {

// base + offset.  A base is nothing, zero, the stack pointer at the entry, a register at the entry,
// or what an instruction made that cannot be told beforehand: an aligned stack pointer, or the
// stack pointer behind a call that may have taken its parameters off; then the instruction's
// address.
struct Value {
  static constexpr std::uint32_t kUnknown = 0, kConstant = 1,
                                 kWordAt = 2, // what lies at the fixed address `offset`: an import
      kEntryStack = 3, kEntryRegister = 4,
                                 kMade = 0x100; // addresses of instructions begin here
  std::uint32_t base = kUnknown, offset = 0;

  bool known() const { return base != kUnknown; }
  bool is_constant() const { return base == kConstant; }
  Value plus(std::uint32_t delta) const {
    if (!known() || (base == kWordAt && delta != 0)) return {};
    return {base, offset + delta};
  }
  static Value constant(std::uint32_t value) { return {kConstant, value}; }
  static Value entry(int reg) {
    return reg == kEsp ? Value{kEntryStack, 0}
                       : Value{kEntryRegister + static_cast<std::uint32_t>(reg), 0};
  }
  bool is_entry(int reg) const { return *this == entry(reg); }
  friend bool operator==(const Value&, const Value&) = default;
};

// What the stack pointers behind calls have turned out to be: where two paths meet, the stack
// pointer must be the same on both, and a function leaves with the one it began with.
class Unknowns {
public:
  Value settle(Value value) const;
  // Makes both the same if that is possible: one of them lies behind a call not settled yet.
  bool unify(Value a, Value b);
  void add_call(std::uint32_t call) { calls_.try_emplace(call); }
  std::size_t settled() const;
  const std::map<std::uint32_t, Value>& calls() const { return calls_; }
  void forget() { calls_.clear(); }

private:
  std::map<std::uint32_t, Value> calls_; // unknown: not settled
};

struct Slot {
  std::uint32_t base = 0, offset = 0; // where it lies
  Value value;
  friend bool operator==(const Slot&, const Slot&) = default;
};

class State {
public:
  std::array<Value, 8> registers{};
  bool no_borrow = false; // the carry flag is known to be clear

  static State at_entry();
  // The value stored at an address; unknown when none was.
  Value load(Value address) const;
  void store(Value address, Value value);
  void forget_memory(Value address);
  // Drops what lies below the stack pointer: the next call or interrupt writes over it.
  void drop_dead();
  const std::vector<Slot>& slots() const { return slots_; }

  // Keeps what `other` has too; true when something was lost.  Stack pointers are unified.
  bool meet(const State& other, Unknowns& unknowns);
  void settle(const Unknowns& unknowns);
  friend bool operator==(const State&, const State&) = default;

private:
  std::vector<Slot> slots_; // sorted by place
};

// Reads a word of memory at an address that is a constant; nothing when it must not be relied on.
using ReadStack = std::function<std::optional<std::uint32_t>(std::uint32_t)>;

// Carries out an instruction other than its jump; of a call only what follows its return, `next`
// being the address of `instruction`'s end.
void execute(const Instruction& instruction, std::uint32_t address, State& state,
             const ReadStack& read);

// A call is over: scratch registers are lost, the stack pointer is one that `call` made.
void return_from_call(std::uint32_t call, State& state, Unknowns& unknowns);

Value address_of(const Operand& memory, const State& state);

} // namespace dumptriage::arch::x86
