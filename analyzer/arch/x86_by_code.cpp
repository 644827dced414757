// When the code of a function proves the frame of its caller.
//
// From a start S every path is followed to pc; what is pushed, popped, saved and aligned on the way
// says how far below the return address the stack pointer (or a register that kept it) is now.
// That is a proof when S is the entry of the function that pc is in and the way was understood:
//
//   1. The return address that comes out follows a direct call of S: stack and code agree about
//      both ends of the call.
//   2. It follows an indirect call, S is where the symbols let the function begin, and the ways out
//      of the function, through pc too, find the stack as the entry left it; or the function keeps
//      a frame pointer.  Instead of a start from the symbols one behind padding or the end of
//      another function will do, when the parameters of every call on the way are known as well.
//   3. pc is exact, and every way from it to a return finds the same return address: the CPU would
//      have gone there.
//
// The call in front of a return address that goes to another function is a contradiction.
#include "arch/x86_by_code.h"

#include <algorithm>

#include "base/text.h"

namespace dumptriage::arch::x86 {
namespace {

constexpr std::uint32_t kReach = 0x10000;
constexpr std::uint32_t kSearchBack = 0x1000;
constexpr int kMostStarts = 6;
constexpr int kMostWords = 96; // of the stack, looked at for a call of this function
constexpr std::size_t kMostKept = 64;

// The functions followed in this walk.
using Kept = std::map<std::uint32_t, std::shared_ptr<Followed>>;

class Proof {
public:
  Proof(const UnwindInput& input, std::string& why)
      : input_(input), why_(why), code_(input), reader_(input.memory) {}

  std::optional<Caller> run() {
    const auto pc = input_.registers.get(kEip), esp = input_.registers.get(kEsp);
    if (!pc || !esp) return std::nullopt;
    pc_ = static_cast<std::uint32_t>(*pc);
    esp_ = static_cast<std::uint32_t>(*esp);
    lookup_ = input_.first ? pc_ : pc_ - 1;
    if (code_.at(lookup_).empty()) {
      why_ = kNoCode;
      return std::nullopt;
    }
    for (const std::uint32_t start : named_starts())
      if (auto caller = from_start(start, Start::named)) return caller;
    if (input_.first)
      if (auto caller = from_here()) return caller;
    for (const std::uint32_t start : followed_before())
      if (auto caller = from_start(start, Start::searched)) return caller;
    if (auto caller = from_calls()) return caller;
    return from_search();
  }

private:
  enum class Start { named, searched };

  std::vector<std::uint32_t> named_starts() {
    std::vector<std::uint32_t> starts;
    auto add = [&](std::optional<std::uint64_t> start) {
      if (!start || *start == 0 || *start > lookup_ || lookup_ - *start >= kReach) return;
      const auto start32 = static_cast<std::uint32_t>(*start);
      if (std::ranges::find(starts, start32) == starts.end()) starts.push_back(start32);
    };
    if (const auto data = input_.functions.frame_data(lookup_)) add(data->function);
    add(input_.functions.function_start(lookup_));
    return starts;
  }

  Kept& kept() {
    if (!input_.kept) return own_;
    if (!*input_.kept) *input_.kept = std::make_shared<Kept>();
    return *static_cast<Kept*>(input_.kept->get());
  }
  // Functions that other frames have led to and that pc is in: of a recursion.
  std::vector<std::uint32_t> followed_before() {
    std::vector<std::uint32_t> starts;
    for (const auto& [start, followed] : kept())
      if (input_.first ? followed->before(pc_) : followed->before_call(pc_))
        starts.push_back(start);
    return starts;
  }

  Followed& follow(std::uint32_t start) {
    Kept* kept = &this->kept();
    auto found = kept->find(start);
    if (found == kept->end()) {
      if (kept->size() >= kMostKept) kept->clear();
      CodeReader code(input_);
      found =
          kept->emplace(start, std::make_shared<Followed>(Followed::from_entry(code, start))).first;
    }
    held_.push_back(found->second);
    return *found->second;
  }

  std::optional<std::uint32_t> word(std::uint32_t address) {
    const auto value = reader_.get<le32>(address, "stack");
    return value ? std::optional<std::uint32_t>(*value) : std::nullopt;
  }
  Placed place(Followed& followed) { return place_entry(input_, followed, asking()); }
  AskPops asking() {
    return [this](std::uint32_t, Value target) { return pops_of(target); };
  }

  // Bytes that the function at `target` takes off the stack: by its own code, or by its name.
  std::optional<std::uint32_t> pops_of(Value target) {
    constexpr int most_imports = 4; // one image passes on what another exports
    for (int i = 0; i < most_imports; ++i) {
      std::optional<std::uint32_t> by_name;
      if (target.base == Value::kWordAt) {
        const ImportedFunction function = input_.functions.imported(target.offset);
        by_name = function.parameters;
        target = loaded(target.offset, function);
      }
      if (!target.is_constant()) return by_name;
      const std::uint32_t begin = code_.through_jumps(target.offset);
      if (code_.at(begin).empty()) return by_name;
      const Followed& callee = follow(begin);
      const auto by_code = callee.cut_short ? std::nullopt : callee.pops();
      if (by_code || by_name) return by_code ? by_code : by_name;
      const auto tail = callee.only_tail();
      const Value place = tail ? address_of(*tail, State()) : Value{};
      target = place.is_constant() ? Value{Value::kWordAt, place.offset} : Value{};
    }
    return std::nullopt;
  }
  // What the loader put into an import slot.
  Value loaded(std::uint32_t slot, const ImportedFunction& function) const {
    std::optional<std::uint64_t> address = function.address;
    le32 pointer{};
    const auto bytes = std::as_writable_bytes(std::span(&pointer, 1));
    const auto outcome = input_.memory.read(slot, bytes);
    if (outcome.complete(4) && outcome.origin == memory::Origin::dump) address = pointer;
    return address && *address <= UINT32_MAX ? Value::constant(static_cast<std::uint32_t>(*address))
                                             : Value{};
  }

  // --- the call in front of a return address ---

  enum class Call { none, unknown, indirect, here, elsewhere };
  // Does the call before `ret` go to the function that has its return address in `slot`, and pc in
  // it?  `start` becomes where that function begins.
  Call call_of(std::uint32_t ret, std::uint32_t slot, std::uint32_t& start) {
    constexpr std::uint32_t lowest_code = 0x10000, guard = 0xFFFF0000, near_stack = 0x100000;
    if (ret < lowest_code || ret >= guard || ret - esp_ < near_stack) return Call::none;
    const auto call = call_before_x86(input_.memory, ret);
    if (call != true) return call ? Call::none : Call::unknown;
    const auto target = code_.direct_target(ret);
    if (!target) return Call::indirect;
    const std::uint32_t begin = code_.through_jumps(*target);
    if (begin == start || *target == start) return Call::here;
    const auto first = code_.decode(begin);
    if (!first || first->flow == Flow::elsewhere) return Call::indirect; // an import
    Followed& followed = follow(begin);
    const Placed placed = place(followed);
    if (placed.reached == Reached::yes && placed.entry.slot == slot && !followed.unbalanced) {
      start = begin;
      return Call::here;
    }
    return placed.reached == Reached::no && !followed.whole ? Call::indirect : Call::elsewhere;
  }

  // --- from a start ---

  std::optional<Caller> from_start(std::uint32_t start, Start kind) {
    Followed& followed = follow(start);
    const Placed placed = place(followed);
    if (placed.reached == Reached::no) return std::nullopt;
    if (placed.reached != Reached::yes) return refuse(placed.why);
    if (followed.interrupt) return refuse("the function returns from an interrupt");
    if (followed.unbalanced) return refuse("the function's ways out do not find its stack");
    if (followed.cut_short && !placed.entry.by_chain) return refuse("the function is too long");
    const auto ret = word(placed.entry.slot);
    if (!ret) return refuse("the return address is not captured");
    std::uint32_t begin = start;
    const bool sound = (placed.entry.by_chain && has_prologue(start)) ||
                       (followed.balanced && (kind == Start::named || confirmed(followed, placed)));
    if (*ret == 0 && sound) return caller(placed.entry, *ret, followed);
    switch (call_of(*ret, placed.entry.slot, begin)) {
    case Call::none: return refuse("the return address does not follow a call");
    case Call::elsewhere: return refuse("the call before the return address goes elsewhere");
    case Call::here: return caller(placed.entry, *ret, follow(begin));
    case Call::unknown:
      if (kind != Start::named) return refuse("no code bytes before the return address");
      [[fallthrough]];
    case Call::indirect:
      if (!sound) return refuse("called indirectly, and no way out of the function is known");
      return caller(placed.entry, *ret, followed);
    }
    return std::nullopt;
  }

  // A start that was only searched may be any place in a function; what its calls take off must not
  // be worked out from the assumption that it is a start.
  bool confirmed(Followed& followed, const Placed& placed) {
    if (!confirm_calls(followed, asking())) return false;
    const Placed again = place(followed);
    return again.reached == Reached::yes && again.entry.slot == placed.entry.slot;
  }

  std::nullopt_t refuse(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    return std::nullopt;
  }

  Caller caller(const Entry& entry, std::uint32_t ret, const Followed& followed) {
    Caller out;
    out.registers = entry.registers;
    out.registers.set(kEip, ret);
    out.registers.set(kEsp, entry.slot + 4);
    out.trust = entry.by_chain ? Trust::frame_pointer : Trust::prologue;
    reader_.use(entry.origin);
    reader_.use(followed.origin);
    out.origin = std::max(reader_.worst(), code_.worst());
    return out;
  }

  // `push ebp; mov ebp, esp`, behind nothing but `mov edi, edi`.
  bool has_prologue(std::uint32_t start) {
    std::uint32_t at = start;
    const auto bytes = code_.at(at);
    if (bytes.size() >= 2 && bytes[0] == 0x8B && bytes[1] == 0xFF) at += 2;
    const auto push = code_.decode(at);
    if (!push || push->op != Op::push || push->from.reg != kEbp) return false;
    const auto move = code_.decode(at + push->length);
    return move && move->op == Op::move && move->to.reg == kEbp && move->from.reg == kEsp;
  }

  // --- from an exact pc on ---

  std::optional<Caller> from_here() {
    State state;
    for (int reg = 0; reg < 8; ++reg)
      if (const auto now = input_.registers.get(reg))
        state.registers[reg] = Value::constant(static_cast<std::uint32_t>(*now));
    const std::uint32_t low = esp_;
    Followed on = Followed::from_here(code_, pc_, state, [&](std::uint32_t at) {
      return at - low < kReach ? word(at) : std::nullopt;
    });
    if (on.cut_short || on.interrupt || on.unbalanced || on.exits().empty()) return std::nullopt;
    const Value esp = on.exits().front().state.registers[kEsp];
    if (!esp.is_constant() || esp.offset < esp_) return std::nullopt;
    const auto ret = word(esp.offset);
    if (!ret) return std::nullopt;
    std::uint32_t begin = 0;
    const Call call = call_of(*ret, esp.offset, begin);
    if (call == Call::none && *ret != 0) return std::nullopt;
    if (call == Call::elsewhere) return refuse("the call before the return address goes elsewhere");
    Entry entry;
    entry.slot = esp.offset;
    entry.by_chain = input_.registers.get(kEbp) == std::uint64_t{entry.slot} - 4;
    for (int reg : {kEbx, kEbp, kEsi, kEdi})
      if (const auto value = common(on, reg)) entry.registers.set(reg, *value);
    return caller(entry, *ret, on);
  }

  static std::optional<std::uint32_t> common(const Followed& on, int reg) {
    const Value first = on.exits().front().state.registers[reg];
    for (const auto& exit : on.exits())
      if (exit.state.registers[reg] != first) return std::nullopt;
    return first.is_constant() ? std::optional(first.offset) : std::nullopt;
  }

  // --- from the calls on the stack ---

  // The return address that follows a direct call of the function around pc, in the very slot that
  // its code says.
  std::optional<Caller> from_calls() {
    std::vector<std::uint32_t> slots;
    if (const auto ebp = input_.registers.get(kEbp))
      slots.push_back(static_cast<std::uint32_t>(*ebp) + 4);
    for (int i = 0; i < kMostWords; ++i) slots.push_back(esp_ + 4 * i);
    std::vector<std::uint32_t> tried;
    for (const std::uint32_t slot : slots) {
      const auto ret = input_.memory.u32(slot);
      if (!ret) continue;
      const auto target = *ret >= 5 ? code_.direct_target(*ret) : std::nullopt;
      if (!target) continue;
      const std::uint32_t begin = code_.through_jumps(*target);
      if (begin > lookup_ || lookup_ - begin >= kReach) continue;
      if (std::ranges::find(tried, begin) != tried.end()) continue;
      if (tried.size() >= kMostStarts) return std::nullopt;
      tried.push_back(begin);
      if (auto caller = from_start(begin, Start::searched)) return caller;
    }
    return std::nullopt;
  }

  // --- from a start that is searched ---

  std::optional<Caller> from_search() {
    constexpr std::uint32_t block = 0x80, overlap = 8;
    int starts = 0;
    for (std::uint32_t end = lookup_ + 1; lookup_ + 1 - end < kSearchBack && end > block;
         end -= block) {
      std::array<std::uint8_t, block + overlap> bytes{};
      std::uint32_t at = end - block - overlap;
      auto code = reader_.some(at, bytes);
      while (code.size() < end - at && end - at > 2 * overlap) { // where the code begins
        at += overlap;
        code = reader_.some(at, bytes);
      }
      if (code.size() < end - at) return std::nullopt;
      for (std::uint32_t i = end - at; i-- > overlap;) {
        if (!may_begin(code, i, at + i)) continue;
        if (++starts > kMostStarts) return std::nullopt;
        if (auto caller = from_start(at + i, Start::searched)) return caller;
      }
    }
    return std::nullopt;
  }

  // Behind padding, a return or a jump, and not padding itself.
  static bool may_begin(std::span<const std::uint8_t> code, std::size_t i, std::uint32_t address) {
    const std::uint8_t here = code[i], before = code[i - 1];
    if (here == 0xCC || here == 0x90) return false;
    if (before == 0xCC || before == 0x90) return true;
    // lea esi, [esi+0] with 1 or 4 bytes of displacement: how gcc pads
    const bool padded =
        before == 0 && (code[i - 4] == 0x8D || code[i - 6] == 0x8D || code[i - 7] == 0x8D);
    if (address % 16 == 0 && padded) return true;
    const bool ends =
        before == 0xC3 || code[i - 3] == 0xC2 || code[i - 5] == 0xE9 || code[i - 2] == 0xEB;
    const bool prologue =
        here == 0x55 || (here == 0x8B && i + 1 < code.size() && code[i + 1] == 0xFF);
    return ends && (address % 16 == 0 || prologue);
  }

  const UnwindInput& input_;
  std::string& why_;
  CodeReader code_;
  Reader reader_;
  std::uint32_t pc_ = 0, esp_ = 0, lookup_ = 0;
  Kept own_;
  std::vector<std::shared_ptr<Followed>> held_; // a full memory of them is emptied
};

} // namespace

std::optional<Caller> by_code(const UnwindInput& input, std::string& why) {
  return Proof(input, why).run();
}

} // namespace dumptriage::arch::x86
