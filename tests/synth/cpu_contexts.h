// synth: CONTEXT bytes of Itanium and Alpha from a map of register names to values.  A name that
// the CPU does not have throws (std::out_of_range): a test never loses a register by a misspelling.
//
// Alpha (11_alpha.md section 2, [P: Wine's winnt.h]): "v0" "t0".."t12" "s0".."s5" "fp" "a0".."a5"
//   "ra" "at" "gp" "sp" or "r0".."r31"; "f0".."f31"; "fir" (or "pc"), "psr", "fpcr".
//   A 32-bit system's addresses stand sign-extended in registers: alpha32(0x80401000).
// Itanium (12_ia64.md section 1, [P: order of the SDK's winnt.h], offsets computed): "r1".."r31" or
//   "gp" "sp" "tp"; "b0".."b7" or "rp"; "f2".."f127" with "f2h".. for the high word; "pr" "nats"
//   "unat" "lc" "ec" "ccv" "dcr" "pfs" "bsp" "bspstore" "rsc" "rnat" "fpsr" "ipsr" "iip" "ifs".
//   "iip" may carry the slot as debuggers write it (bundle + 4 * slot): it goes to bits 42:41 of
//   StIPSR.  "ifs" gets its valid bit (63).  "bsp" is always the base of the interrupted frame
//   (where r32 lies); what RsBSP then holds is the second argument, because no public source
//   settles it ([U]).  "bspstore" missing: RsBSPSTORE holds the same as RsBSP.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

using RegisterValues = std::map<std::string, std::uint64_t>;

constexpr std::uint64_t alpha32(std::uint32_t address) {
  return address >= 0x80000000 ? 0xFFFFFFFF00000000 | address : address;
}

// The two readings of "RsBSP of the interrupted frame".
enum class RsBsp {
  base, // where r32 of the interrupted frame lies
  top,  // behind its last stacked register, as ar.bsp stands after a cover
};

// `flags` are those of ContextFlags without the CPU's bit.
Bytes context_alpha(const RegisterValues& values, std::uint32_t flags = 7);
Bytes context_ia64(const RegisterValues& values, RsBsp convention = RsBsp::base,
                   std::uint32_t flags = 0x1F);

// `registers` slots further up (or down) the backing store: NaT collections are skipped (12_ia64.md
// section 3, [P: SDM]).
std::uint64_t skip_registers(std::uint64_t address, std::int64_t registers);

} // namespace dumptriage::synth
