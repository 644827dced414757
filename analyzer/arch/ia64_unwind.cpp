// One frame back on Itanium.
//
// The unwind data say where the caller's registers are.  The caller's marker is in ar.pfs as it was
// on entry, its r32 lies ar.pfs's sol below this frame's r32, its own preserved registers are where
// this function has saved them, or untouched.
//
// A frame stands on the return address, ar.pfs and sp; where one of these is not known the step
// fails.  Other registers that cannot be read are left unknown.  A caller keeps of its scratch
// registers none, of its predicates p6 ... p15 what the function called has found there, and of gp
// nothing: the function called may have one of its own, and no record says where the caller's is.
//
// Source: Itanium Software Conventions and Runtime Architecture Guide (Intel 245358), chapter 11.
#include "arch/ia64.h"
#include "arch/ia64_unwind_code.h"
#include "arch/ia64_unwind_state.h"
#include "arch/reading.h"
#include "base/text.h"

namespace dumptriage::arch {
namespace {

constexpr std::string_view kWhat = "unwinding";
constexpr std::size_t kUsualInfo = 512;      // bytes read at once
constexpr std::uint64_t kMostInfo = 0x10000; // real ones are below 4 KiB
constexpr std::size_t kOwnEffort = 100000;   // of a step that nobody gave any

using Value = std::expected<std::uint64_t, UnwindFailure>;

class Step {
public:
  explicit Step(const UnwindInput& in)
      : in_(in), now_(in.registers), reader_(in.memory),
        effort_(in.effort ? *in.effort : own_effort_) {}
  UnwindResult run();

private:
  using Done = std::expected<void, UnwindFailure>;
  std::unexpected<UnwindFailure> bad(Code code, std::string why, std::uint64_t at) const {
    return method_failed(code, std::string(kWhat), std::move(why), at);
  }
  Done find_state();
  Done read_state(const FunctionEntry& entry, std::uint64_t executed);
  std::expected<std::span<const std::uint8_t>, UnwindFailure> info_bytes(std::uint64_t at);
  Done order_links(Ia64FrameState& state, std::uint64_t begin, std::uint64_t end);
  Done find_psp();
  bool may_return_to(std::uint64_t address) const;
  UnwindResult outermost() const;

  const Ia64Home& home(int saved) const { return state_.homes[static_cast<std::size_t>(saved)]; }
  // Where a value lies in memory; nothing when it lies elsewhere.
  std::optional<std::uint64_t> address_of(const Ia64Home& home) const;
  Value saved(int which);
  Value link(int which, int register_, const char* name);
  Value general(unsigned n);
  Value stacked(unsigned n);
  std::optional<bool> is_nat(std::uint64_t slot);
  Value known(int index) const;

  void restore(Registers& caller);
  void restore_general(Registers& caller);
  void restore_floats(Registers& caller);

  const UnwindInput& in_;
  const Registers& now_;
  Reader reader_;
  std::size_t own_effort_ = kOwnEffort;
  std::size_t& effort_;
  std::uint64_t pc_ = 0, sp_ = 0, psp_ = 0;
  Ia64FrameState state_;
  std::string doubt_; // why the frame is not proved
  std::uint8_t usual_info_[kUsualInfo];
  std::vector<std::uint8_t> long_info_;
};

Value Step::known(int index) const {
  if (auto value = now_.get(index)) return *value;
  return bad(Code::absent,
             std::string(kIa64.register_names[static_cast<std::size_t>(index)]) +
                 " is not known here",
             pc_);
}

// The slot holds a NaT.  Nothing when its bit cannot be read.
std::optional<bool> Step::is_nat(std::uint64_t slot) {
  const std::uint64_t at = ia64_nat_collection(slot);
  const auto end = now_.get(kIa64BspStore);
  std::optional<std::uint64_t> bits;
  if (end && at < *end)
    bits = in_.memory.u64(at);
  else if (end && at == ia64_nat_collection(*end)) // not yet full: in ar.rnat
    bits = now_.get(kIa64Rnat);
  if (!bits) return std::nullopt;
  return *bits >> (slot >> 3 & 63) & 1;
}

Value Step::stacked(unsigned n) {
  const auto bsp = known(kIa64Bsp), marker = known(kIa64Ifs), end = known(kIa64BspStore);
  for (const Value* value : {&bsp, &marker, &end})
    if (!*value) return *value;
  const Ia64FrameMarker frame{*marker & kIa64MarkerBits};
  const auto at = ia64_stacked(*bsp, frame, n);
  const std::string name = "r" + std::to_string(n);
  if (!at || !frame.plausible() || *bsp % 8 != 0)
    return bad(Code::bad_value, name + " is needed, but the frame does not have it", pc_);
  if (*at >= *end || *at > UINT64_MAX - 8)
    return bad(Code::absent, name + " is still in the register file, not in memory", *at);
  auto value = reader_.get<std::uint64_t>(*at, name);
  if (value && is_nat(*at) == true)
    return bad(Code::bad_value, name + " holds no value (NaT)", *at);
  return value;
}

Value Step::general(unsigned n) {
  if (n >= 32) return stacked(n);
  const auto nats = now_.get(kIa64Nats);
  if (nats && *nats >> n & 1)
    return bad(Code::bad_value, "r" + std::to_string(n) + " holds no value (NaT)", pc_);
  return known(static_cast<int>(n));
}

std::optional<std::uint64_t> Step::address_of(const Ia64Home& home) const {
  if (home.where == Ia64Home::psprel) return psp_ + static_cast<std::uint64_t>(home.value);
  if (home.where == Ia64Home::sprel) return sp_ + static_cast<std::uint64_t>(home.value);
  return std::nullopt;
}

// The caller's value of what this function has saved.
Value Step::saved(int which) {
  const Ia64Home& place = home(which);
  if (const auto address = address_of(place))
    return reader_.get<std::uint64_t>(*address, "a saved register");
  switch (place.where) {
  case Ia64Home::gr: return general(static_cast<unsigned>(place.value));
  case Ia64Home::br:
    if (place.value < 8) return known(kIa64Rp + static_cast<int>(place.value));
    break;
  default: break;
  }
  return bad(Code::unsupported, "a register is saved where no record says, or in a form not read",
             pc_);
}

// The return address and ar.pfs: in their registers only until the function calls.
Value Step::link(int which, int register_, const char* name) {
  if (home(which).where != Ia64Home::self) return saved(which);
  if (in_.first) return known(register_);
  return bad(Code::bad_value, std::string("the function has called, but has not saved ") + name,
             pc_);
}

UnwindResult Step::run() {
  for (const auto& [index, to] : {std::pair{kIa64Iip, &pc_}, {kIa64Sp, &sp_}}) {
    const Value value = known(index);
    if (!value) return std::unexpected(value.error());
    *to = *value;
  }
  if (auto ok = find_state(); !ok) return std::unexpected(ok.error());
  if (auto ok = find_psp(); !ok) return std::unexpected(ok.error());
  const Value rp = link(kIa64SavedRp, kIa64Rp + state_.link, "the return address");
  if (!rp) return std::unexpected(rp.error());
  if (*rp == 0) return outermost();
  if (*rp % 16 != 0) return bad(Code::bad_value, "the return address names no bundle", *rp);
  const Value pfs = link(kIa64SavedPfs, kIa64Pfs, "ar.pfs");
  if (!pfs) return std::unexpected(pfs.error());
  const Ia64FrameMarker marker{*pfs & kIa64MarkerBits};
  if (!marker.plausible() || (*pfs & kIa64PfsReserved))
    return bad(Code::bad_value, "ar.pfs of the caller, " + hex(*pfs) + ", is no frame's", pc_);

  Caller caller;
  Registers& r = caller.registers;
  r.set(0, 0);
  r.set(kIa64Iip, *rp);
  r.set(kIa64Sp, psp_);
  r.set(kIa64Pfs, *pfs);
  r.set(kIa64Ifs, marker.value);
  r.set(kIa64Ec, ia64_pfs_ec(*pfs));
  const auto bsp = now_.get(kIa64Bsp);
  if (bsp && *bsp % 8 != 0) return bad(Code::bad_value, "bsp is not aligned", *bsp);
  if (bsp) r.set(kIa64Bsp, ia64_skip(*bsp, -static_cast<std::int64_t>(marker.sol())));
  if (!in_.first && psp_ == sp_ && r.get(kIa64Bsp) == bsp)
    return bad(Code::bad_value, "neither of the stacks goes back", sp_);
  restore(r);
  caller.origin = reader_.worst();
  // In the other order ar.pfs would be the return address: seldom can it be one.
  if (!may_return_to(*rp) || may_return_to(*pfs)) caller.unproved = doubt_;
  caller.proved = caller.unproved.empty();
  return caller;
}

bool Step::may_return_to(std::uint64_t address) const {
  FunctionEntry entry;
  return address % 16 == 0 && address >= 16 &&
         in_.functions.find(address - 16, entry) != FunctionLookup::unknown;
}

// The outermost function has no caller: its return address is 0.
UnwindResult Step::outermost() const {
  Caller caller;
  caller.registers.set(kIa64Iip, 0);
  caller.registers.set(kIa64Sp, psp_);
  if (auto bsp = now_.get(kIa64Bsp)) caller.registers.set(kIa64Bsp, *bsp);
  caller.origin = reader_.worst();
  caller.unproved = doubt_;
  caller.proved = doubt_.empty();
  return caller;
}

Step::Done Step::find_state() {
  const std::uint64_t bundle = ia64_bundle(pc_);
  const unsigned slot = in_.first ? ia64_slot(pc_) : 0;
  if (slot > 2) return bad(Code::bad_value, "a bundle has three slots", pc_);
  if (!in_.first && bundle < 16) return bad(Code::bad_value, "no call lies before this", pc_);
  FunctionEntry entry;
  // The call may be the last of its function.
  switch (in_.functions.find(in_.first ? bundle : bundle - 16, entry)) {
  case FunctionLookup::unknown: return bad(Code::absent, "no function table is at hand", pc_);
  case FunctionLookup::leaf:
    if (in_.first) return {}; // nothing is saved
    return bad(Code::bad_value, "a function without unwind data cannot have called", pc_);
  case FunctionLookup::found: break;
  }
  reader_.use(entry.origin);
  const std::uint64_t offset = bundle - (entry.image_base + entry.begin);
  if (offset / 16 * 3 + slot > kIa64MostSlots || offset % 16 != 0)
    return bad(Code::bad_value, "the function does not begin with a bundle", pc_);
  return read_state(entry, offset / 16 * 3 + slot);
}

std::expected<std::span<const std::uint8_t>, UnwindFailure> Step::info_bytes(std::uint64_t at) {
  const auto bytes = reader_.some(at, usual_info_);
  const auto head = ByteView(bytes.data(), bytes.size()).get<formats::UnwindInfoIa64>(0);
  if (!head || bytes.size() < kUsualInfo) return bytes;
  const std::uint64_t size = sizeof(*head) + std::uint64_t{head->Length} * 8;
  if (size <= kUsualInfo) return bytes;
  if (size > kMostInfo) return bad(Code::limit, hex(size) + " bytes of unwind data", at);
  effort_ -= std::min<std::size_t>(effort_, size / 64);
  auto all = reader_.array<std::uint8_t>(at, size, "UNWIND_INFO");
  if (!all) return std::unexpected(all.error());
  long_info_ = std::move(*all);
  return long_info_;
}

Step::Done Step::read_state(const FunctionEntry& entry, std::uint64_t executed) {
  const std::uint64_t at = entry.image_base + entry.unwind;
  const auto bytes = info_bytes(at);
  if (!bytes) return std::unexpected(bytes.error());
  auto info = ia64_unwind_info(ByteView(bytes->data(), bytes->size()), Where::virtual_address(at));
  if (!info) {
    if (info.error().code == Code::truncated) info.error().code = Code::absent; // from the dump
    return std::unexpected(UnwindFailure{false, info.error()});
  }
  const std::uint64_t begin = entry.image_base + entry.begin;
  const Ia64Moment moment{executed,
                          in_.first,
                          now_.get(kIa64Preds),
                          {now_.get(kIa64Ifs).value_or(0) & kIa64MarkerBits},
                          [&](std::uint64_t slot) {
                            return ia64_saved_in(in_.memory, begin + slot / 3 * 16,
                                                 static_cast<unsigned>(slot % 3));
                          }};
  auto state = ia64_frame_state(info->descriptors, moment, effort_,
                                Where::virtual_address(at + sizeof(formats::UnwindInfoIa64)));
  if (!state) return std::unexpected(UnwindFailure{false, state.error()});
  if (state->abi_frame)
    return stop_here(Code::unsupported, std::string(kWhat),
                     "the system made this frame, no call did (unwabi " +
                         std::to_string(state->abi) + ", context " +
                         std::to_string(state->context) + ")",
                     pc_);
  for (int which : {kIa64SavedBsp, kIa64SavedBspStore})
    if (state->homes[static_cast<std::size_t>(which)].where != Ia64Home::self)
      return bad(Code::unsupported, "the function changes to another register stack", pc_);
  if (state->links_in_order)
    if (auto ok = order_links(*state, begin, entry.image_base + entry.end); !ok) return ok;
  state_ = *state;
  return {};
}

// By the conventions prologue_gr names rp's register, then ar.pfs's, and GCC keeps to it.  Both
// functions with this record that a library of Microsoft's for Itanium was found to have save
// ar.pfs first (pdata_survey).  So the code has the last word: `alloc` saves ar.pfs.
Step::Done Step::order_links(Ia64FrameState& state, std::uint64_t begin, std::uint64_t end) {
  Ia64Home& rp = state.homes[kIa64SavedRp];
  Ia64Home& pfs = state.homes[kIa64SavedPfs];
  if (pfs.where != Ia64Home::gr) return {};
  const auto target = ia64_allocated_to(in_.memory, begin, end);
  if (!target) {
    doubt_ = "whether rp or ar.pfs was saved first only the function's code tells";
    return {};
  }
  const std::int64_t first = *target;
  if (first == pfs.value) return {};
  if (first + 1 != pfs.value)
    return bad(Code::unsupported, "the function's code saves ar.pfs where no record says", begin);
  if (rp.where == Ia64Home::gr && rp.value == first) rp.value = pfs.value;
  pfs.value = first;
  return {};
}

Step::Done Step::find_psp() {
  const Ia64Home& place = home(kIa64SavedPsp);
  psp_ = sp_;
  if (place.where == Ia64Home::fixed) {
    psp_ = sp_ + static_cast<std::uint64_t>(place.value);
  } else if (place.where != Ia64Home::self) {
    const Value value = saved(kIa64SavedPsp);
    if (!value) return std::unexpected(value.error());
    psp_ = *value;
  }
  if (psp_ < sp_ || psp_ % 16 != 0)
    return bad(Code::bad_value, hex(psp_) + " cannot be the caller's sp", sp_);
  return {};
}

void Step::restore(Registers& caller) {
  constexpr std::pair<int, int> kApplication[] = {{kIa64SavedPreds, kIa64Preds},
                                                  {kIa64SavedUnat, kIa64Unat},
                                                  {kIa64SavedLc, kIa64Lc},
                                                  {kIa64SavedFpsr, kIa64Fpsr}};
  const auto set = [&](int which, int index) {
    if (home(which).where == Ia64Home::self) {
      if (auto value = now_.get(index)) caller.set(index, *value);
    } else if (auto value = saved(which)) {
      caller.set(index, *value);
    }
  };
  for (const auto& [which, index] : kApplication) set(which, index);
  for (int i = 0; i < 5; ++i) set(kIa64SavedB1 + i, kIa64Rp + 1 + i);
  restore_general(caller);
  restore_floats(caller);
  // The thread's, and the register file's: the same in every frame.
  for (int index :
       {static_cast<int>(kIa64Teb), static_cast<int>(kIa64BspStore), static_cast<int>(kIa64Rnat)})
    if (auto value = now_.get(index)) caller.set(index, *value);
}

// r4 ... r7.  One that holds a NaT has no value.
void Step::restore_general(Registers& caller) {
  std::optional<std::uint64_t> unat;
  const Ia64Home& primary = home(kIa64SavedPriunat);
  if (primary.where == Ia64Home::self)
    unat = now_.get(kIa64Unat);
  else if (auto value = saved(kIa64SavedPriunat))
    unat = *value;
  for (int i = 0; i < 4; ++i) {
    const Ia64Home& place = home(kIa64SavedR4 + i);
    const Value value = place.where == Ia64Home::self ? general(static_cast<unsigned>(kIa64R4 + i))
                                                      : saved(kIa64SavedR4 + i);
    const auto address = address_of(place);
    if (!value || (address && unat && *unat >> (*address >> 3 & 63) & 1)) continue;
    caller.set(kIa64R4 + i, *value);
  }
}

void Step::restore_floats(Registers& caller) {
  const auto copy = [&](int from, int to) {
    const auto low = now_.get(from), high = now_.get(from + 1);
    if (from < 0 || !low || !high) return;
    caller.set(to, *low);
    caller.set(to + 1, *high);
  };
  for (int i = 0; i < 20; ++i) {
    const int index = kIa64F2 + 2 * i;
    const Ia64Home& place = home(kIa64SavedF2 + i);
    if (place.where == Ia64Home::self) copy(index, index);
    if (place.where == Ia64Home::fr) copy(ia64_float(static_cast<int>(place.value)), index);
    const auto address = address_of(place);
    if (!address) continue;
    const auto words = reader_.get<std::array<std::uint64_t, 2>>(*address, "a saved register");
    if (!words) continue;
    caller.set(index, (*words)[0]);
    caller.set(index + 1, (*words)[1]);
  }
}

} // namespace

UnwindResult unwind_ia64(const UnwindInput& input) { return Step(input).run(); }

} // namespace dumptriage::arch
