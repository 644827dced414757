// What the page walkers share: the answers, and a walk through tables of the Intel kind (a valid
// bit, a frame, a "large page" bit) with Windows' software entries where the valid bit is clear.
// Private to this room.  A new kind of tables is one file, pages_<kind>.cpp.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>

#include "arch/tables.h"

namespace dumptriage::arch {

inline memory::Translation answer(memory::Presence presence, std::uint64_t span) {
  return {presence, 0, span, false};
}
inline memory::Translation mapped(std::uint64_t physical, std::uint64_t span,
                                  bool transition = false) {
  return {memory::Presence::present, physical, span, transition};
}
// Are bits 63 ... `top` all equal, as the CPU asks of an address of `top` + 1 bits?
inline bool canonical(std::uint64_t address, int top) {
  const auto high = static_cast<std::int64_t>(address) >> top;
  return high == 0 || high == -1;
}

// Software entries (valid bit clear).  Bit positions: structures _MMPTE_* of public symbols.
enum class PteForm { x86, pae, x64 };
enum class SoftwareKind {
  none,         // all zero, decommitted or no access: no translation
  frame,        // transition: the page is still in `value`, a physical address
  prototype,    // `value` is the address of the prototype entry
  not_resident, // page file, mapped file, demand zero: valid to use, but not in memory
  unknown,      // a form that nothing settles
};
struct SoftwarePte {
  SoftwareKind kind = SoftwareKind::unknown;
  std::uint64_t value = 0;
};
SoftwarePte software_pte(PteForm form, std::uint32_t build, std::uint64_t entry);

struct PageLevel {
  int shift = 12;     // the lowest address bit that indexes this table
  int bits = 9;       // of the index
  bool large = false; // bit 7 of an entry makes it a page of this level's size
  bool plain = false; // valid or not, nothing else: not-valid entries hold no software form
};
struct PageMode {
  std::span<const PageLevel> levels;
  PteForm form = PteForm::x64;
  int entry_size = 8;
};
memory::Translation walk_pages(const memory::AddressSpace& physical, const PageMode& mode,
                               std::uint64_t root, std::uint32_t build, std::uint64_t address);

std::optional<std::uint64_t> table_entry(const memory::AddressSpace& physical, std::uint64_t table,
                                         std::uint64_t index, int size);

} // namespace dumptriage::arch
