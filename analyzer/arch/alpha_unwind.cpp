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
#include <memory>

#include "arch/alpha_flow.h"
#include "arch/reading.h"
#include "base/text.h"
#include "formats/pe.h"

namespace dumptriage::arch {
namespace {

constexpr std::uint64_t kMostCode = 0x10000; // bytes of one function
constexpr std::size_t kOwnEffort = 100000;   // where the walk sets no limit
constexpr std::uint64_t kLeafBack = 0x100, kLeafAhead = 0x400;

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
};
struct Kept {
  std::vector<std::pair<std::uint64_t, Known>> known; // by the address asked for
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
  struct Piece { // the code of one entry
    std::uint64_t begin = 0, end = 0;
    Row row;
    Words code;
    std::size_t prologue = 0; // instructions; only of a primary entry
  };

  std::uint64_t cut(std::uint64_t address) const { return wide_ ? address : address & 0xFFFFFFFF; }
  std::optional<std::uint64_t> live(int reg) const { return input_.registers.get(reg); }
  std::unexpected<UnwindFailure> unsupported(std::string why) const {
    return method_failed(Code::unsupported, "Alpha code", std::move(why), at_);
  }

  Step<Row> read_row(std::uint64_t address);
  Step<Words> read_code(std::uint64_t begin, std::uint64_t end);
  Step<AlphaState> body_of(const Row& row, std::uint64_t begin);
  Step<AlphaState> body_of_primary(std::uint64_t row, std::uint64_t delta, std::uint64_t base);
  Step<Known> analyse(const FunctionEntry& function);
  Step<AlphaState> state_at(AlphaFlow& flow, const Words& code, std::size_t index,
                            const AlphaState& start, bool primary, const Step<AlphaState>& body,
                            std::size_t prologue);
  Step<int> link_of(const AlphaFlow& flow) const;
  Step<Known> known_for(const FunctionEntry& function);

  Step<std::uint64_t> callers_sp(const AlphaState& state) const;
  std::optional<std::uint64_t> callers(int reg, const Known& known, std::uint64_t sp);
  UnwindResult by_entry(const FunctionEntry& function);
  UnwindResult by_ways_back(bool leaf);
  std::optional<std::uint64_t> value_of(AlphaValue value);
  UnwindResult finish(Registers registers, std::uint64_t ra, std::uint64_t sp);

  const UnwindInput& input_;
  bool wide_;
  Reader reader_;
  std::size_t own_effort_ = kOwnEffort;
  std::size_t& effort_;
  std::uint64_t pc_ = 0, at_ = 0; // at_: what pc is looked up by
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
  if (effort_ < cost) {
    effort_ = 0;
    return method_failed(Code::limit, "Alpha code", "too many instructions to follow", at_);
  }
  effort_ -= cost;
  return reader_.array<std::uint32_t>(begin, (end - begin) / 4, "code");
}

// What holds in the body of the function that begins at `begin` and has a primary entry.
Step<AlphaState> AlphaUnwinder::body_of(const Row& row, std::uint64_t begin) {
  const std::uint64_t size = row.prologue_end - row.begin;
  if (size == 0) return AlphaState().in_body();
  auto code = read_code(begin, begin + size);
  if (!code) return std::unexpected(code.error());
  for (const std::uint32_t word : *code) {
    const AlphaKind kind = AlphaWord{word}.kind();
    if (kind == AlphaKind::branch || kind == AlphaKind::jump || kind == AlphaKind::ret ||
        kind == AlphaKind::unknown)
      return unsupported("a prologue with ways out of it");
  }
  code->push_back(0); // the end, to ask for
  AlphaFlow flow(*code, code->size(), effort_);
  flow.mark(code->size() - 1);
  if (!flow.run(0, AlphaState()))
    return method_failed(Code::limit, "Alpha code", "too many instructions to follow", at_);
  const AlphaState* state = flow.at(code->size() - 1);
  if (!state) return unsupported("a prologue that does not end");
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
        cut(base + function.begin) == begin)
      return body_of(*row, begin);
  }
  return unsupported("a secondary .pdata entry whose primary one is not in the table");
}

// The state in front of the instruction at `index`.  Where no way leads there, `body` holds at the
// nearest place before it that only a jump from elsewhere reaches.
Step<AlphaState> AlphaUnwinder::state_at(AlphaFlow& flow, const Words& code, std::size_t index,
                                         const AlphaState& start, bool primary,
                                         const Step<AlphaState>& body, std::size_t prologue) {
  const auto limit = [&] {
    return method_failed(Code::limit, "Alpha code", "too many instructions to follow", at_);
  };
  flow.mark(index);
  if (!flow.run(0, start)) return limit();
  if (const AlphaState* state = flow.at(index)) return *state;
  if (primary && index < prologue) return unsupported("a prologue that is not run through");
  if (!body) return std::unexpected(body.error());
  std::size_t first = index;
  for (; first > prologue; --first) {
    const AlphaKind kind = AlphaWord{code[first - 1]}.kind();
    if (kind == AlphaKind::jump || kind == AlphaKind::ret || kind == AlphaKind::unknown) break;
  }
  if (!flow.run(first, *body)) return limit();
  if (const AlphaState* state = flow.at(index)) return *state;
  return unsupported("no way through the code leads here");
}

// The return address comes in the register that the function goes back through.
Step<int> AlphaUnwinder::link_of(const AlphaFlow& flow) const {
  int link = -1;
  for (const AlphaValue value : flow.returns()) {
    if (value.base >= kAlphaZero || value.offset != 0) continue;
    if (link >= 0 && link != value.base)
      return unsupported("it goes back through more than one register");
    link = value.base;
  }
  return link < 0 ? kAlphaRa : link;
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
  const std::size_t index = (at_ - begin) / 4;
  const bool primary = row->prologue_end >= row->begin && row->prologue_end <= row->end;
  const std::size_t prologue = primary ? (row->prologue_end - row->begin) / 4 : 0;
  AlphaFlow flow(*code, prologue, effort_);
  Known known;
  Step<AlphaState> state;
  if (primary) {
    const auto body = [&] { return body_of(*row, begin); };
    flow.mark(index);
    state = state_at(flow, *code, index, AlphaState(), true,
                     index >= prologue ? body() : Step<AlphaState>(), prologue);
  } else {
    const std::uint64_t row_size = wide_ ? sizeof(formats::ImageRuntimeFunctionAlpha64)
                                         : sizeof(formats::ImageRuntimeFunctionAlpha);
    const std::uint64_t parent = cut(row->prologue_end - delta);
    const bool own_prologue_empty = row->handler == 0 || row->handler == row->begin;
    if (parent == row_at || (parent > row_at ? parent - row_at : row_at - parent) % row_size != 0)
      return unsupported("a .pdata entry whose prologue ends elsewhere");
    if (row->data_type > 1 || !own_prologue_empty ||
        (row->data_type == 1 && row->handler != row->begin))
      return unsupported("a secondary .pdata entry of a form that is not known");
    const auto body = body_of_primary(parent, delta, function.image_base);
    if (!body) return std::unexpected(body.error());
    state = state_at(flow, *code, index, *body, false, body, 0);
  }
  if (!state) return std::unexpected(state.error());
  if (flow.ends_trap())
    return stop_here(Code::unsupported, "Alpha trap frame",
                     "this function goes back to interrupted code; no public source lays out what "
                     "lies on the stack for that",
                     at_);
  auto link = link_of(flow);
  if (!link) return std::unexpected(link.error());
  known.state = *state;
  known.link = *link;
  if (!input_.first) {
    const AlphaWord call{(*code)[index]};
    if (call.kind() != AlphaKind::call)
      return method_failed(Code::mismatch, "return address", "it does not follow a call", pc_);
    known.state.call(call.ra());
  }
  return known;
}

// Recursion asks for the same place again and again.
Step<Known> AlphaUnwinder::known_for(const FunctionEntry& function) {
  constexpr std::size_t most = 64;
  const std::uint64_t key = at_ << 1 | static_cast<std::uint64_t>(input_.first);
  if (!input_.kept) return analyse(function);
  if (!*input_.kept) *input_.kept = std::make_shared<Kept>();
  Kept& kept = *static_cast<Kept*>(input_.kept->get());
  for (const auto& [place, known] : kept.known)
    if (place == key) return known;
  auto known = analyse(function);
  if (!known) return known;
  if (kept.known.size() < most)
    kept.known.emplace_back(key, *known);
  else
    kept.known[kept.next++ % most] = {key, *known};
  return known;
}

Step<std::uint64_t> AlphaUnwinder::callers_sp(const AlphaState& state) const {
  std::optional<std::uint64_t> sp;
  const AlphaValue own = state.values[kAlphaSp];
  if (own.base == kAlphaSp && own.offset > 0)
    return unsupported("the stack pointer lies above where it was at the function's beginning");
  for (int i = 0; i < kAlphaZero; ++i) {
    const auto value = live(i);
    if (!value || state.values[i].base != kAlphaSp) continue;
    const std::uint64_t found = *value - static_cast<std::uint64_t>(state.values[i].offset);
    if (sp && cut(*sp) != cut(found))
      return method_failed(Code::mismatch, "stack pointer and frame pointer",
                           "they do not belong to one frame", at_);
    // sp comes last, and is better than a copy of it that an address calculation has made.
    sp = found;
  }
  if (!sp) return unsupported("the code does not tell where the frame begins");
  return *sp;
}

// What `reg` held at the function's beginning.  The slot comes before the register: a part of the
// function that lies elsewhere and comes back may have used the register meanwhile.
std::optional<std::uint64_t> AlphaUnwinder::callers(int reg, const Known& known, std::uint64_t sp) {
  const AlphaState& state = known.state;
  const int slot = AlphaState::slot_of(reg);
  if (slot >= 0 && state.slots[slot] != AlphaState::kNoSlot) {
    auto value = reader_.get<le64>(cut(sp + static_cast<std::uint64_t>(state.slots[slot])),
                                   "saved register");
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
    return std::unexpected(
        reader_
            .get<le64>(cut(*sp + static_cast<std::uint64_t>(known->state.slots[slot])),
                       "saved return address")
            .error());
  if (!ra) return unsupported("the return address was overwritten and not saved before");
  Registers registers;
  for (int i = kAlphaS0; i <= kAlphaFp; ++i)
    if (auto value = callers(i, *known, *sp)) registers.set(i, *value);
  for (int i = kAlphaF2; i < kAlphaF2 + 8; ++i)
    if (auto value = callers(i, *known, *sp)) registers.set(i, *value);
  // A routine with a linkage of its own leaves its caller the return address that that one has.
  if (link != kAlphaRa)
    for (int i = 0; i < kAlphaZero; ++i)
      if (i != link && !(i >= kAlphaS0 && i <= kAlphaFp) && known->state.values[i].is(i))
        if (auto value = live(i)) registers.set(i, *value);
  return finish(std::move(registers), *ra, *sp);
}

std::optional<std::uint64_t> AlphaUnwinder::value_of(AlphaValue value) {
  if (!value.known()) return std::nullopt;
  const auto offset = static_cast<std::uint64_t>(value.offset);
  if (value.base != AlphaValue::kStack) {
    const auto base = value.is_constant() ? std::optional<std::uint64_t>(0) : live(value.base);
    return base ? std::optional(*base + offset) : std::nullopt;
  }
  const auto sp = live(kAlphaSp);
  if (!sp) return std::nullopt;
  auto word = reader_.get<le64>(cut(*sp + offset), "saved register");
  return word ? std::optional<std::uint64_t>(*word) : std::nullopt;
}

// Follows the code on from pc: what all its ways back make of the registers is the caller's.
UnwindResult AlphaUnwinder::by_ways_back(bool leaf) {
  Words code(kLeafBack / 4);
  std::uint64_t from = pc_ - kLeafBack;
  std::vector<std::uint8_t> bytes(kLeafBack + kLeafAhead);
  auto got = reader_.some(from, bytes);
  if (from > pc_ || got.size() < kLeafBack + 4) {
    from = pc_;
    got = reader_.some(from, std::span(bytes).first(kLeafAhead));
  }
  code.resize(got.size() / 4);
  for (std::size_t i = 0; i < code.size(); ++i)
    code[i] = got[4 * i] | got[4 * i + 1] << 8 | got[4 * i + 2] << 16 |
              static_cast<std::uint32_t>(got[4 * i + 3]) << 24;
  if (code.empty()) return method_failed(Code::absent, "code", "not captured in this dump", pc_);
  AlphaFlow flow(code, 0, effort_);
  if (!flow.run((pc_ - from) / 4, AlphaState()))
    return method_failed(Code::limit, "Alpha code", "too many instructions to follow", pc_);
  AlphaState exit;
  AlphaValue back;
  if (flow.exit() && flow.returns().size() == 1) {
    exit = *flow.exit();
    back = flow.returns().front();
  } else if (leaf && !flow.exit() && flow.jump_exit()) { // a tail call
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
  if (!back.is(kAlphaRa) && back.base < kAlphaZero)
    for (int i = 0; i < kAlphaZero; ++i)
      if (i != back.base && !(i >= kAlphaS0 && i <= kAlphaFp) && exit.values[i].is(i))
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
    return by_ways_back(true);
  case FunctionLookup::found: break;
  }
  auto result = by_entry(function);
  if (result || result.error().stop || !input_.first) return result;
  auto back = by_ways_back(false);
  return back ? back : result;
}

} // namespace

UnwindResult unwind_alpha(const UnwindInput& input) { return AlphaUnwinder(input, false).run(); }
UnwindResult unwind_alpha64(const UnwindInput& input) { return AlphaUnwinder(input, true).run(); }

} // namespace dumptriage::arch
