// Page tables of ARM64 under Windows: 4 KB granule, four levels of 512 descriptors, blocks of 1 GB
// and 2 MB.  Arm ARM, "VMSAv8-64 translation table format descriptors": bit 0 valid; bit 1 a table
// (levels 0-2) or a page (level 3), clear a block (levels 1, 2) or reserved (levels 0, 3); output
// address in bits 47:12.
//
// One root of 512 entries serves both halves of the address space, so the index takes bits 47:39
// and the address must be sign-extended from bit 47.  Of descriptors that are not valid no public
// source gives the fields: only zero says that nothing is there.
#include "arch/page_walk.h"

namespace dumptriage::arch {

memory::Translation translate_arm64(const memory::AddressSpace& physical,
                                    const memory::PageTables& tables, std::uint64_t address) {
  using memory::Presence;
  if (tables.paging != memory::Paging::arm64) return answer(Presence::absent, 0x1000);
  if (!canonical(address, 47)) return answer(Presence::unmapped, 0x1000);
  constexpr std::uint64_t kAddress = 0x0000FFFFFFFFF000;
  std::uint64_t table = tables.root & kAddress;
  for (int shift = 39; shift >= 12; shift -= 9) {
    const std::uint64_t span = std::uint64_t{1} << shift;
    const auto entry = table_entry(physical, table, address >> shift & 511, 8);
    if (!entry) return answer(Presence::absent, span);
    if (!(*entry & 1)) return answer(*entry ? Presence::absent : Presence::unmapped, span);
    const bool table_or_page = *entry & 2;
    const bool page = shift == 12 ? table_or_page : !table_or_page;
    if (page && shift != 39)
      return mapped((*entry & kAddress & ~(span - 1)) | (address & (span - 1)), span);
    if (page || shift == 12) return answer(Presence::unmapped, span); // reserved: a fault
    table = *entry & kAddress;
  }
  return answer(Presence::absent, 0x1000);
}

} // namespace dumptriage::arch
