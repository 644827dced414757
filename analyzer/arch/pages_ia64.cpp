// Virtual addresses of Itanium under Windows.  Bits 63:61 are the region.  Regions 4 (Kseg3,
// cached) and 5 (Kseg4, uncached) map physical memory one to one, without tables (Windows
// Internals, "IA64 address space layout").  The other regions are walked through roots, and with
// software entries, that no public source settles: what lies there is not known, which is not "not
// mapped".
#include "arch/page_walk.h"

namespace dumptriage::arch {

memory::Translation translate_ia64(const memory::AddressSpace&, const memory::PageTables& tables,
                                   std::uint64_t address) {
  constexpr std::uint64_t kPage = 0x2000;
  constexpr int kPhysicalBits = 50; // as wide as a page table entry holds (Itanium SDM 2, 4.1.1)
  const std::uint64_t region = address >> 61;
  const std::uint64_t offset = address & ((std::uint64_t{1} << 61) - 1);
  if (tables.paging != memory::Paging::ia64 || (region != 4 && region != 5) ||
      offset >> kPhysicalBits)
    return answer(memory::Presence::absent, kPage);
  return mapped(offset, kPage);
}

} // namespace dumptriage::arch
