// Following Alpha code; see alpha_flow.h.  Source: "Alpha Architecture Handbook", version 4; which
// registers a call keeps: "Windows NT for Alpha Systems Calling Standard", section 2.
#include "arch/alpha_flow.h"

#include <algorithm>

namespace dumptriage::arch {
namespace {

constexpr std::size_t kDecidedSteps = 2048; // of loops that constants control
constexpr std::size_t kMeetingCost = 8;     // what meeting ways cost beside an instruction
constexpr std::size_t kBlockCost = 40;      // and a place they have not come to before

AlphaValue constant(std::int64_t value) { return AlphaValue::of(kAlphaZero, value); }
AlphaValue extended(std::int64_t value) { return constant(static_cast<std::int32_t>(value)); }

bool keeps_over_call(int reg) {
  return (reg >= kAlphaS0 && reg <= kAlphaFp) || reg == kAlphaSp || reg == kAlphaZero;
}
// Written by a routine with a linkage of its own, such as _chkstk and integer division: results,
// t8 to t12 and at.  Its caller counts on the rest, or could not go on itself.
bool spoilt_by_helper(int reg) { return reg == 0 || (reg >= 22 && reg <= 25) || reg >= 27; }

// Of a conditional branch on an integer register.
std::optional<bool> decide(const AlphaState& state, AlphaWord word) {
  const AlphaValue value = state.values[word.ra()];
  if (word.op() < 0x38 || !value.is_constant()) return std::nullopt;
  const std::int64_t v = value.offset;
  switch (word.op()) {
  case 0x38: return (v & 1) == 0; // blbc
  case 0x39: return v == 0;
  case 0x3A: return v < 0;
  case 0x3B: return v <= 0;
  case 0x3C: return (v & 1) != 0; // blbs
  case 0x3D: return v != 0;
  case 0x3E: return v >= 0;
  default: return v > 0;
  }
}

} // namespace

AlphaState::AlphaState() {
  for (int i = 0; i < 32; ++i) values[i] = {static_cast<std::uint8_t>(i), 0};
  slots.fill(kNoSlot);
}

void AlphaState::set(int reg, AlphaValue value) {
  if (reg == kAlphaZero) return;
  values[reg] = value;
  // Memory below the stack pointer is anybody's.
  if (reg == kAlphaSp && value.base == kAlphaSp) forget_slots(INT32_MIN, value.offset);
}

void AlphaState::forget_slots(std::int64_t from, std::int64_t to) {
  for (std::int32_t& slot : slots)
    if (slot != kNoSlot && slot < to && slot > from - 8) slot = kNoSlot;
}

AlphaValue AlphaState::operate(AlphaWord word) const {
  const AlphaValue a = values[word.ra()];
  const AlphaValue b = word.has_literal() ? constant(word.literal()) : values[word.rb()];
  const unsigned what = word.op() << 8 | word.function();
  if (what >> 8 == 0x11 && (what & 0xFF) != 0x00 && word.function() != 0x20 &&
      word.function() != 0x40) {
    // A conditional move whose source is what the register holds anyway.
    const bool moves = word.function() == 0x14 || word.function() == 0x16 ||
                       word.function() == 0x24 || word.function() == 0x26 ||
                       word.function() == 0x44 || word.function() == 0x46 ||
                       word.function() == 0x64 || word.function() == 0x66;
    return moves && b == values[word.rc()] ? b : AlphaValue{};
  }
  if (!a.known() || !b.known() || a.base == AlphaValue::kStack || b.base == AlphaValue::kStack) {
    // Moves keep what has no arithmetic.
    if (what == 0x1120 || what == 0x1140) {
      if (a.is(kAlphaZero) || (what == 0x1120 && a == b)) return b;
      if (b.is(kAlphaZero)) return a;
    }
    return {};
  }
  switch (what) {
  case 0x1020: // addq
    if (b.is_constant()) return AlphaValue::of(a.base, std::int64_t{a.offset} + b.offset);
    return a.is_constant() ? AlphaValue::of(b.base, std::int64_t{a.offset} + b.offset)
                           : AlphaValue{};
  case 0x1029: // subq
    if (b.is_constant()) return AlphaValue::of(a.base, std::int64_t{a.offset} - b.offset);
    return a.base == b.base ? constant(std::int64_t{a.offset} - b.offset) : AlphaValue{};
  case 0x1120: // bis
    if (a == b || b.is(kAlphaZero)) return a;
    if (a.is(kAlphaZero)) return b;
    return a.is_constant() && b.is_constant() ? constant(a.offset | b.offset) : AlphaValue{};
  case 0x1140: // xor
    if (b.is(kAlphaZero)) return a;
    if (a.is(kAlphaZero)) return b;
    return a == b ? constant(0) : AlphaValue{};
  default: break;
  }
  if (!a.is_constant() || !b.is_constant()) return {};
  switch (what) {
  case 0x1000: return extended(std::int64_t{a.offset} + b.offset); // addl
  case 0x1009: return extended(std::int64_t{a.offset} - b.offset); // subl
  case 0x1239:                                                     // sll
    return constant(static_cast<std::int64_t>(static_cast<std::uint64_t>(std::int64_t{a.offset})
                                              << (b.offset & 63)));
  default: return {};
  }
}

void AlphaState::load(AlphaWord word, bool floating) {
  const AlphaValue base = values[word.rb()];
  const std::int64_t at = base.offset + word.displacement();
  const bool whole = word.op() == 0x29 || word.op() == 0x23; // ldq, ldt
  const bool own = whole && base.base == kAlphaSp;
  if (floating) {
    const int slot = slot_of(kAlphaF2 + word.ra() - 2);
    if (slot < 0 || word.ra() < 2) return;
    const int bit = 1 << (slot - kFirstFloatSlot);
    floats = static_cast<std::uint8_t>(own && slots[slot] == at ? floats | bit : floats & ~bit);
    return;
  }
  AlphaValue value;
  for (int i = 0; own && i < kFirstFloatSlot; ++i)
    if (slots[i] == at)
      value = {static_cast<std::uint8_t>(i == kRaSlot ? kAlphaRa : kAlphaS0 + i), 0};
  if (own && !value.known() && !wrote && at >= 0) value = AlphaValue::of(AlphaValue::kStack, at);
  set(word.ra(), value);
}

void AlphaState::store(AlphaWord word, bool floating) {
  wrote = true;
  const AlphaValue base = values[word.rb()];
  if (base.base != kAlphaSp) return;
  const std::int64_t at = base.offset + word.displacement();
  const bool whole = word.op() == 0x2D || word.op() == 0x27; // stq, stt
  const AlphaValue value = values[word.ra()];
  int keeps = -1;
  if (floating && word.ra() >= 2 && word.ra() <= 9 && (floats >> (word.ra() - 2) & 1))
    keeps = kFirstFloatSlot + word.ra() - 2;
  if (!floating && value.known() && value.offset == 0 && value.base < kAlphaZero)
    keeps = slot_of(value.base);
  if (keeps >= 0 && whole && slots[keeps] == at) return;
  forget_slots(at & (word.op() == 0x0F ? ~7 : ~0), at + word.access_size());
  // A slot lies in the frame: from sp up to where sp was at the start.
  const AlphaValue sp = values[kAlphaSp];
  if (keeps < 0 || !whole || slots[keeps] != kNoSlot || at > -8 || at <= INT32_MIN) return;
  if (sp.base == kAlphaSp && at < sp.offset) return;
  slots[keeps] = static_cast<std::int32_t>(at);
}

void AlphaState::step(AlphaWord word) {
  switch (word.kind()) {
  case AlphaKind::address: {
    AlphaValue value = values[word.rb()];
    const std::int64_t more = word.op() == 9 ? word.displacement() * 0x10000 : word.displacement();
    if (value.base == AlphaValue::kStack && more != 0) value = {};
    if (value.known()) value = AlphaValue::of(value.base, value.offset + more);
    set(word.ra(), value);
    break;
  }
  case AlphaKind::load: load(word, false); break;
  case AlphaKind::load_float: load(word, true); break;
  case AlphaKind::store: store(word, false); break;
  case AlphaKind::store_float: store(word, true); break;
  case AlphaKind::store_conditional:
    store(word, false);
    set(word.ra(), {});
    break;
  case AlphaKind::operate: set(word.rc(), operate(word)); break;
  case AlphaKind::float_operate:
    if (word.rc() >= 2 && word.rc() <= 9)
      floats = static_cast<std::uint8_t>(floats & ~(1 << (word.rc() - 2)));
    break;
  case AlphaKind::jump: // br ra, here
  case AlphaKind::counter: set(word.ra(), {}); break;
  case AlphaKind::pal: // results in v0; most may spoil what a call may, but not ra
    wrote = true;
    set(0, {});
    for (int i = 0; i < kAlphaZero && (word.word & 0x3FFFFFF) != kAlphaPalRdteb; ++i)
      if (!keeps_over_call(i) && i != kAlphaRa) set(i, {});
    break;
  default: break;
  }
}

void AlphaState::call(int link) {
  wrote = true;
  for (int i = 0; i < kAlphaZero; ++i) {
    const bool spoilt =
        link == kAlphaRa ? !keeps_over_call(i) : spoilt_by_helper(i) && i != kAlphaSp;
    if (spoilt || i == link) set(i, {});
  }
}

void AlphaState::stack_check(int link) {
  for (int reg : {22, 23, 24, link}) set(reg, {}); // t8 to t10
}

bool AlphaState::merge(const AlphaState& other) {
  if (*this == other) return false;
  bool lost = false;
  for (int i = 0; i < 32; ++i)
    if (values[i].known() && values[i] != other.values[i]) {
      values[i] = {};
      lost = true;
    }
  for (int i = 0; i < kSlots; ++i)
    if (slots[i] != kNoSlot && slots[i] != other.slots[i]) {
      slots[i] = kNoSlot;
      lost = true;
    }
  if ((floats & other.floats) != floats) {
    floats &= other.floats;
    lost = true;
  }
  if (other.wrote && !wrote) wrote = lost = true;
  return lost;
}

AlphaState AlphaState::in_body() const {
  AlphaState body = *this;
  bool frame_pointer = false;
  for (int i = 0; i < kAlphaZero; ++i) {
    const AlphaValue value = values[i];
    const bool preserved = i >= kAlphaS0 && i <= kAlphaFp;
    if (preserved && value.base == kAlphaSp) {
      frame_pointer = true;
      continue;
    }
    if (i == kAlphaSp) continue;
    // What is saved is free for other use; what is not must stay.
    const int slot = slot_of(i);
    const bool own = value.base < kAlphaZero && value.offset == 0;
    if (!own || (slot >= 0 && slots[slot] != kNoSlot)) body.values[i] = {};
  }
  for (int i = kFirstFloatSlot; i < kSlots; ++i)
    if (slots[i] != kNoSlot)
      body.floats = static_cast<std::uint8_t>(body.floats & ~(1 << (i - kFirstFloatSlot)));
  if (frame_pointer) body.values[kAlphaSp] = {}; // room may be made at any time
  body.wrote = true;
  return body;
}

AlphaFlow::AlphaFlow(std::span<const std::uint32_t> code, std::size_t prologue, std::size_t& effort)
    : code_(code), prologue_(prologue), effort_(effort), leader_(code.size(), kNoLeader) {
  for (std::size_t i = 0; i < code.size(); ++i)
    if (code[i] >> 30 == 3) // branches
      if (auto to = target(i)) leader_[*to] = kNotReached;
}

std::optional<std::size_t> AlphaFlow::target(std::size_t index) const {
  const std::int64_t to =
      static_cast<std::int64_t>(index) + 1 + AlphaWord{code_[index]}.branch() / 4;
  if (to < 0 || static_cast<std::size_t>(to) >= code_.size()) return std::nullopt;
  return static_cast<std::size_t>(to);
}

bool AlphaFlow::spend(std::size_t amount) {
  if (effort_ < amount) {
    effort_ = 0;
    return false;
  }
  effort_ -= amount;
  return true;
}

bool AlphaFlow::note(std::size_t index, const AlphaState& state) {
  std::int32_t& leader = leader_[index];
  if (leader < 0) {
    leader = static_cast<std::int32_t>(blocks_.size());
    blocks_.push_back({state});
    return true;
  }
  return blocks_[leader].state.merge(state);
}

void AlphaFlow::enter(std::size_t index, const AlphaState& state) {
  const bool changed = note(index, state);
  Block& block = blocks_[leader_[index]];
  if (block.queued || (block.followed && !changed)) return;
  block.queued = true;
  queue_.push_back(index);
}

void AlphaFlow::leave(AlphaWord word, const AlphaState& state) {
  const bool ret = word.kind() == AlphaKind::ret;
  if (ret) {
    const AlphaValue value = state.values[word.rb()];
    if (std::ranges::find(returns_, value) == returns_.end() && returns_.size() < 4)
      returns_.push_back(value);
  } else if (!word.is_register_jump()) {
    return;
  }
  auto& exit = ret ? exit_ : jump_exit_;
  if (exit)
    exit->merge(state);
  else
    exit = state;
}

// Follows one way until it ends or meets another.  With `decided` branches on constants are taken
// as they fall, and meeting ways do not lose anything.
bool AlphaFlow::follow(std::size_t i, AlphaState state, bool decided) {
  std::size_t steps = 0;
  for (bool first = !decided; i < code_.size(); first = false) {
    if (decided && ++steps > kDecidedSteps) return false;
    if (leader_[i] != kNoLeader && !first) {
      if (!spend(leader_[i] < 0 ? kBlockCost : kMeetingCost)) return false;
      if (!decided) return enter(i, state), true;
      if (!note(i, state) && blocks_[leader_[i]].state == state) return true; // for ever
    }
    if (!spend(2)) return false;
    const AlphaWord word{code_[i]};
    const auto to = word.op() >= 0x30 ? target(i) : std::nullopt;
    switch (word.kind()) {
    case AlphaKind::unknown: return true;
    case AlphaKind::ret: return leave(word, state), true;
    case AlphaKind::jump:
      state.step(word);
      if (!to) return leave(word, state), true;
      if (!decided) return enter(*to, state), true;
      i = *to;
      continue;
    case AlphaKind::branch:
      if (auto taken = decided ? decide(state, word) : std::nullopt) {
        if (*taken && !to) return true;
        i = *taken ? *to : i + 1;
        continue;
      }
      decided = false;
      if (to && !spend(leader_[*to] < 0 ? kBlockCost : kMeetingCost)) return false;
      if (to) enter(*to, state);
      break;
    case AlphaKind::call:
      if (certain_ && word.ra() == kAlphaRa) return true;
      if (i < prologue_)
        state.stack_check(word.ra());
      else
        state.call(word.ra());
      break;
    case AlphaKind::pal: {
      const std::uint32_t what = word.word & 0x3FFFFFF;
      if (what == kAlphaPalRfe || what == kAlphaPalRetsys) ends_trap_ = true;
      if (what == kAlphaPalRfe || what == kAlphaPalRetsys || what == kAlphaPalHalt) return true;
      if (certain_ && what == kAlphaPalGentrap) return true;
      state.step(word);
      break;
    }
    default: state.step(word); break;
    }
    ++i;
  }
  return true;
}

bool AlphaFlow::run(std::size_t index, const AlphaState& state) {
  if (index >= code_.size() || !spend(code_.size() / 4)) return false;
  leader_[index] = std::max(leader_[index], kNotReached);
  if (!follow(index, state, true)) {
    // A loop that goes on for long: its ways meet.
    if (effort_ == 0) return false;
    enter(index, state);
  }
  while (!queue_.empty()) {
    const std::size_t next = queue_.back();
    queue_.pop_back();
    Block& block = blocks_[leader_[next]];
    block.queued = false;
    block.followed = true;
    if (!spend(kMeetingCost) || !follow(next, AlphaState(block.state), false)) return false;
  }
  return true;
}

const AlphaState* AlphaFlow::at(std::size_t index) const {
  if (index >= leader_.size() || leader_[index] < 0) return nullptr;
  return &blocks_[leader_[index]].state;
}

} // namespace dumptriage::arch
