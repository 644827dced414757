// The register stack of Itanium as it lies in memory: where r32 and up are, and how to step over
// the words that hold NaT bits.
//
// A frame's r32 lies at its bsp, r33 above it, and so on upward; every word whose address has bits
// 8:3 all set holds instead the NaT bits of the 63 registers below it (bit i: the word with i in
// bits 8:3).  What has not left the register file is in no memory: everything from bspstore on.
// Source: Intel Itanium Architecture Software Developer's Manual, volume 2, chapter 6.
#pragma once

#include <cstdint>
#include <optional>

namespace dumptriage::arch {

// Current frame marker, and the lower bits of ar.pfs.
struct Ia64FrameMarker {
  std::uint64_t value = 0;
  constexpr unsigned sof() const { return value & 127; }      // registers of the frame
  constexpr unsigned sol() const { return value >> 7 & 127; } // those that a call leaves behind
  constexpr unsigned sor() const { return (value >> 14 & 15) * 8; } // the first of them rotate
  constexpr unsigned rrb_gr() const { return value >> 18 & 127; }
  constexpr unsigned rrb_pr() const { return value >> 32 & 63; }
  constexpr bool plausible() const {
    return sof() <= 96 && sol() <= sof() && sor() <= sof() && (rrb_gr() == 0 || rrb_gr() < sor()) &&
           rrb_pr() < 48;
  }
};
inline constexpr std::uint64_t kIa64MarkerBits = (std::uint64_t{1} << 38) - 1;
// Of ar.pfs: bits that are always zero, and the epilogue counter.
inline constexpr std::uint64_t kIa64PfsReserved = 0x3C0FFFC000000000;
constexpr unsigned ia64_pfs_ec(std::uint64_t pfs) { return pfs >> 52 & 63; }

constexpr bool ia64_is_nat_collection(std::uint64_t address) { return (address & 0x1F8) == 0x1F8; }
constexpr std::uint64_t ia64_nat_collection(std::uint64_t address) { return address | 0x1F8; }

// The word `registers` above (or below) the one at `address`, collections not counted.
constexpr std::uint64_t ia64_skip(std::uint64_t address, std::int64_t registers) {
  std::int64_t delta = static_cast<std::int64_t>(address >> 3 & 63) + registers;
  if (registers < 0) delta -= 62;
  return address + 8 * static_cast<std::uint64_t>(registers + delta / 63);
}

// Where r`number` (from 32 on) of the frame at `bsp` lies.  Nothing when the frame has none.
constexpr std::optional<std::uint64_t> ia64_stacked(std::uint64_t bsp, Ia64FrameMarker marker,
                                                    unsigned number) {
  unsigned index = number - 32;
  if (number < 32 || index >= marker.sof()) return std::nullopt;
  if (index < marker.sor()) index = (index + marker.rrb_gr()) % marker.sor();
  return ia64_skip(bsp, index);
}

} // namespace dumptriage::arch
