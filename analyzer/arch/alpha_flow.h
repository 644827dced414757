// What Alpha code has done with the registers between two places, proved by following the code.
//
// Every register is what some register held at the start plus a constant (a plain constant is the
// zero register plus itself), or unknown.  Where paths meet, what they do not agree on is unknown;
// a loop whose counter is a constant is run through, which is how large frames are probed page by
// page.  Of memory only the slots are followed in which the function keeps what it has to give
// back.  It is assumed, as the calling standard demands, that nothing else writes to these slots
// and that calls keep the preserved registers.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "arch/alpha_decode.h"

namespace dumptriage::arch {

struct AlphaValue {
  static constexpr std::uint8_t kUnknown = 0xFF;
  static constexpr std::uint8_t kStack = 0xFE; // the quadword at the first sp + offset
  std::uint8_t base = kUnknown;                // else the register whose first value it counts from
  std::int32_t offset = 0;                     // what does not fit is unknown

  static AlphaValue of(std::uint8_t base, std::int64_t offset) {
    if (offset != static_cast<std::int32_t>(offset)) return {};
    return {base, static_cast<std::int32_t>(offset)};
  }

  bool known() const { return base != kUnknown; }
  bool is(int reg) const { return base == reg && offset == 0; }
  bool is_constant() const { return base == kAlphaZero; }
  bool operator==(const AlphaValue&) const = default;
};

struct AlphaState {
  // Preserved registers, and the return address.
  static constexpr int kSlots = 16, kRaSlot = 7, kFirstFloatSlot = 8;
  static constexpr std::int32_t kNoSlot = INT32_MIN;
  static int slot_of(int reg) { // -1: not one that is given back
    if (reg >= kAlphaS0 && reg <= kAlphaFp) return reg - kAlphaS0;
    if (reg == kAlphaRa) return kRaSlot;
    if (reg >= kAlphaF2 && reg < kAlphaF2 + 8) return kFirstFloatSlot + reg - kAlphaF2;
    return -1;
  }

  std::array<AlphaValue, 32> values;
  std::array<std::int32_t, kSlots> slots; // where the first value lies, from the first sp
  std::uint8_t floats = 0xFF;             // bit i: f(2+i) still holds its first value
  bool wrote = false;                     // memory was written

  AlphaState(); // at the start: every register is itself
  bool operator==(const AlphaState&) const = default;
  // Does what an instruction that goes on to the next one does.
  void step(AlphaWord word);
  // Comes back from a call that left its return address in `link`.
  void call(int link);
  // Comes back from _chkstk, which leaves the size that it was given in t12.
  void stack_check(int link);
  // Keeps what holds on both ways here.  True when something was lost.
  bool merge(const AlphaState& other);
  // What still holds anywhere in the body of a function when this holds at its prologue's end.
  AlphaState in_body() const;

private:
  AlphaValue operate(AlphaWord word) const;
  void load(AlphaWord word, bool floating);
  void store(AlphaWord word, bool floating);
  void set(int reg, AlphaValue value);
  void forget_slots(std::int64_t from, std::int64_t to);
};

class AlphaFlow {
public:
  // `prologue`: instructions of it, from which nothing is called but the check of the stack.
  // `effort`: instructions that may still be followed.
  AlphaFlow(std::span<const std::uint32_t> code, std::size_t prologue, std::size_t& effort);
  // Ends ways at calls and traps, from which nothing need come back.
  void only_certain() { certain_ = true; }
  // Announces that at(index) will be asked.
  void mark(std::size_t index) { leader_[index] = kNotReached; }
  // Follows the code from `index`.  False when the effort is used up: then nothing is proved.
  bool run(std::size_t index, const AlphaState& state);
  // What holds before a marked instruction on all ways there; nothing when none was found.
  const AlphaState* at(std::size_t index) const;

  // Where the code goes back: what holds at every `ret`, and the return addresses used there.
  const std::optional<AlphaState>& exit() const { return exit_; }
  const std::vector<AlphaValue>& returns() const { return returns_; }
  // What holds at every jump through a register that leaves the code followed.
  const std::optional<AlphaState>& jump_exit() const { return jump_exit_; }
  bool ends_trap() const { return ends_trap_; }

private:
  static constexpr std::int32_t kNoLeader = -2, kNotReached = -1;
  struct Block {
    AlphaState state;
    bool queued = false, followed = false;
  };
  bool spend(std::size_t amount);
  std::optional<std::size_t> target(std::size_t index) const;
  bool note(std::size_t index, const AlphaState& state); // true when something changed
  void enter(std::size_t index, const AlphaState& state);
  bool follow(std::size_t index, AlphaState state, bool decided);
  void leave(AlphaWord word, const AlphaState& state);

  std::span<const std::uint32_t> code_;
  std::size_t prologue_;
  std::size_t& effort_;
  std::vector<std::int32_t> leader_; // of an instruction to which ways lead: the block, or a mark
  std::vector<Block> blocks_;
  std::vector<std::size_t> queue_;
  std::optional<AlphaState> exit_, jump_exit_;
  std::vector<AlphaValue> returns_;
  bool ends_trap_ = false, certain_ = false;
};

} // namespace dumptriage::arch
