// Walks through tables of the Intel kind.
//
// Sources: Intel SDM volume 3A, chapter "Paging"; the order in which a not-valid entry is read
// (prototype, then transition, then page file) and its fields: structures _MMPTE_HARDWARE,
// _MMPTE_PROTOTYPE, _MMPTE_TRANSITION, _MMPTE_SOFTWARE, _MMPTE_SUBSECTION of Microsoft's public
// symbols, and the debugger documentation of !pte.
#include "arch/page_walk.h"

namespace dumptriage::arch {
namespace {

using memory::Presence;
using memory::Translation;

constexpr std::uint64_t kValid = 1, kLarge = 1 << 7, kPrototype = 1 << 10, kTransition = 1 << 11;
constexpr std::uint64_t kFrame = 0x000FFFFFFFFFF000; // bits 51:12
constexpr std::uint32_t kVista = 6000, kSwizzling = 17763;

constexpr std::uint64_t bits(int first, int last) {
  return (~std::uint64_t{0} >> (63 - last)) & ~((std::uint64_t{1} << first) - 1);
}

// The frame field of a transition entry was 28 bits wide in Server 2003 and is 36 since; 26 under
// PAE.
std::uint64_t transition_frame(PteForm form, std::uint32_t build, std::uint64_t entry) {
  switch (form) {
  case PteForm::x86: return entry & bits(12, 31);
  case PteForm::pae: return entry & bits(12, 37);
  case PteForm::x64: return entry & (build < kVista ? bits(12, 39) : bits(12, 47));
  }
  return 0;
}

// Where the prototype entry lies.  Of x86 without PAE the field is relative to a base that no
// public source gives.  Since 17763 entries may be stored with bits flipped that only the running
// kernel knows, unless SwizzleBit (bit 4) says that this one is as it was.  All ones in the field
// refer to the address space's descriptors (VADs).
SoftwarePte prototype_address(PteForm form, std::uint32_t build, std::uint64_t entry) {
  if (form == PteForm::x86) return {};
  if (build >= kSwizzling && !(entry & 1 << 4)) return {};
  const bool pae = form == PteForm::pae;
  const std::uint64_t address =
      pae ? entry >> 32 : static_cast<std::uint64_t>(static_cast<std::int64_t>(entry) >> 16);
  const std::uint64_t lowest = pae ? 0x80000000 : 0xFFFF800000000000;
  const std::uint64_t look_up = pae ? 0xFFFFFFFF : 0xFFFFFFFFFFFF0000;
  if (address < lowest || address == look_up || address % 8 != 0) return {};
  return {SoftwareKind::prototype, address};
}

struct Walk {
  const memory::AddressSpace& physical;
  const PageMode& mode;
  std::uint64_t root;
  std::uint32_t build;
};

std::uint64_t frame_of(const PageMode& mode, std::uint64_t entry) {
  return mode.form == PteForm::x86 ? entry & bits(12, 31) : entry & kFrame;
}

Translation large_page(const PageMode& mode, std::uint64_t entry, std::uint64_t address,
                       std::uint64_t span) {
  std::uint64_t base = frame_of(mode, entry) & ~(span - 1);
  // PSE-36: address bits 39:32 stand in bits 20:13 of the entry.
  if (mode.form == PteForm::x86) base |= (entry & bits(13, 20)) << 19;
  return mapped(base | (address & (span - 1)), span);
}

// A page in transition is used as if valid, when its frame is in the dump at all.  That also
// settles flipped bits: they are chosen so that the frame lies outside of memory (the mitigation
// of L1 terminal faults).
Translation in_frame(const Walk& walk, std::uint64_t frame, std::uint64_t address,
                     std::uint64_t span, bool transition) {
  std::byte byte{};
  if (transition && !walk.physical.copy(frame, std::span(&byte, 1)))
    return answer(Presence::absent, span);
  return mapped(frame | (address & (span - 1)), span, transition);
}

Translation walk_tables(const Walk& walk, std::uint64_t address, bool may_use_prototype);

// The page behind a prototype entry; `entry_address` is the entry's.
Translation by_prototype(const Walk& walk, std::uint64_t entry_address, std::uint64_t address,
                         std::uint64_t span) {
  const Translation place = walk_tables(walk, entry_address, false);
  if (place.presence == Presence::paged_out) return answer(Presence::paged_out, span);
  const auto entry = place.presence == Presence::present
                         ? table_entry(walk.physical, place.physical, 0, walk.mode.entry_size)
                         : std::nullopt;
  if (!entry) return answer(Presence::absent, span); // also where an entry is said to be nowhere
  if (*entry & kValid) return in_frame(walk, frame_of(walk.mode, *entry), address, span, false);
  const SoftwarePte found = software_pte(walk.mode.form, walk.build, *entry);
  switch (found.kind) {
  case SoftwareKind::frame: return in_frame(walk, found.value, address, span, true);
  case SoftwareKind::none: return answer(Presence::unmapped, span);
  case SoftwareKind::unknown:
    // In a prototype entry this bit marks a subsection: a mapped file's page that is not resident.
    if (!(*entry & kPrototype)) return answer(Presence::absent, span);
    [[fallthrough]];
  default: return answer(Presence::paged_out, span);
  }
}

Translation not_valid(const Walk& walk, std::uint64_t entry, std::uint64_t address,
                      std::uint64_t span, bool may_use_prototype) {
  const SoftwarePte found = software_pte(walk.mode.form, walk.build, entry);
  switch (found.kind) {
  case SoftwareKind::none: return answer(Presence::unmapped, span);
  case SoftwareKind::not_resident: return answer(Presence::paged_out, span);
  case SoftwareKind::frame: return in_frame(walk, found.value, address, span, true);
  case SoftwareKind::prototype:
    if (may_use_prototype) return by_prototype(walk, found.value, address, span);
    break;
  case SoftwareKind::unknown: break;
  }
  return answer(Presence::absent, span);
}

Translation walk_tables(const Walk& walk, std::uint64_t address, bool may_use_prototype) {
  std::uint64_t table = walk.root;
  for (const PageLevel& level : walk.mode.levels) {
    const std::uint64_t span = std::uint64_t{1} << level.shift;
    const std::uint64_t index = address >> level.shift & ((std::uint64_t{1} << level.bits) - 1);
    const auto entry = table_entry(walk.physical, table, index, walk.mode.entry_size);
    const bool last = &level == &walk.mode.levels.back();
    if (!entry) return answer(Presence::absent, span);
    if (*entry & kValid) {
      if (last) return in_frame(walk, frame_of(walk.mode, *entry), address, span, false);
      if (*entry & kLarge && level.large) return large_page(walk.mode, *entry, address, span);
      table = frame_of(walk.mode, *entry);
      continue;
    }
    if (level.plain) return answer(Presence::unmapped, span);
    if (last) return not_valid(walk, *entry, address, span, may_use_prototype);
    // A table may be in transition or in the page file itself; one that is yet to be made (demand
    // zero) maps nothing.  Tables are never shared through prototypes.
    const SoftwarePte found = software_pte(walk.mode.form, walk.build, *entry);
    if (found.kind != SoftwareKind::frame) return not_valid(walk, *entry, address, span, false);
    table = found.value;
  }
  return answer(Presence::absent, 0x1000);
}

} // namespace

std::optional<std::uint64_t> table_entry(const memory::AddressSpace& physical, std::uint64_t table,
                                         std::uint64_t index, int size) {
  const std::uint64_t at = table + index * static_cast<std::uint64_t>(size);
  return physical.pointer(at, size);
}

SoftwarePte software_pte(PteForm form, std::uint32_t build, std::uint64_t entry) {
  if (entry == 0) return {SoftwareKind::none, 0};
  if (entry & kPrototype) return prototype_address(form, build, entry);
  if (entry & kTransition) return {SoftwareKind::frame, transition_frame(form, build, entry)};
  const std::uint64_t protection = entry >> 5 & 0x1F;
  const std::uint64_t offset = form == PteForm::x86 ? entry >> 12 : entry >> 32;
  // Decommitted (0x10) and no access (0x18): an access fails.  Protection 0 stands in no entry of
  // a page; free entries of the system are chained with it.
  if (offset == 0 && (protection == 0x10 || protection == 0x18)) return {SoftwareKind::none, 0};
  if (protection == 0) return {};
  return {SoftwareKind::not_resident, 0};
}

memory::Translation walk_pages(const memory::AddressSpace& physical, const PageMode& mode,
                               std::uint64_t root, std::uint32_t build, std::uint64_t address) {
  return walk_tables({physical, mode, root, build}, address, true);
}

} // namespace dumptriage::arch
