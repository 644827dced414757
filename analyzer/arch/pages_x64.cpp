// Page tables of x64: four levels of 512 entries, or five where CR4.LA57 is set; pages of 4 KB,
// 2 MB and 1 GB.  Intel SDM volume 3A, "4-level paging and 5-level paging".  The low twelve bits of
// CR3 are flags or the PCID, the high ones a hint for the TLB.
#include "arch/page_walk.h"

namespace dumptriage::arch {
namespace {

constexpr PageLevel kLevels[] = {{.shift = 48},
                                 {.shift = 39},
                                 {.shift = 30, .large = true},
                                 {.shift = 21, .large = true},
                                 {.shift = 12}};
constexpr PageMode kFive = {kLevels, PteForm::x64, 8};
constexpr PageMode kFour = {std::span(kLevels).subspan(1), PteForm::x64, 8};

} // namespace

memory::Translation translate_x64(const memory::AddressSpace& physical,
                                  const memory::PageTables& tables, std::uint64_t address) {
  const bool five = tables.paging == memory::Paging::x64_la57;
  if (!five && tables.paging != memory::Paging::x64)
    return answer(memory::Presence::absent, 0x1000);
  if (!canonical(address, five ? 56 : 47)) return answer(memory::Presence::unmapped, 0x1000);
  return walk_pages(physical, five ? kFive : kFour, tables.root & 0x000FFFFFFFFFF000, tables.build,
                    address);
}

} // namespace dumptriage::arch
