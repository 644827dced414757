// What a function's unwind descriptors say about one moment of it: where the caller's registers
// are.
//
// Source: Itanium Software Conventions and Runtime Architecture Guide (Intel 245358), chapter 11.
// Readings that the text leaves open, and how they are taken here:
//   * a register whose place is given without a time, or by a mask without P4, is saved by the end
//     of the prologue, and unchanged until then;
//   * P4 counts the registers that the masks of its prologue name, those saved to registers as
//     those saved to memory (so does the GNU assembler); where it says neither, it is refused;
//   * in which order the registers of one class are saved only the instructions tell, for GCC does
//     not keep to the ascending one;
//   * a time without a place means the next of the registers from prologue_gr's on (r32 where there
//     is no prologue_gr), in the order rp, ar.pfs, pr, ar.unat, ar.lc, ar.fpsr, priunat;
//   * behind the instruction that restores sp in an epilogue, what was saved in this frame's memory
//     is back in its register, and what was saved in registers is still there;
//   * a save in an inner prologue replaces that of an outer one when it has been done.
#pragma once

#include <array>
#include <functional>

#include "arch/ia64_rse.h"
#include "arch/ia64_unwind_info.h"

namespace dumptriage::arch {

// What may be saved.
enum Ia64Saved : std::uint8_t {
  kIa64SavedPsp, // not a register: the caller's sp
  kIa64SavedRp,
  kIa64SavedPfs,
  kIa64SavedPreds,
  kIa64SavedUnat,
  kIa64SavedLc,
  kIa64SavedFpsr,
  kIa64SavedRnat,
  kIa64SavedBsp,
  kIa64SavedBspStore,
  kIa64SavedPriunat, // ar.unat behind the spills of r4 ... r7: their NaT bits
  kIa64SavedR4,
  kIa64SavedB1 = kIa64SavedR4 + 4,
  kIa64SavedF2 = kIa64SavedB1 + 5, // f2 ... f5, then f16 ... f31
  kIa64SavedCount = kIa64SavedF2 + 20,
};

struct Ia64Home {
  enum Where : std::uint8_t {
    self,   // still in its register; psp: sp
    gr,     // r[value]
    br,     // b[value]
    fr,     // f[value]
    psprel, // memory at psp + value
    sprel,  // memory at sp + value
    fixed,  // psp: sp + value
    lost,   // saved, and no record says where
  };
  Where where = self;
  std::int64_t value = 0;
  bool operator==(const Ia64Home&) const = default;
};

// Slots of the longest function whose address range has 32 bits.
inline constexpr std::uint64_t kIa64MostSlots = (std::uint64_t{1} << 32) / 16 * 3;

struct Ia64Moment {
  std::uint64_t executed = 0;         // slots of the function, from its first on
  bool exact = true;                  // false: the last of them is a call, to be returned from
  std::optional<std::uint64_t> preds; // as `mov r = pr` reads them
  Ia64FrameMarker marker;
  // The register (formats::UnwindRegisterIa64) that the instruction in a slot of the function
  // saves. May be empty.
  std::function<std::optional<std::uint8_t>(std::uint64_t slot)> saved_in;
};

struct Ia64FrameState {
  std::array<Ia64Home, kIa64SavedCount> homes;
  std::uint8_t link = 0; // the branch register of the return address, where rp is not saved
  // rp and ar.pfs are in consecutive registers of prologue_gr: first which, the record does not say
  // beyond doubt (ia64_unwind.cpp).
  bool links_in_order = false;
  bool abi_frame = false; // P10: not made by a call
  std::uint8_t abi = 0, context = 0;
};

// `effort` pays for every record read and every state kept; when it is used up, this refuses.
Result<Ia64FrameState> ia64_frame_state(ByteView descriptors, const Ia64Moment& moment,
                                        std::size_t& effort, Where place = {});

} // namespace dumptriage::arch
