// Page tables of x86: two levels of 32-bit entries (4 MB pages by PSE, above 4 GB by PSE-36), or
// three levels of 64-bit entries (PAE, 2 MB pages).  Intel SDM volume 3A, "32-bit paging" and "PAE
// paging".  CR3 names a page without PAE, and a table of 32 bytes with it.
#include "arch/page_walk.h"

namespace dumptriage::arch {
namespace {

constexpr PageLevel kTwoLevels[] = {{.shift = 22, .bits = 10, .large = true},
                                    {.shift = 12, .bits = 10}};
constexpr PageMode kTwoLevelMode = {kTwoLevels, PteForm::x86, 4};
constexpr PageLevel kPaeLevels[] = {{.shift = 30, .bits = 2, .plain = true},
                                    {.shift = 21, .bits = 9, .large = true},
                                    {.shift = 12, .bits = 9}};
constexpr PageMode kPaeMode = {kPaeLevels, PteForm::pae, 8};

} // namespace

memory::Translation translate_x86(const memory::AddressSpace& physical,
                                  const memory::PageTables& tables, std::uint64_t address) {
  if (address >> 32) return answer(memory::Presence::unmapped, 0x1000);
  switch (tables.paging) {
  case memory::Paging::x86:
    return walk_pages(physical, kTwoLevelMode, tables.root & 0xFFFFF000, tables.build, address);
  case memory::Paging::x86_pae:
    return walk_pages(physical, kPaeMode, tables.root & 0xFFFFFFE0, tables.build, address);
  default: return answer(memory::Presence::absent, 0x1000);
  }
}

} // namespace dumptriage::arch
