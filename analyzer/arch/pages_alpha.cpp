// Virtual addresses of Alpha under Windows NT (32 bits, sign-extended in registers).
//
// 80000000 ... BFFFFFFF is the CPU's superpage 0 (virtual bits 42:30 = 1FFE hex): it maps the
// first gigabyte of physical memory one to one, without tables (Digital's PALcode sources, ICSR
// spe<0>; alpha/vmparam.h of Mach 3).  That Windows runs there is not published.
//
// NT's tables: entries of 4 bytes, 2048 in a page of 8 KiB, so two levels cover 32 bits.  Entry:
// bit 0 valid, bits 31:9 the frame.  No public source shows them, so nobody may use them without
// proof from the dump itself: dump/kernel_translation_proof.cpp.
#include "arch/page_walk.h"

namespace dumptriage::arch {
namespace {

using memory::Paging;
using memory::Presence;

constexpr std::uint64_t kPage = 0x2000;

std::uint64_t frame_of(std::uint64_t entry) { return entry >> 9; }

// Both levels.  A software form of a not-valid entry is not known; an empty one maps nothing.
memory::Translation walk(const memory::AddressSpace& physical, std::uint64_t root,
                         std::uint64_t address) {
  std::uint64_t table = root;
  for (const int shift : {24, 13}) {
    const std::uint64_t span = std::uint64_t{1} << shift;
    const std::uint64_t index = address >> shift & (shift == 24 ? 0xFF : 0x7FF);
    const auto entry = table_entry(physical, table, index, 4);
    if (!entry) return answer(Presence::absent, span);
    if (*entry == 0) return answer(Presence::unmapped, span);
    if (!(*entry & 1)) return answer(Presence::absent, span);
    table = frame_of(*entry) * kPage;
  }
  return mapped(table | (address & (kPage - 1)), kPage);
}

} // namespace

memory::Translation translate_alpha(const memory::AddressSpace& physical,
                                    const memory::PageTables& tables, std::uint64_t address) {
  const auto extended = static_cast<std::int64_t>(address) >> 31;
  if (extended != 0 && extended != -1 && address >> 32 != 0)
    return answer(Presence::unmapped, kPage);
  const std::uint64_t narrow = address & 0xFFFFFFFF;
  switch (tables.paging) {
  case Paging::alpha:
  case Paging::alpha_tables: break;
  default: return answer(Presence::absent, kPage);
  }
  if (narrow >> 30 == 2) return mapped(narrow & 0x3FFFFFFF, kPage);
  if (tables.paging == Paging::alpha) return answer(Presence::absent, kPage);
  return walk(physical, tables.root & ~(kPage - 1), narrow);
}

} // namespace dumptriage::arch
