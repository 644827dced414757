// Decodes the unwind descriptors of Itanium.  Source: Itanium Software Conventions and Runtime
// Architecture Guide (Intel 245358), chapter 11 and appendix B.
#include "arch/ia64_unwind_info.h"

#include "base/text.h"

namespace dumptriage::arch {

using namespace formats;

namespace {

constexpr std::string_view kFormats[] = {"R1", "R2", "R3", "P1", "P2", "P3",  "P4",
                                         "P5", "P6", "P7", "P8", "P9", "P10", "B1",
                                         "B2", "B3", "B4", "X1", "X2", "X3",  "X4"};
static_assert(std::size(kFormats) == static_cast<int>(Ia64Format::X4) + 1);

// What the numbers r of P3, P7 and P8 stand for.
struct Meaning {
  std::string_view name;
  Ia64Op op;
  std::uint8_t reg;
};
constexpr Meaning kP3[] = {
    {"psp_gr", Ia64Op::in_gr, kIa64UnwindPsp},
    {"rp_gr", Ia64Op::in_gr, kIa64UnwindRp},
    {"pfs_gr", Ia64Op::in_gr, kIa64UnwindPfs},
    {"preds_gr", Ia64Op::in_gr, kIa64UnwindPreds},
    {"unat_gr", Ia64Op::in_gr, kIa64UnwindUnat},
    {"lc_gr", Ia64Op::in_gr, kIa64UnwindLc},
    {"rp_br", Ia64Op::in_br, kIa64UnwindRp},
    {"rnat_gr", Ia64Op::in_gr, kIa64UnwindRnat},
    {"bsp_gr", Ia64Op::in_gr, kIa64UnwindBsp},
    {"bspstore_gr", Ia64Op::in_gr, kIa64UnwindBspStore},
    {"fpsr_gr", Ia64Op::in_gr, kIa64UnwindFpsr},
    {"priunat_gr", Ia64Op::in_gr, kIa64UnwindPriunat},
};
constexpr Meaning kP7[] = {
    {"mem_stack_f", Ia64Op::mem_stack_f, kIa64UnwindPsp},
    {"mem_stack_v", Ia64Op::mem_stack_v, kIa64UnwindPsp},
    {"spill_base", Ia64Op::spill_base, 0},
    {"psp_sprel", Ia64Op::sprel, kIa64UnwindPsp},
    {"rp_when", Ia64Op::when, kIa64UnwindRp},
    {"rp_psprel", Ia64Op::psprel, kIa64UnwindRp},
    {"pfs_when", Ia64Op::when, kIa64UnwindPfs},
    {"pfs_psprel", Ia64Op::psprel, kIa64UnwindPfs},
    {"preds_when", Ia64Op::when, kIa64UnwindPreds},
    {"preds_psprel", Ia64Op::psprel, kIa64UnwindPreds},
    {"lc_when", Ia64Op::when, kIa64UnwindLc},
    {"lc_psprel", Ia64Op::psprel, kIa64UnwindLc},
    {"unat_when", Ia64Op::when, kIa64UnwindUnat},
    {"unat_psprel", Ia64Op::psprel, kIa64UnwindUnat},
    {"fpsr_when", Ia64Op::when, kIa64UnwindFpsr},
    {"fpsr_psprel", Ia64Op::psprel, kIa64UnwindFpsr},
};
constexpr Meaning kP8[] = {
    // from r = 1
    {"rp_sprel", Ia64Op::sprel, kIa64UnwindRp},
    {"pfs_sprel", Ia64Op::sprel, kIa64UnwindPfs},
    {"preds_sprel", Ia64Op::sprel, kIa64UnwindPreds},
    {"lc_sprel", Ia64Op::sprel, kIa64UnwindLc},
    {"unat_sprel", Ia64Op::sprel, kIa64UnwindUnat},
    {"fpsr_sprel", Ia64Op::sprel, kIa64UnwindFpsr},
    {"bsp_when", Ia64Op::when, kIa64UnwindBsp},
    {"bsp_psprel", Ia64Op::psprel, kIa64UnwindBsp},
    {"bsp_sprel", Ia64Op::sprel, kIa64UnwindBsp},
    {"bspstore_when", Ia64Op::when, kIa64UnwindBspStore},
    {"bspstore_psprel", Ia64Op::psprel, kIa64UnwindBspStore},
    {"bspstore_sprel", Ia64Op::sprel, kIa64UnwindBspStore},
    {"rnat_when", Ia64Op::when, kIa64UnwindRnat},
    {"rnat_psprel", Ia64Op::psprel, kIa64UnwindRnat},
    {"rnat_sprel", Ia64Op::sprel, kIa64UnwindRnat},
    {"priunat_when_gr", Ia64Op::when, kIa64UnwindPriunat},
    {"priunat_psprel", Ia64Op::psprel, kIa64UnwindPriunat},
    {"priunat_sprel", Ia64Op::sprel, kIa64UnwindPriunat},
    {"priunat_when_mem", Ia64Op::when, kIa64UnwindPriunat},
};
constexpr std::uint8_t kPriunatWhenGr = 16;

// Registers that a prologue may save, among the codes that seven bits can say.
bool is_saved_register(std::uint8_t reg) {
  const unsigned n = reg & 31;
  switch (reg & 0x60) {
  case kIa64UnwindGr: return n >= 4 && n <= 7;
  case kIa64UnwindFr: return (n >= 2 && n <= 5) || n >= 16;
  case kIa64UnwindBr: return n >= 1 && n <= 5;
  default: return reg < kIa64UnwindRegisters;
  }
}

constexpr std::string_view kOps[] = {"prologue",
                                     "prologue_gr",
                                     "body",
                                     "br_mem",
                                     "br_gr",
                                     "gr_mem",
                                     "gr_gr",
                                     "fr_mem",
                                     "frgr_mem",
                                     "spill_mask",
                                     "mem_stack_f",
                                     "mem_stack_v",
                                     "spill_base",
                                     "",
                                     "",
                                     "",
                                     "",
                                     "",
                                     "unwabi",
                                     "label_state",
                                     "copy_state",
                                     "epilogue",
                                     "spill_psprel",
                                     "spill_sprel",
                                     "spill_reg",
                                     "restore"};
static_assert(std::size(kOps) == static_cast<int>(Ia64Op::restore) + 1);

} // namespace

std::string_view name_of(Ia64Format format) { return kFormats[static_cast<int>(format)]; }

std::string_view name_of(const Ia64Record& record) {
  const std::string_view name = kOps[static_cast<int>(record.op)];
  if (!name.empty()) return name;
  for (std::span<const Meaning> table :
       {std::span<const Meaning>(kP3), std::span<const Meaning>(kP7),
        std::span<const Meaning>(kP8)})
    for (const Meaning& m : table)
      if (m.op == record.op && m.reg == record.reg &&
          (m.op != Ia64Op::when || m.reg != kIa64UnwindPriunat ||
           record.priunat_gr == m.name.ends_with("gr")))
        return m.name;
  return "";
}

std::string name_of_unwind_register(std::uint8_t reg) {
  constexpr std::string_view kSpecial[] = {"pr",      "psp",         "priunat", "rp",
                                           "ar.bsp",  "ar.bspstore", "ar.rnat", "ar.unat",
                                           "ar.fpsr", "ar.pfs",      "ar.lc"};
  if (reg >= kIa64UnwindPreds)
    return reg < kIa64UnwindRegisters ? std::string(kSpecial[reg - kIa64UnwindPreds])
                                      : "register " + hex(reg);
  return "rfb"[reg >> 5] + std::to_string(reg & 31);
}

std::unexpected<Error> Ia64Records::bad(Code code, std::string why) const {
  Where where = place_;
  where.at += begin_;
  return fail(code, "unwind descriptors", std::move(why), where);
}

Ia64Records::Done Ia64Records::byte(std::uint8_t& out) {
  const auto value = bytes_.u8(at_);
  if (!value) return bad(Code::truncated, "a record goes beyond their end");
  out = *value;
  ++at_;
  return {};
}

Ia64Records::Done Ia64Records::uleb(std::uint64_t& out) {
  out = 0;
  for (unsigned shift = 0;; shift += 7) {
    std::uint8_t b = 0;
    if (auto ok = byte(b); !ok) return ok;
    if (shift > 63 || (shift == 63 && (b & 0x7E)))
      return bad(Code::overflow, "a number leaves 64 bits");
    out |= std::uint64_t{b & 0x7Fu} << shift;
    if (!(b & 0x80)) return {};
  }
}

Result<std::optional<Ia64Record>> Ia64Records::next() {
  Ia64Record record;
  auto more = next(record);
  if (!more) return std::unexpected(std::move(more.error()));
  return *more ? std::optional(record) : std::nullopt;
}

Result<bool> Ia64Records::next(Ia64Record& r) {
  if (at_ == bytes_.size()) return false;
  begin_ = at_;
  r = {};
  r.at = static_cast<std::uint32_t>(at_);
  std::uint8_t first = 0;
  if (auto ok = byte(first); !ok) return std::unexpected(std::move(ok.error()));
  if (auto ok = decode(r, first); !ok) {
    at_ = bytes_.size();
    return std::unexpected(std::move(ok.error()));
  }
  r.size = static_cast<std::uint32_t>(at_ - begin_);
  r.start = start_;
  if (!r.region()) r.rlen = rlen_;
  return true;
}

Ia64Records::Done Ia64Records::decode(Ia64Record& r, std::uint8_t first) {
  if (first < 0x80) return region(r, first);
  if (!any_) return bad(Code::bad_value, "they do not begin with a region");
  if (first >= kIa64X1 && first <= kIa64X4) return extended(r, first);
  return in_body_ ? body(r, first) : prologue(r, first);
}

Ia64Records::Done Ia64Records::region(Ia64Record& r, std::uint8_t first) {
  bool is_body = first & 0x20;
  Done ok;
  if (first < kIa64R2) {
    r.format = Ia64Format::R1;
    r.rlen = first & 31;
  } else if (first < 0x48) {
    r.format = Ia64Format::R2;
    is_body = false;
    std::uint8_t second = 0;
    if (ok = byte(second); !ok) return ok;
    r.mask = (first & 7) << 1 | second >> 7;
    r.gr = second & 0x7F;
    ok = uleb(r.rlen);
  } else if ((first & 0xFE) == kIa64R3) {
    r.format = Ia64Format::R3;
    is_body = first & 1;
    ok = uleb(r.rlen);
  } else {
    return bad(Code::bad_value, "no descriptor begins with " + hex(first));
  }
  if (!ok) return ok;
  r.op = is_body                      ? Ia64Op::body
         : r.format == Ia64Format::R2 ? Ia64Op::prologue_gr
                                      : Ia64Op::prologue;
  start_ += rlen_;
  rlen_ = r.rlen;
  if (!checked_add(start_, rlen_)) {
    rlen_ = 0;
    return bad(Code::overflow, "the lengths of the regions leave 64 bits");
  }
  any_ = true;
  in_body_ = is_body;
  return {};
}

Ia64Records::Done Ia64Records::prologue(Ia64Record& r, std::uint8_t first) {
  if (first < kIa64P2) {
    r.format = Ia64Format::P1;
    r.op = Ia64Op::br_mem;
    r.mask = first & 31;
    return {};
  }
  if (first < kIa64P6) return p2_to_p5(r, first);
  if (first < kIa64P7) {
    r.format = Ia64Format::P6;
    r.op = first & 0x10 ? Ia64Op::gr_mem : Ia64Op::fr_mem;
    r.mask = first & 15;
    return {};
  }
  return p7_to_p10(r, first);
}

Ia64Records::Done Ia64Records::p2_to_p5(Ia64Record& r, std::uint8_t first) {
  if (first == kIa64P4) {
    r.format = Ia64Format::P4;
    r.op = Ia64Op::spill_mask;
    const std::uint64_t size = rlen_ / 4 + (rlen_ % 4 != 0);
    const auto mask = bytes_.slice(at_, size);
    if (!mask) return bad(Code::truncated, "a mask of spills goes beyond their end");
    r.imask = *mask;
    at_ += size;
    return {};
  }
  std::uint8_t second = 0;
  if (first > kIa64P5) return bad(Code::bad_value, "no descriptor begins with " + hex(first));
  if (auto ok = byte(second); !ok) return ok;
  r.gr = second & 0x7F;
  if (first < kIa64P3) {
    r.format = Ia64Format::P2;
    r.op = Ia64Op::br_gr;
    r.mask = (first & 15) << 1 | second >> 7;
    return {};
  }
  if (first < kIa64P4) {
    const unsigned n = (first & 7u) << 1 | second >> 7;
    if (n >= std::size(kP3)) return bad(Code::bad_value, "P3 with r = " + std::to_string(n));
    r.format = Ia64Format::P3;
    r.op = kP3[n].op;
    r.reg = kP3[n].reg;
    return {};
  }
  std::uint8_t third = 0, fourth = 0;
  if (auto ok = byte(third); !ok) return ok;
  if (auto ok = byte(fourth); !ok) return ok;
  r.format = Ia64Format::P5;
  r.op = Ia64Op::frgr_mem;
  r.mask = second >> 4;
  r.gr = 0;
  r.frmask = (second & 15u) << 16 | third << 8 | fourth;
  return {};
}

Ia64Records::Done Ia64Records::p7_to_p10(Ia64Record& r, std::uint8_t first) {
  if (first < kIa64P8) {
    const Meaning& meaning = kP7[first & 15];
    r.format = Ia64Format::P7;
    r.op = meaning.op;
    r.reg = meaning.reg;
    const bool time =
        r.op == Ia64Op::when || r.op == Ia64Op::mem_stack_f || r.op == Ia64Op::mem_stack_v;
    auto ok = uleb(time ? r.t : r.value);
    return ok && r.op == Ia64Op::mem_stack_f ? uleb(r.value) : ok;
  }
  if (first == kIa64P8) return p8(r);
  if (first != kIa64P9 && first != kIa64P10)
    return bad(Code::bad_value, "no descriptor begins with " + hex(first) + " in a prologue");
  std::uint8_t second = 0, third = 0;
  if (auto ok = byte(second); !ok) return ok;
  if (auto ok = byte(third); !ok) return ok;
  if (first == kIa64P9) {
    r.format = Ia64Format::P9;
    r.op = Ia64Op::gr_gr;
    r.mask = second & 15;
    r.gr = third & 0x7F;
  } else {
    r.format = Ia64Format::P10;
    r.op = Ia64Op::unwabi;
    r.abi = second;
    r.context = third;
  }
  return {};
}

Ia64Records::Done Ia64Records::p8(Ia64Record& r) {
  std::uint8_t n = 0;
  if (auto ok = byte(n); !ok) return ok;
  if (n == 0 || n > std::size(kP8)) return bad(Code::bad_value, "P8 with r = " + std::to_string(n));
  r.format = Ia64Format::P8;
  r.op = kP8[n - 1].op;
  r.reg = kP8[n - 1].reg;
  r.priunat_gr = n == kPriunatWhenGr;
  return uleb(r.op == Ia64Op::when ? r.t : r.value);
}

Ia64Records::Done Ia64Records::body(Ia64Record& r, std::uint8_t first) {
  if (first < kIa64B2) {
    r.format = Ia64Format::B1;
    r.op = first & 0x20 ? Ia64Op::copy_state : Ia64Op::label_state;
    r.value = first & 31;
    return {};
  }
  if (first < kIa64B3) {
    r.format = Ia64Format::B2;
    r.op = Ia64Op::epilogue;
    r.value = first & 31;
    return uleb(r.t);
  }
  if (first == kIa64B3) {
    r.format = Ia64Format::B3;
    r.op = Ia64Op::epilogue;
    auto ok = uleb(r.t);
    return ok ? uleb(r.value) : ok;
  }
  if ((first & 0xF7) == kIa64B4) {
    r.format = Ia64Format::B4;
    r.op = first & 8 ? Ia64Op::copy_state : Ia64Op::label_state;
    return uleb(r.value);
  }
  return bad(Code::bad_value, "no descriptor begins with " + hex(first) + " in a body");
}

Ia64Records::Done Ia64Records::extended(Ia64Record& r, std::uint8_t first) {
  const bool predicated = first >= kIa64X3, moved = first == kIa64X2 || first == kIa64X4;
  r.format = static_cast<Ia64Format>(static_cast<int>(Ia64Format::X1) + first - kIa64X1);
  std::uint8_t second = 0, reg = 0, target = 0;
  if (auto ok = byte(second); !ok) return ok;
  reg = second;
  if (predicated) {
    r.qp = second & 63;
    if (auto ok = byte(reg); !ok) return ok;
  }
  if (moved)
    if (auto ok = byte(target); !ok) return ok;
  r.reg = reg & 0x7F;
  if (!is_saved_register(r.reg))
    return bad(Code::bad_value, "a save of " + name_of_unwind_register(r.reg));
  r.treg = target & 0x7F;
  if (auto ok = uleb(r.t); !ok) return ok;
  if (!moved) {
    r.op = second & 0x80 ? Ia64Op::spill_sprel : Ia64Op::spill_psprel;
    return uleb(r.value);
  }
  r.op = reg & 0x80 || target != 0 ? Ia64Op::spill_reg : Ia64Op::restore;
  r.target = reg & 0x80      ? Ia64Record::Target::br
             : target & 0x80 ? Ia64Record::Target::fr
                             : Ia64Record::Target::gr;
  return {};
}

Result<Ia64UnwindInfo> ia64_unwind_info(ByteView bytes, Where place) {
  constexpr std::string_view what = "UNWIND_INFO";
  const auto head = bytes.get<UnwindInfoIa64>(0);
  if (!head) return fail(Code::truncated, std::string(what), "its head is not there", place);
  if (head->Version != kUnwindVersionIa64)
    return fail(Code::unsupported, std::string(what),
                "version " + std::to_string(unsigned{head->Version}), place);
  const std::uint64_t size = std::uint64_t{head->Length} * 8;
  const auto descriptors = bytes.slice(sizeof(*head), size);
  if (!descriptors)
    return fail(Code::truncated, std::string(what),
                hex(size) + " bytes of descriptors do not fit in " + hex(bytes.left(sizeof(*head))),
                place);
  return Ia64UnwindInfo{head->Version, head->Flags, *descriptors};
}

} // namespace dumptriage::arch
