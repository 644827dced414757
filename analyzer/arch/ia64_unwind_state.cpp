#include "arch/ia64_unwind_state.h"

#include <algorithm>
#include <bitset>
#include <tuple>
#include <vector>

namespace dumptriage::arch {

using namespace formats;

namespace {

constexpr std::uint32_t kNever = UINT32_MAX;
constexpr std::uint64_t kMostWords = INT32_MAX / 16; // of an offset or size as a record has it
// What is charged: about 100,000 for a millisecond.  Every function has one prologue, few more.
constexpr std::size_t kRecordEffort = 2, kFirstEffort = 4, kCopyEffort = 64, kCodeEffort = 8;

int saved_of(std::uint8_t reg) {
  const int n = reg & 31;
  switch (reg & 0x60) {
  case kIa64UnwindGr: return kIa64SavedR4 + n - 4;
  case kIa64UnwindFr: return kIa64SavedF2 + (n < 16 ? n - 2 : n - 12);
  case kIa64UnwindBr: return kIa64SavedB1 + n - 1;
  default: break;
  }
  constexpr Ia64Saved kSpecial[] = {kIa64SavedPreds, kIa64SavedPsp,  kIa64SavedPriunat,
                                    kIa64SavedRp,    kIa64SavedBsp,  kIa64SavedBspStore,
                                    kIa64SavedRnat,  kIa64SavedUnat, kIa64SavedFpsr,
                                    kIa64SavedPfs,   kIa64SavedLc};
  return kSpecial[reg - kIa64UnwindPreds];
}

class Machine {
public:
  Machine(const Ia64Moment& moment, std::size_t& effort, Where place)
      : moment_(moment), effort_(effort), place_(place) {}
  Result<Ia64FrameState> run(ByteView descriptors);

private:
  using Done = Result<void>;
  struct Save {
    std::uint8_t where = Ia64Home::self; // Ia64Home::Where or kSpill
    std::uint32_t when = kNever;         // how many slots must have been executed
    std::int32_t value = 0;
  };
  static constexpr std::uint8_t kSpill = 0x80; // the next place of the spill area
  struct State {
    std::array<Save, kIa64SavedCount> saves;
    std::uint8_t link = 0;
    int outer = -1; // in `kept_`: the state in front of the innermost prologue
  };
  struct Label {
    std::uint64_t number;
    State state;
  };

  std::unexpected<Error> bad(Code code, std::string why) const {
    Where where = place_;
    where.at += at_;
    return fail(code, "unwind descriptors", std::move(why), where);
  }
  Done charge(std::size_t amount);
  Done enter(const Ia64Record& r);
  Done leave_prologues();
  Done apply(const Ia64Record& r);
  Done save_one(const Ia64Record& r);
  Done stack_frame(const Ia64Record& r);
  Done label(const Ia64Record& r);
  Done finish_region();
  void finish_places();
  Done finish_mask();
  void finish_spills();
  Ia64FrameState answer() const;
  Result<bool> predicate(unsigned qp) const;

  // The slots that must have been executed for slot `t` of the region to be one of them.
  std::uint32_t after(std::uint64_t t) const {
    return start_ + (t < rlen_ ? static_cast<std::uint32_t>(t) + 1 : rlen_);
  }
  std::uint32_t region_end() const { return start_ + rlen_; }
  bool executed(std::uint32_t when) const { return moment_.executed >= when; }
  Save& touch(int saved) {
    if (!touched_[saved]) now_.saves[saved] = {};
    touched_.set(saved);
    return now_.saves[saved];
  }
  void put(int saved, std::uint8_t where, std::int64_t value) {
    Save& save = touch(saved);
    save.where = where;
    save.value = static_cast<std::int32_t>(value);
  }
  // Registers of one class, to memory or to successive general registers from `gr` on.
  void put_mask(std::uint32_t mask, int first, std::uint8_t where, int gr = 0) {
    for (int i = first; mask != 0; mask >>= 1, ++i)
      if (mask & 1) {
        put(i, where, gr);
        in_masks_.set(i);
        if (where == Ia64Home::gr) ++gr;
      }
  }

  const Ia64Moment& moment_;
  std::size_t& effort_;
  Where place_;
  std::uint64_t at_ = 0;

  State now_;
  std::vector<State> kept_; // never changed, so that labels may share them
  std::vector<Label> labels_;
  std::uint64_t pops_ = 0; // prologues that the epilogue of the region before has ended
  bool links_in_order_ = false;
  bool abi_frame_ = false;
  std::uint8_t abi_ = 0, context_ = 0;

  // Of the region:
  std::uint32_t start_ = 0, rlen_ = 0;
  bool in_body_ = true, changed_ = false;
  std::bitset<kIa64SavedCount> touched_, in_masks_;
  int spill_base_ = 16, next_gr_ = 32;
  bool has_mask_ = false;
  ByteView mask_;
  std::uint32_t sp_restored_ = kNever;
};

Machine::Done Machine::charge(std::size_t amount) {
  if (effort_ < amount) {
    effort_ = 0;
    return bad(Code::limit, "the effort of one walk is used up");
  }
  effort_ -= amount;
  return {};
}

Result<bool> Machine::predicate(unsigned qp) const {
  if (qp == 0) return true;
  // p6 ... p15 belong to whoever runs.
  const bool scratch = qp >= 6 && qp < 16;
  if (!moment_.preds || (scratch && !moment_.exact))
    return bad(Code::unsupported,
               "a save depends on p" + std::to_string(qp) + ", which is not known");
  if (qp >= 16) qp = 16 + (qp - 16 + moment_.marker.rrb_pr()) % 48;
  return *moment_.preds >> qp & 1;
}

Machine::Done Machine::leave_prologues() {
  int state = -1;
  for (; pops_ > 0; --pops_) {
    state = state < 0 ? now_.outer : kept_[static_cast<std::size_t>(state)].outer;
    if (state < 0) return bad(Code::bad_value, "an epilogue ends more prologues than there are");
  }
  if (state >= 0) now_ = State(kept_[static_cast<std::size_t>(state)]);
  return {};
}

Machine::Done Machine::enter(const Ia64Record& r) {
  if (auto ok = leave_prologues(); !ok) return ok;
  start_ = static_cast<std::uint32_t>(r.start);
  rlen_ = static_cast<std::uint32_t>(std::min(r.rlen, kIa64MostSlots));
  in_body_ = r.op == Ia64Op::body;
  changed_ = has_mask_ = false;
  touched_.reset();
  in_masks_.reset();
  spill_base_ = 16;
  next_gr_ = 32;
  sp_restored_ = kNever;
  if (in_body_) return {};
  if (auto ok = charge(kept_.empty() ? kFirstEffort : kCopyEffort); !ok) return ok;
  kept_.push_back(now_);
  now_.outer = static_cast<int>(kept_.size()) - 1;
  if (r.op != Ia64Op::prologue_gr) return {};
  next_gr_ = r.gr;
  links_in_order_ = links_in_order_ || (r.mask & 0xC) == 0xC;
  constexpr Ia64Saved kInOrder[] = {kIa64SavedRp, kIa64SavedPfs, kIa64SavedPsp, kIa64SavedPreds};
  for (unsigned i = 0; i < 4; ++i)
    if (r.mask & (8u >> i)) put(kInOrder[i], Ia64Home::gr, next_gr_++);
  return {};
}

Machine::Done Machine::apply(const Ia64Record& r) {
  if (r.value > kMostWords && r.op != Ia64Op::label_state && r.op != Ia64Op::copy_state &&
      r.op != Ia64Op::epilogue)
    return bad(Code::bad_value, "a frame of more than 2 GiB");
  const auto offset = static_cast<std::int64_t>(4 * r.value);
  switch (r.op) {
  case Ia64Op::br_mem: put_mask(r.mask, kIa64SavedB1, kSpill); break;
  case Ia64Op::br_gr: put_mask(r.mask, kIa64SavedB1, Ia64Home::gr, r.gr); break;
  case Ia64Op::gr_mem: put_mask(r.mask, kIa64SavedR4, kSpill); break;
  case Ia64Op::gr_gr: put_mask(r.mask, kIa64SavedR4, Ia64Home::gr, r.gr); break;
  case Ia64Op::fr_mem: put_mask(r.mask, kIa64SavedF2, kSpill); break;
  case Ia64Op::frgr_mem:
    put_mask(r.mask, kIa64SavedR4, kSpill);
    put_mask(r.frmask, kIa64SavedF2, kSpill);
    break;
  case Ia64Op::spill_mask:
    has_mask_ = true;
    mask_ = r.imask;
    break;
  case Ia64Op::mem_stack_f:
  case Ia64Op::mem_stack_v: return stack_frame(r);
  case Ia64Op::spill_base: spill_base_ = static_cast<int>(16 - offset); break;
  case Ia64Op::when:
    touch(saved_of(r.reg)).when = after(r.t);
    if (r.reg == kIa64UnwindPriunat && !r.priunat_gr && now_.saves[kIa64SavedPriunat].where == 0)
      now_.saves[kIa64SavedPriunat].where = Ia64Home::lost;
    break;
  case Ia64Op::in_gr: put(saved_of(r.reg), Ia64Home::gr, r.gr); break;
  case Ia64Op::in_br:
    if (r.gr > 7) return bad(Code::bad_value, "there is no b" + std::to_string(r.gr));
    now_.link = r.gr;
    break;
  case Ia64Op::psprel: put(saved_of(r.reg), Ia64Home::psprel, 16 - offset); break;
  case Ia64Op::sprel: put(saved_of(r.reg), Ia64Home::sprel, offset); break;
  case Ia64Op::unwabi:
    abi_frame_ = true;
    abi_ = r.abi;
    context_ = r.context;
    break;
  case Ia64Op::label_state:
  case Ia64Op::copy_state: return label(r);
  case Ia64Op::epilogue:
    sp_restored_ = region_end() - static_cast<std::uint32_t>(std::min<std::uint64_t>(r.t, rlen_));
    pops_ = r.value < UINT32_MAX ? r.value + 1 : UINT32_MAX;
    break;
  default: return save_one(r);
  }
  return {};
}

Machine::Done Machine::stack_frame(const Ia64Record& r) {
  const bool fixed = r.op == Ia64Op::mem_stack_f;
  const Save& old = now_.saves[kIa64SavedPsp];
  if (touched_[kIa64SavedPsp] && (fixed || old.when != kNever))
    return bad(Code::unsupported, "two stack frames in one prologue");
  Save& psp = touch(kIa64SavedPsp);
  psp.when = after(r.t);
  if (!fixed) return {};
  psp.where = Ia64Home::fixed;
  psp.value = static_cast<std::int32_t>(16 * r.value);
  return {};
}

// X1 ... X4: counts from its own instruction on.
Machine::Done Machine::save_one(const Ia64Record& r) {
  changed_ = true;
  if (!executed(after(r.t))) return {};
  auto done = predicate(r.qp);
  if (!done) return std::unexpected(done.error());
  if (!*done) return {};
  const int saved = saved_of(r.reg);
  const auto offset = static_cast<std::int64_t>(4 * r.value);
  if (r.op == Ia64Op::spill_psprel && saved == kIa64SavedPsp)
    return bad(Code::bad_value, "psp is saved where only psp would tell");
  Save save{.when = after(r.t)};
  switch (r.op) {
  case Ia64Op::restore: save.when = kNever; break;
  case Ia64Op::spill_psprel:
    save.where = Ia64Home::psprel;
    save.value = static_cast<std::int32_t>(16 - offset);
    break;
  case Ia64Op::spill_sprel:
    save.where = Ia64Home::sprel;
    save.value = static_cast<std::int32_t>(offset);
    break;
  default:
    save.where = r.target == Ia64Record::Target::br   ? Ia64Home::br
                 : r.target == Ia64Record::Target::fr ? Ia64Home::fr
                                                      : Ia64Home::gr;
    save.value = r.treg;
  }
  now_.saves[saved] = save;
  touched_.reset(saved); // the end of a prologue has nothing to add
  return {};
}

Machine::Done Machine::label(const Ia64Record& r) {
  // A label means the state on entry of its region.
  if (changed_) return bad(Code::unsupported, "a label behind saves in its region");
  if (auto ok = charge(kCopyEffort + labels_.size() / 4); !ok) return ok;
  const auto found = std::ranges::find(labels_, r.value, &Label::number);
  if (r.op == Ia64Op::copy_state) {
    if (found == labels_.end())
      return bad(Code::bad_value, "a copy of state " + std::to_string(r.value) + ", which none is");
    now_ = found->state;
  } else if (found == labels_.end()) {
    labels_.push_back({r.value, now_});
  } else {
    found->state = now_;
  }
  return {};
}

// Places that only the whole prologue tells.
void Machine::finish_places() {
  constexpr Ia64Saved kInOrder[] = {kIa64SavedRp, kIa64SavedPfs,  kIa64SavedPreds,  kIa64SavedUnat,
                                    kIa64SavedLc, kIa64SavedFpsr, kIa64SavedPriunat};
  const auto placeless = [&](int i) {
    return touched_[i] && now_.saves[i].where == Ia64Home::self && now_.saves[i].when != kNever;
  };
  for (int i : kInOrder)
    if (placeless(i)) put(i, Ia64Home::gr, next_gr_++);
  for (int i : {kIa64SavedPsp, kIa64SavedRnat, kIa64SavedBsp, kIa64SavedBspStore})
    if (placeless(i)) put(i, Ia64Home::lost, 0);
}

// Which registers of the masks have been saved: P4 has two bits for each slot.
Machine::Done Machine::finish_mask() {
  if (auto ok = charge(rlen_); !ok) return ok;
  for (const auto& [kind, first, last] :
       {std::tuple{kIa64SpillFloat, kIa64SavedF2, kIa64SavedCount},
        {kIa64SpillGeneral, kIa64SavedR4, kIa64SavedB1},
        {kIa64SpillBranch, kIa64SavedB1, kIa64SavedF2}}) {
    std::bitset<kIa64SavedCount> members, spilled, done;
    for (int i = first; i < last; ++i) {
      members[i] = in_masks_[i];
      spilled[i] = in_masks_[i] && now_.saves[i].where == Ia64Home::psprel;
    }
    std::size_t slots = 0, executed_slots = 0;
    bool told = true; // by the instructions which they are
    for (std::uint32_t t = 0; t < rlen_; ++t) {
      if ((*mask_.u8(t / 4) >> (6 - 2 * (t % 4)) & 3u) != kind) continue;
      ++slots;
      if (!executed(after(t))) continue;
      ++executed_slots;
      if (auto ok = charge(kCodeEffort); !ok) return ok;
      const auto reg = moment_.saved_in ? moment_.saved_in(start_ + t) : std::nullopt;
      told = told && reg && members[saved_of(*reg)];
      if (told) done.set(saved_of(*reg));
    }
    if (slots != members.count()) members = spilled;
    if (slots != members.count())
      return bad(Code::bad_value, "the masks of a prologue do not agree on what it saves");
    told = told && done.count() == executed_slots && (done & ~members).none();
    for (int i = first; i < last; ++i) {
      if (!members[i] || executed_slots == 0) continue;
      if (executed_slots != slots && !told) put(i, Ia64Home::lost, 0);
      if (executed_slots == slots || !told || done[i]) now_.saves[i].when = start_;
    }
  }
  return {};
}

// The spill area, from its high end down.
void Machine::finish_spills() {
  int at = spill_base_;
  const auto lay = [&](int first, int last, int size) {
    for (int i = last - 1; i >= first; --i)
      if (now_.saves[i].where == kSpill) put(i, Ia64Home::psprel, at -= size);
  };
  lay(kIa64SavedF2, kIa64SavedCount, 16);
  lay(kIa64SavedB1, kIa64SavedF2, 8);
  lay(kIa64SavedR4, kIa64SavedB1, 8);
}

Machine::Done Machine::finish_region() {
  if (in_body_) return {};
  const State& outer = kept_[static_cast<std::size_t>(now_.outer)];
  const bool whole = executed(region_end());
  finish_places();
  if (touched_[kIa64SavedPsp] && outer.saves[kIa64SavedPsp].where != Ia64Home::self)
    return bad(Code::unsupported, "a stack frame inside a stack frame");
  finish_spills();
  if (!whole && has_mask_)
    if (auto ok = finish_mask(); !ok) return ok;
  for (int i = 0; i < kIa64SavedCount; ++i) {
    if (!touched_[i]) continue;
    Save& save = now_.saves[i];
    if (save.when == kNever) save.when = region_end();
    if (!executed(save.when)) save = outer.saves[i]; // not yet
  }
  return {};
}

Ia64FrameState Machine::answer() const {
  Ia64FrameState out;
  const bool sp_is_back = sp_restored_ != kNever && executed(sp_restored_);
  for (int i = 0; i < kIa64SavedCount; ++i) {
    const Save& save = now_.saves[i];
    Ia64Home& home = out.homes[static_cast<std::size_t>(i)];
    home = {static_cast<Ia64Home::Where>(save.where), save.value};
    const bool in_frame =
        home.where == Ia64Home::sprel || (home.where == Ia64Home::psprel && home.value <= 16);
    if (sp_is_back && (i == kIa64SavedPsp || in_frame)) home = {};
  }
  out.link = now_.link;
  out.links_in_order = links_in_order_;
  out.abi_frame = abi_frame_;
  out.abi = abi_;
  out.context = context_;
  return out;
}

Result<Ia64FrameState> Machine::run(ByteView descriptors) {
  Ia64Records records(descriptors, place_);
  const std::uint64_t slot = moment_.executed - !moment_.exact; // whose state is asked for
  bool inside = false;
  Ia64Record r;
  for (bool first = true;; first = false) {
    const auto more = records.next(r);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if (r.region() && inside) break;
    at_ = r.at;
    Done ok = charge(kRecordEffort + r.size / 4);
    if (ok && r.region() && !first) ok = finish_region();
    if (ok) ok = r.region() ? enter(r) : apply(r);
    if (!ok) return std::unexpected(std::move(ok.error()));
    inside = slot >= r.start && slot - r.start < r.rlen;
  }
  if (!inside)
    return bad(Code::bad_value,
               "they end before slot " + std::to_string(slot) + " of the function");
  if (auto ok = finish_region(); !ok) return std::unexpected(std::move(ok.error()));
  return answer();
}

} // namespace

Result<Ia64FrameState> ia64_frame_state(ByteView descriptors, const Ia64Moment& moment,
                                        std::size_t& effort, Where place) {
  if (moment.executed > kIa64MostSlots || (!moment.exact && moment.executed == 0))
    return fail(Code::bad_value, "unwind descriptors", "the place lies outside the function",
                place);
  return Machine(moment, effort, place).run(descriptors);
}

} // namespace dumptriage::arch
