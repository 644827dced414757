// Looking at a function instead of following it; see alpha_shape.h.  Source: "Windows NT for Alpha
// Systems Calling Standard", section 3.
#include "arch/alpha_shape.h"

#include <algorithm>

namespace dumptriage::arch {
namespace {

constexpr std::size_t kMostEpilogue = 64; // instructions
constexpr int kMostIdle = 16;             // that write sp and leave it as it is

bool ends_line(AlphaKind kind) {
  return kind == AlphaKind::jump || kind == AlphaKind::ret || kind == AlphaKind::unknown;
}

// The integer register that an instruction writes; zero when none.
int written(AlphaWord word, AlphaKind kind) {
  switch (kind) {
  case AlphaKind::address:
  case AlphaKind::load:
  case AlphaKind::store_conditional:
  case AlphaKind::counter:
  case AlphaKind::jump:
  case AlphaKind::call: return word.ra();
  case AlphaKind::operate: return word.rc();
  default: return kAlphaZero;
  }
}
// The floating one; 31 when none.
int written_float(AlphaWord word, AlphaKind kind) {
  switch (kind) {
  case AlphaKind::load_float: return word.ra();
  case AlphaKind::float_operate: return word.rc();
  default: return 31;
  }
}

// May an instruction stand between the one that takes a frame down and `ret`?
bool may_follow(AlphaKind kind) {
  switch (kind) {
  case AlphaKind::address:
  case AlphaKind::load:
  case AlphaKind::load_float:
  case AlphaKind::operate:
  case AlphaKind::float_operate:
  case AlphaKind::nothing: return true;
  default: return false;
  }
}

class Shape {
public:
  Shape(std::span<const std::uint32_t> code, std::size_t prologue, const AlphaState& body)
      : code_(code), prologue_(prologue), body_(body) {
    for (const int reg : {static_cast<int>(kAlphaSp), static_cast<int>(kAlphaFp)})
      if (body.values[reg].base == kAlphaSp) frame_ |= 1u << reg;
    // What is not saved must stay.
    for (int i = 0; i < AlphaState::kRaSlot; ++i)
      if (body.slots[i] == AlphaState::kNoSlot) kept_ |= 1u << (kAlphaS0 + i);
    for (int i = 0; i < 8; ++i)
      if (body.slots[AlphaState::kFirstFloatSlot + i] == AlphaState::kNoSlot)
        kept_floats_ |= 1u << (i + 2);
  }
  bool holds() {
    // Else what it goes back through would have to be found out.
    if (frame_ == 0 || body_.slots[AlphaState::kRaSlot] == AlphaState::kNoSlot) return false;
    std::size_t to_ret = kMostEpilogue; // instructions straight ahead to one, if not too many
    for (std::size_t i = code_.size(); i-- > prologue_;) {
      const AlphaKind kind = AlphaWord{code_[i]}.kind();
      if (kind == AlphaKind::ret)
        to_ret = 0;
      else
        to_ret = may_follow(kind) ? std::min(to_ret + 1, kMostEpilogue) : kMostEpilogue;
      if (!fits(i, to_ret < kMostEpilogue)) return false;
    }
    return true;
  }

private:
  bool fits(std::size_t i, bool leads_back) {
    const AlphaWord word{code_[i]};
    const AlphaKind kind = word.kind();
    if (kind == AlphaKind::unknown) return false;
    if (kind == AlphaKind::ret) return word.rb() == kAlphaRa;
    if (kind == AlphaKind::pal) {
      const std::uint32_t what = word.word & 0x3FFFFFF;
      return what != kAlphaPalRfe && what != kAlphaPalRetsys;
    }
    if (word.op() >= 0x30) { // back into the prologue
      const std::int64_t to = static_cast<std::int64_t>(i) + 1 + word.branch() / 4;
      if (kind != AlphaKind::call && to >= 0 && to < static_cast<std::int64_t>(prologue_))
        return false;
    }
    if (kind == AlphaKind::store || kind == AlphaKind::store_float ||
        kind == AlphaKind::store_conditional)
      return !hits_slot(word);
    const std::uint32_t bit = 1u << written(word, kind);
    if ((bit & frame_) && !leads_back && !changes_nothing(word)) return false;
    return !(bit & kept_ & ~frame_) && !(1u << written_float(word, kind) & kept_floats_);
  }
  bool hits_slot(AlphaWord word) const {
    const AlphaValue base = body_.values[word.rb()];
    if (base.base != kAlphaSp) return false;
    const std::int64_t at = base.offset + word.displacement();
    return std::ranges::any_of(body_.slots, [&](std::int32_t slot) {
      return slot != AlphaState::kNoSlot && at < std::int64_t{slot} + 8 && at + 8 > slot;
    });
  }
  bool changes_nothing(AlphaWord word) {
    if (++idle_ > kMostIdle) return false;
    AlphaState after = body_;
    after.step(word);
    return after == body_;
  }

  std::span<const std::uint32_t> code_;
  std::size_t prologue_;
  const AlphaState& body_;
  std::uint32_t frame_ = 0, kept_ = 0, kept_floats_ = 0;
  int idle_ = 0;
};

AlphaState go_straight(std::span<const std::uint32_t> code, std::size_t first, std::size_t index,
                       AlphaState state, bool prologue) {
  for (std::size_t i = first; i < index; ++i) {
    const AlphaWord word{code[i]};
    if (word.kind() != AlphaKind::call)
      state.step(word);
    else if (prologue)
      state.stack_check(word.ra());
    else
      state.call(word.ra());
  }
  return state;
}

} // namespace

std::optional<AlphaState> alpha_prologue(std::span<const std::uint32_t> prologue) {
  for (const std::uint32_t word : prologue) {
    const AlphaKind kind = AlphaWord{word}.kind();
    if (kind == AlphaKind::branch || ends_line(kind)) return std::nullopt;
  }
  return go_straight(prologue, 0, prologue.size(), AlphaState(), true);
}

bool alpha_keeps_frame(std::span<const std::uint32_t> code, std::size_t prologue,
                       const AlphaState& body) {
  return Shape(code, prologue, body).holds();
}

AlphaState alpha_plain_state(std::span<const std::uint32_t> code, std::size_t prologue,
                             const AlphaState& body, std::size_t index) {
  if (index < prologue) return go_straight(code, 0, index, AlphaState(), true);
  return go_straight(code, alpha_line_start(code, prologue, index), index, body, false);
}

std::size_t alpha_line_start(std::span<const std::uint32_t> code, std::size_t prologue,
                             std::size_t index) {
  while (index > prologue && !ends_line(AlphaWord{code[index - 1]}.kind())) --index;
  return index;
}

} // namespace dumptriage::arch
