// The unwind descriptors of Itanium, one record at a time.
//
// The bytes say only what they say: `mask`, `t` and offsets stand as written (offsets count words
// of 4 bytes, sizes of stack frames 16).  What they mean together is ia64_unwind_state.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "formats/unwind_ia64.h"

namespace dumptriage::arch {

enum class Ia64Format {
  R1,
  R2,
  R3,
  P1,
  P2,
  P3,
  P4,
  P5,
  P6,
  P7,
  P8,
  P9,
  P10,
  B1,
  B2,
  B3,
  B4,
  X1,
  X2,
  X3,
  X4
};
std::string_view name_of(Ia64Format format); // "R1"

enum class Ia64Op {
  prologue,     // rlen
  prologue_gr,  // rlen, mask (8 rp, 4 ar.pfs, 2 psp, 1 pr), gr
  body,         // rlen
  br_mem,       // mask (1: b1 ... 16: b5)
  br_gr,        // mask, gr
  gr_mem,       // mask (1: r4 ... 8: r7)
  gr_gr,        // mask, gr
  fr_mem,       // mask (1: f2 ... 8: f5)
  frgr_mem,     // mask (of r4 ... r7), frmask (f2 ... f5 from bit 0, f16 ... f31 from bit 4)
  spill_mask,   // the bytes of `imask`: two bits for each slot, the first in the highest bits
  mem_stack_f,  // t, value (the size, of 16 bytes each)
  mem_stack_v,  // t
  spill_base,   // value (an offset)
  when,         // reg, t: where P7 and P8 say `_when`
  in_gr,        // reg, gr
  in_br,        // reg, gr (a branch register's number): rp_br
  psprel,       // reg, value (an offset)
  sprel,        // reg, value
  unwabi,       // abi, context
  label_state,  // value (the label)
  copy_state,   // value
  epilogue,     // t, value (ecount)
  spill_psprel, // reg, t, value, qp
  spill_sprel,  // reg, t, value, qp
  spill_reg,    // reg, t, treg, qp
  restore,      // reg, t, qp
};
// As the conventions and binutils write it: "rp_when", "mem_stack_f", "priunat_when_gr".
std::string_view name_of(const struct Ia64Record& record);
// Of a register in a record: "rp", "ar.pfs", "r4", "f16", "b1", "psp".
std::string name_of_unwind_register(std::uint8_t reg);

struct Ia64Record {
  Ia64Format format = Ia64Format::R1;
  Ia64Op op = Ia64Op::prologue;
  std::uint32_t at = 0, size = 0; // its bytes in the descriptors
  std::uint64_t rlen = 0;         // of a region: its slots
  std::uint64_t start = 0;        // the first slot of the region that it begins or stands in
  std::uint8_t mask = 0;
  std::uint32_t frmask = 0;
  std::uint8_t gr = 0;
  std::uint8_t reg = 0;    // formats::UnwindRegisterIa64
  bool priunat_gr = false; // `when` of priunat: P8's priunat_when_gr, not priunat_when_mem
  std::uint64_t t = 0, value = 0;
  std::uint8_t abi = 0, context = 0;
  std::uint8_t qp = 0;   // X3, X4
  std::uint8_t treg = 0; // spill_reg: class and number as in `reg` (general: all 7 bits)
  enum class Target : std::uint8_t { gr, fr, br } target = Target::gr; // ... and its class
  ByteView imask;

  bool region() const { return format <= Ia64Format::R3; }
};

// The records of one function's descriptors, in order.  Allocates only to report an error.
class Ia64Records {
public:
  // `place`: of the first byte, for errors.
  explicit Ia64Records(ByteView descriptors, Where place = {})
      : bytes_(descriptors), place_(place) {}
  // The next record; nothing at the end.  After an error there is no next.
  Result<std::optional<Ia64Record>> next();
  // The same without copies; false at the end.
  Result<bool> next(Ia64Record& record);
  // The end of the regions so far: all slots that they cover.
  std::uint64_t slots() const { return start_ + rlen_; }

private:
  using Done = Result<void>;
  Done decode(Ia64Record& r, std::uint8_t first);
  Done region(Ia64Record& r, std::uint8_t first);
  Done prologue(Ia64Record& r, std::uint8_t first);
  Done p2_to_p5(Ia64Record& r, std::uint8_t first);
  Done p7_to_p10(Ia64Record& r, std::uint8_t first);
  Done p8(Ia64Record& r);
  Done body(Ia64Record& r, std::uint8_t first);
  Done extended(Ia64Record& r, std::uint8_t first);
  Done byte(std::uint8_t& out);
  Done uleb(std::uint64_t& out);
  std::unexpected<Error> bad(Code code, std::string why) const;

  ByteView bytes_;
  Where place_;
  std::uint64_t at_ = 0, begin_ = 0; // of the next byte; of the record's first
  std::uint64_t start_ = 0, rlen_ = 0;
  bool any_ = false, in_body_ = false;
};

// The head of UNWIND_INFO in front of its descriptors.
struct Ia64UnwindInfo {
  unsigned version = 0, flags = 0;
  ByteView descriptors;
};
// `bytes` begin with UNWIND_INFO and may go on behind it.
Result<Ia64UnwindInfo> ia64_unwind_info(ByteView bytes, Where place = {});

} // namespace dumptriage::arch
