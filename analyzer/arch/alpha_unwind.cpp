// One frame of Alpha by its .pdata entry and its code.
//
// Windows NT describes no frames: .pdata says where a function begins and ends and where its
// prologue ends, and the rest is in the instructions.  So the code is followed from the function's
// first instruction (alpha_flow.h) to where the frame stands, which tells for every register what
// of the caller it holds, and where the others lie:
//   caller's sp = register - what the code has added to it, of sp, a frame pointer or both
//   caller's r  = [caller's sp + slot], or the register that still holds it
//   pc          = caller's ra, or what the function's own `ret` goes through
// This is the same in prologue, body and epilogue, and needs no rules for any of them.  What the
// ways through the code do not agree on is not known, and without it there is no frame.
//
// Code that no way leads to (behind a jump through a table, or where an exception is handled) is
// in the body, where the calling standard has the frame as the prologue left it.  So are the parts
// of a function that lie elsewhere: their entries, the secondary ones, point at the .pdata row of
// the first.  A function without an entry has no frame, and its own ways back tell the rest.
//
// Sources: "Windows NT for Alpha Systems Calling Standard" (MSDN Library, April 2000), sections 3
// and 8; _IMAGE_ALPHA_RUNTIME_FUNCTION_ENTRY of the public SDK; forms of secondary entries as found
// in images.
#include <algorithm>
#include <cstring>
#include <memory>

#include "arch/alpha_shape.h"
#include "arch/reading.h"
#include "base/text.h"
#include "formats/pe.h"

namespace dumptriage::arch {
namespace {

constexpr std::uint64_t kMostCode = 0x10000; // bytes of one function
constexpr std::size_t kOwnEffort = 100000;   // where the walk sets no limit
constexpr std::size_t kPlaceCost = 120;      // of a place in the code beside its instructions
constexpr std::uint64_t kBack = 0x100, kAhead = 0x400; // code looked at from pc on

bool is_preserved(int reg) { return reg >= kAlphaS0 && reg <= kAlphaFp; }

template <class T> using Step = std::expected<T, UnwindFailure>;

// A .pdata row without the bits that are no part of addresses.
struct Row {
  std::uint64_t begin = 0, end = 0, handler = 0, prologue_end = 0;
  unsigned data_type = 0; // the low bits of HandlerData
};

// What the code says about a place in it.
struct Known {
  AlphaState state;
  int link = kAlphaRa; // the register that holds the return address at the function's beginning
  bool whole = true;   // the code was followed from the function's beginning
};
struct Kept {
  std::vector<std::uint64_t> places; // the addresses asked for
  std::vector<Known> known;
  std::size_t next = 0;
};

class AlphaUnwinder {
public:
  AlphaUnwinder(const UnwindInput& input, bool wide)
      : input_(input), wide_(wide), reader_(input.memory),
        effort_(input.effort ? *input.effort : own_effort_) {}
  UnwindResult run();

private:
  using Words = std::vector<std::uint32_t>;
  struct Part { // of a function: what one entry covers
    std::span<const std::uint32_t> code;
    std::size_t index = 0;    // asked for
    std::size_t prologue = 0; // instructions
    Step<AlphaState> body;    // what holds behind it
  };
  std::uint64_t cut(std::uint64_t address) const { return wide_ ? address : address & 0xFFFFFFFF; }
  std::optional<std::uint64_t> live(int reg) const { return input_.registers.get(reg); }
  std::unexpected<UnwindFailure> unsupported(std::string why) const {
    return method_failed(Code::unsupported, "Alpha code", std::move(why), at_);
  }

  std::unexpected<UnwindFailure> too_much() const {
    effort_ = 0;
    return method_failed(Code::limit, "Alpha code", "too many instructions to follow", at_);
  }

  Step<Row> read_row(std::uint64_t address);
  Step<Words> read_code(std::uint64_t begin, std::uint64_t end);
  Step<AlphaState> body_behind(std::span<const std::uint32_t> prologue);
  Step<AlphaState> body_of_primary(std::uint64_t row, std::uint64_t delta, std::uint64_t base);
  Step<Known> analyse(const FunctionEntry& function);
  Step<AlphaState> body_of_secondary(const Row& row, std::uint64_t row_at, std::uint64_t delta,
                                     std::uint64_t base);
  Step<AlphaState> follow(const Part& part, const AlphaState& start, AlphaFlow& flow);
  Step<Known> known_in(const Part& part, bool primary);
  Step<int> link_of(const AlphaFlow& flow);
  Step<Known> known_for(const FunctionEntry& function);

  Step<std::uint64_t> callers_sp(const AlphaState& state) const;
  std::optional<std::uint64_t> callers(int reg, const Known& known, std::uint64_t sp);
  UnwindResult by_entry(const FunctionEntry& function);
  Words code_around(const FunctionEntry* function, std::uint64_t& from);
  UnwindResult by_ways_back(const FunctionEntry* function);
  std::optional<std::uint64_t> value_of(AlphaValue value);
  UnwindResult finish(Registers registers, std::uint64_t ra, std::uint64_t sp);

  const UnwindInput& input_;
  bool wide_;
  Reader reader_;
  std::size_t own_effort_ = kOwnEffort;
  std::size_t& effort_;
  std::uint64_t pc_ = 0, at_ = 0; // at_: what pc is looked up by
  bool whole_ = true;             // the state was reached from the function's beginning
  bool lost_ = false;             // the code has lost its return address
};

Step<Row> AlphaUnwinder::read_row(std::uint64_t address) {
  Row row;
  const auto fill = [&](const auto& r) {
    row.begin = r.BeginAddress & ~3ull;
    row.end = r.EndAddress & ~3ull;
    row.handler = r.ExceptionHandler & ~3ull;
    row.data_type = static_cast<unsigned>(r.HandlerData & 3);
    row.prologue_end = r.PrologEndAddress & ~3ull;
  };
  if (wide_) {
    auto r = reader_.get<formats::ImageRuntimeFunctionAlpha64>(address, ".pdata entry");
    if (!r) return std::unexpected(r.error());
    fill(*r);
  } else {
    auto r = reader_.get<formats::ImageRuntimeFunctionAlpha>(address, ".pdata entry");
    if (!r) return std::unexpected(r.error());
    fill(*r);
  }
  return row;
}

Step<AlphaUnwinder::Words> AlphaUnwinder::read_code(std::uint64_t begin, std::uint64_t end) {
  if (end <= begin || end - begin > kMostCode)
    return unsupported("a function of " + hex(end - begin) + " bytes");
  const std::size_t cost = (end - begin) / 64;
  if (effort_ < cost) return too_much();
  effort_ -= cost;
  return reader_.array<std::uint32_t>(begin, (end - begin) / 4, "code");
}

// What holds in the body behind a prologue.
Step<AlphaState> AlphaUnwinder::body_behind(std::span<const std::uint32_t> prologue) {
  if (effort_ < prologue.size()) return too_much();
  effort_ -= prologue.size();
  const auto state = alpha_prologue(prologue);
  if (!state) return unsupported("a prologue with ways out of it");
  return state->in_body();
}

// `delta`: what the words of the secondary row are higher than the addresses they stand for, where
// nobody has relocated the table.
Step<AlphaState> AlphaUnwinder::body_of_primary(std::uint64_t address, std::uint64_t delta,
                                                std::uint64_t base) {
  auto row = read_row(address);
  if (!row) return std::unexpected(row.error());
  if (row->prologue_end < row->begin || row->prologue_end > row->end)
    return unsupported("a secondary .pdata entry that points at no primary one");
  // Its page may come from another place than that of the first row.
  for (const std::uint64_t shift : {delta, std::uint64_t{0}}) {
    FunctionEntry function;
    const std::uint64_t begin = cut(row->begin - shift);
    if (input_.functions.find(begin, function) == FunctionLookup::found &&
        cut(function.image_base + function.unwind) == address && function.image_base == base &&
        cut(base + function.begin) == begin) {
      if (row->prologue_end == row->begin) return AlphaState().in_body();
      auto code = read_code(begin, begin + (row->prologue_end - row->begin));
      return code ? body_behind(*code) : std::unexpected(code.error());
    }
  }
  return unsupported("a secondary .pdata entry whose primary one is not in the table");
}

// The state in front of the instruction at `index`, found by following the code from `start` on.
// Where no way leads there, `body` holds at the nearest place before it that only a jump from
// elsewhere reaches.
Step<AlphaState> AlphaUnwinder::follow(const Part& part, const AlphaState& start, AlphaFlow& flow) {
  flow.mark(part.index);
  if (!flow.run(0, start)) return too_much();
  if (const AlphaState* state = flow.at(part.index)) return *state;
  if (part.index < part.prologue) return unsupported("a prologue that is not run through");
  if (!part.body) return std::unexpected(part.body.error());
  whole_ = false;
  if (!flow.run(alpha_line_start(part.code, part.prologue, part.index), *part.body))
    return too_much();
  if (const AlphaState* state = flow.at(part.index)) return *state;
  return unsupported("no way through the code leads here");
}

// What is known at an instruction of a part of a function.
Step<Known> AlphaUnwinder::known_in(const Part& part, bool primary) {
  Known known;
  if (effort_ < part.code.size() + kPlaceCost) return too_much();
  effort_ -= part.code.size() + kPlaceCost;
  if (part.body && alpha_keeps_frame(part.code, part.prologue, *part.body)) {
    known.state = alpha_plain_state(part.code, part.prologue, *part.body, part.index);
    known.whole = part.index < part.prologue;
  } else {
    if (!primary && !part.body) return std::unexpected(part.body.error());
    whole_ = primary;
    AlphaFlow flow(part.code, part.prologue, effort_);
    auto state = follow(part, primary ? AlphaState() : *part.body, flow);
    if (!state) return std::unexpected(state.error());
    if (flow.ends_trap())
      return stop_here(Code::unsupported, "Alpha trap frame",
                       "this function goes back to interrupted code; no public source lays out "
                       "what lies on the stack for that",
                       at_);
    auto link = link_of(flow);
    if (!link) return std::unexpected(link.error());
    known = {*state, *link, whole_};
  }
  if (input_.first) return known;
  const AlphaWord call{part.code[part.index]};
  if (call.kind() != AlphaKind::call)
    return method_failed(Code::mismatch, "return address", "it does not follow a call", pc_);
  if (part.index < part.prologue)
    known.state.stack_check(call.ra());
  else
    known.state.call(call.ra());
  return known;
}

// The return address comes in the register that the function goes back through.
Step<int> AlphaUnwinder::link_of(const AlphaFlow& flow) {
  int link = -1;
  for (const AlphaValue value : flow.returns()) {
    if (value.base >= kAlphaZero || value.offset != 0) continue;
    if (link >= 0 && link != value.base)
      return unsupported("it goes back through more than one register");
    link = value.base;
  }
  if (link < 0 && !flow.returns().empty()) {
    lost_ = true;
    return unsupported("it goes back through a register that was overwritten");
  }
  return link < 0 ? kAlphaRa : link;
}

Step<AlphaState> AlphaUnwinder::body_of_secondary(const Row& row, std::uint64_t row_at,
                                                  std::uint64_t delta, std::uint64_t base) {
  const std::uint64_t size = wide_ ? sizeof(formats::ImageRuntimeFunctionAlpha64)
                                   : sizeof(formats::ImageRuntimeFunctionAlpha);
  const std::uint64_t parent = cut(row.prologue_end - delta);
  if (parent == row_at || (parent > row_at ? parent - row_at : row_at - parent) % size != 0)
    return unsupported("a .pdata entry whose prologue ends elsewhere");
  // Type 1 gives the end of a prologue that the part has for itself: none, so far as is known.
  const bool plain = row.data_type == 0 && (row.handler == 0 || row.handler == row.begin);
  const bool own = row.data_type == 1 && row.handler == row.begin;
  if (!plain && !own) return unsupported("a secondary .pdata entry of a form that is not known");
  return body_of_primary(parent, delta, base);
}

Step<Known> AlphaUnwinder::analyse(const FunctionEntry& function) {
  const std::uint64_t begin = cut(function.image_base + function.begin);
  const std::uint64_t end = begin + (function.end - function.begin);
  if (function.end <= function.begin || at_ < begin || at_ >= end)
    return method_failed(Code::mismatch, ".pdata entry", "pc lies outside the code it covers", at_);
  const std::uint64_t row_at = cut(function.image_base + function.unwind);
  auto row = read_row(row_at);
  if (!row) return std::unexpected(row.error());
  const std::uint64_t delta = cut(row->begin - begin);
  if (row->end - row->begin != end - begin || delta % 0x10000 != 0)
    return method_failed(Code::mismatch, ".pdata entry", "its bytes are not those of the table",
                         row_at);
  auto code = read_code(begin, end);
  if (!code) return std::unexpected(code.error());
  Part part{*code, (at_ - begin) / 4, 0, {}};
  if (row->prologue_end >= row->begin && row->prologue_end <= row->end) {
    part.prologue = (row->prologue_end - row->begin) / 4;
    part.body = body_behind(part.code.first(part.prologue));
    return known_in(part, true);
  }
  auto body = body_of_secondary(*row, row_at, delta, function.image_base);
  if (!body) return std::unexpected(body.error());
  part.body = std::move(*body);
  return known_in(part, false);
}

// Recursion asks for the same place again and again.
Step<Known> AlphaUnwinder::known_for(const FunctionEntry& function) {
  constexpr std::size_t most = 64;
  const std::uint64_t place = at_ << 1 | static_cast<std::uint64_t>(input_.first);
  if (!input_.kept) return analyse(function);
  if (!*input_.kept) *input_.kept = std::make_shared<Kept>();
  Kept& kept = *static_cast<Kept*>(input_.kept->get());
  const auto found = std::ranges::find(kept.places, place);
  if (found != kept.places.end()) return kept.known[found - kept.places.begin()];
  auto known = analyse(function);
  if (!known) return known;
  if (kept.known.size() < most) {
    kept.places.push_back(place);
    kept.known.push_back(*known);
  } else {
    kept.places[kept.next] = place;
    kept.known[kept.next] = *known;
    kept.next = (kept.next + 1) % most;
  }
  return known;
}

Step<std::uint64_t> AlphaUnwinder::callers_sp(const AlphaState& state) const {
  std::optional<std::uint64_t> sp;
  const AlphaValue own = state.values[kAlphaSp];
  if (own.base == kAlphaSp && own.offset > 0)
    return unsupported("the stack pointer lies above where it was at the function's beginning");
  for (const int reg : {static_cast<int>(kAlphaSp), static_cast<int>(kAlphaFp)}) {
    const auto value = live(reg);
    if (!value || state.values[reg].base != kAlphaSp) continue;
    const std::uint64_t found =
        *value - static_cast<std::uint64_t>(std::int64_t{state.values[reg].offset});
    if (sp && cut(*sp) != cut(found))
      return method_failed(Code::mismatch, "stack pointer and frame pointer",
                           "they do not belong to one frame", at_);
    sp = sp.value_or(found);
  }
  // Room that the body has made lies below the frame pointer.
  if (!own.known() && sp && live(kAlphaSp) && cut(*live(kAlphaSp)) > cut(*live(kAlphaFp)))
    return method_failed(Code::mismatch, "stack pointer and frame pointer",
                         "they do not belong to one frame", at_);
  if (!sp) return unsupported("the code does not tell where the frame begins");
  return *sp;
}

// What `reg` held at the function's beginning.  The slot comes before the register: a part of the
// function that lies elsewhere and comes back may have used the register meanwhile.
std::optional<std::uint64_t> AlphaUnwinder::callers(int reg, const Known& known, std::uint64_t sp) {
  const AlphaState& state = known.state;
  const int slot = AlphaState::slot_of(reg);
  if (slot >= 0 && state.slots[slot] != AlphaState::kNoSlot) {
    auto value = reader_.get<le64>(
        cut(sp + static_cast<std::uint64_t>(std::int64_t{state.slots[slot]})), "saved register");
    return value ? std::optional<std::uint64_t>(*value) : std::nullopt;
  }
  if (reg >= kAlphaF2) return state.floats >> (reg - kAlphaF2) & 1 ? live(reg) : std::nullopt;
  if (auto value = live(reg); value && state.values[reg].is(reg)) return value;
  for (int i = 0; i < kAlphaZero; ++i)
    if (auto value = live(i); value && state.values[i].is(reg)) return value;
  return std::nullopt;
}

UnwindResult AlphaUnwinder::finish(Registers registers, std::uint64_t ra, std::uint64_t sp) {
  Caller caller;
  registers.set(kAlphaSp, sp);
  registers.set(kAlphaFir, ra & ~3ull);
  registers.set(kAlphaZero, 0);
  caller.registers = std::move(registers);
  caller.origin = reader_.worst();
  const auto own = live(kAlphaSp);
  caller.register_frame = own && cut(*own) == cut(sp);
  return caller;
}

UnwindResult AlphaUnwinder::by_entry(const FunctionEntry& function) {
  auto known = known_for(function);
  if (!known) return std::unexpected(known.error());
  reader_.use(function.origin);
  auto sp = callers_sp(known->state);
  if (!sp) return std::unexpected(sp.error());
  const int link = known->link;
  const int slot = AlphaState::slot_of(link);
  auto ra = callers(link, *known, *sp);
  if (!ra && slot >= 0 && known->state.slots[slot] != AlphaState::kNoSlot)
    return std::unexpected(reader_
                               .get<le64>(cut(*sp + static_cast<std::uint64_t>(
                                                        std::int64_t{known->state.slots[slot]})),
                                          "saved return address")
                               .error());
  if (!ra) {
    lost_ = true;
    return unsupported("the return address was overwritten and not saved before");
  }
  Registers registers;
  for (int i = kAlphaS0; i <= kAlphaFp; ++i)
    if (auto value = callers(i, *known, *sp)) registers.set(i, *value);
  for (int i = kAlphaF2; i < kAlphaF2 + 8; ++i)
    if (auto value = callers(i, *known, *sp)) registers.set(i, *value);
  // What it has not touched is still the caller's; a routine with a linkage of its own leaves its
  // caller the return address that that one has.
  for (int i = 0; i < kAlphaZero; ++i)
    if (i != link && !is_preserved(i) && known->state.values[i].is(i) &&
        (known->whole || i == kAlphaRa))
      if (auto value = live(i)) registers.set(i, *value);
  return finish(std::move(registers), *ra, *sp);
}

std::optional<std::uint64_t> AlphaUnwinder::value_of(AlphaValue value) {
  if (!value.known()) return std::nullopt;
  const auto offset = static_cast<std::uint64_t>(std::int64_t{value.offset});
  if (value.base != AlphaValue::kStack) {
    const auto base = value.is_constant() ? std::optional<std::uint64_t>(0) : live(value.base);
    return base ? std::optional(*base + offset) : std::nullopt;
  }
  const auto sp = live(kAlphaSp);
  if (!sp) return std::nullopt;
  auto word = reader_.get<le64>(cut(*sp + offset), "saved register");
  return word ? std::optional<std::uint64_t>(*word) : std::nullopt;
}

// The code around pc, as much as there is of it in the function: words from `from` on.
AlphaUnwinder::Words AlphaUnwinder::code_around(const FunctionEntry* function,
                                                std::uint64_t& from) {
  std::uint64_t low = pc_ < kBack ? 0 : pc_ - kBack, high = pc_ + kAhead;
  if (function) {
    const std::uint64_t begin = cut(function->image_base + function->begin);
    low = std::max(low, begin);
    high = std::min(high, begin + (function->end - function->begin));
  }
  from = pc_;
  if (pc_ < low || pc_ >= high) return {};
  std::vector<std::uint8_t> bytes(high - low);
  auto got = reader_.some(low, bytes);
  from = low;
  if (got.size() < pc_ - low + 4) {
    from = pc_;
    got = reader_.some(from, std::span(bytes).first(bytes.size() - (pc_ - low)));
  }
  Words words(got.size() / 4);
  if (!words.empty()) std::memcpy(words.data(), got.data(), words.size() * 4);
  return words;
}

// Follows the code on from pc: what all its ways back make of the registers is the caller's.
UnwindResult AlphaUnwinder::by_ways_back(const FunctionEntry* function) {
  std::uint64_t from = 0;
  const Words code = code_around(function, from);
  if (code.empty()) return method_failed(Code::absent, "code", "not captured in this dump", pc_);
  AlphaFlow flow(code, 0, effort_);
  flow.only_certain();
  if (!flow.run((pc_ - from) / 4, AlphaState()))
    return method_failed(Code::limit, "Alpha code", "too many instructions to follow", pc_);
  AlphaState exit;
  AlphaValue back;
  if (flow.exit() && flow.returns().size() == 1) {
    exit = *flow.exit();
    back = flow.returns().front();
  } else if (!function && !flow.exit() && flow.jump_exit()) { // a tail call
    exit = *flow.jump_exit();
    back = exit.values[kAlphaRa];
  } else {
    return unsupported("the ways back of a function without a frame do not agree");
  }
  const AlphaValue stack = exit.values[kAlphaSp];
  const auto ra = value_of(back), sp = value_of(stack);
  if (!ra || !sp || stack.base != kAlphaSp || stack.offset < 0 || flow.ends_trap())
    return unsupported("a function without a frame that does not go back as one");
  Registers registers;
  for (int i = kAlphaS0; i <= kAlphaFp; ++i)
    if (auto value = value_of(exit.values[i])) registers.set(i, *value);
  for (int i = 0; i < 8; ++i)
    if (auto value = exit.floats >> i & 1 ? live(kAlphaF2 + i) : std::nullopt)
      registers.set(kAlphaF2 + i, *value);
  for (int i = 0; i < kAlphaZero; ++i)
    if (i != back.base && !is_preserved(i) && exit.values[i].is(i))
      if (auto value = live(i)) registers.set(i, *value);
  return finish(std::move(registers), *ra, *sp);
}

UnwindResult AlphaUnwinder::run() {
  const auto pc = live(kAlphaFir);
  if (!pc) return method_failed(Code::absent, "pc", "not known", 0);
  pc_ = cut(*pc);
  at_ = input_.first ? pc_ : pc_ - 4;
  if (pc_ % 4 != 0 || pc_ < 4)
    return method_failed(Code::bad_value, "pc", "inside an instruction", pc_);
  FunctionEntry function;
  switch (input_.functions.find(at_, function)) {
  case FunctionLookup::unknown:
    return method_failed(Code::absent, "unwind data", "no function table at hand", pc_);
  case FunctionLookup::leaf:
    if (!input_.first)
      return method_failed(Code::bad_value, "unwind data",
                           "a function that calls has no entry in its image's table", pc_);
    return by_ways_back(nullptr);
  case FunctionLookup::found: break;
  }
  auto result = by_entry(function);
  if (result || result.error().stop || !input_.first || lost_) return result;
  auto back = by_ways_back(&function);
  return back ? back : result;
}

} // namespace

UnwindResult unwind_alpha(const UnwindInput& input) { return AlphaUnwinder(input, false).run(); }
UnwindResult unwind_alpha64(const UnwindInput& input) { return AlphaUnwinder(input, true).run(); }

} // namespace dumptriage::arch
