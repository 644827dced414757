// Virtual addresses of Itanium under Windows.  Bits 63:61 are the region.
//
// Regions 4 (Kseg3, cached) and 5 (Kseg4, uncached) map physical memory one to one, without tables
// (Windows Internals, "IA64 address space layout").
//
// Regions 0, 1 and 7 have three levels of 1024 entries of 8 bytes for pages of 8 KiB (same book),
// so 43 bits each.  Valid entries have the CPU's own form (Itanium SDM volume 2, 4.1.1.1): bit 0
// present, bits 49:12 the frame, bits 1 and 51:50 reserved.  Which root serves which region is not
// published, nor what not-present entries hold, nor what the kernel maps by translation registers
// alone: region 7 is walked only when the dump has proved its root
// (dump/kernel_translation_proof.cpp).
#include "arch/page_walk.h"

namespace dumptriage::arch {
namespace {

using memory::Paging;
using memory::Presence;

constexpr std::uint64_t kPage = 0x2000, kPresent = 1;
constexpr std::uint64_t kReserved = 0x000C000000000002;
constexpr std::uint64_t kFrame = 0x0003FFFFFFFFE000;
constexpr int kPhysicalBits = 50, kRegionBits = 43;

memory::Translation walk(const memory::AddressSpace& physical, std::uint64_t root,
                         std::uint64_t offset) {
  std::uint64_t table = root & kFrame;
  for (const int shift : {33, 23, 13}) {
    const std::uint64_t span = std::uint64_t{1} << shift;
    const auto entry = table_entry(physical, table, offset >> shift & 0x3FF, 8);
    if (!entry) return answer(Presence::absent, span);
    if (*entry == 0) return answer(Presence::unmapped, span);
    if (!(*entry & kPresent) || *entry & kReserved) return answer(Presence::absent, span);
    table = *entry & kFrame;
  }
  return mapped(table | (offset & (kPage - 1)), kPage);
}

} // namespace

memory::Translation translate_ia64(const memory::AddressSpace& physical,
                                   const memory::PageTables& tables, std::uint64_t address) {
  const std::uint64_t region = address >> 61;
  const std::uint64_t offset = address & ((std::uint64_t{1} << 61) - 1);
  const bool walks = tables.paging == Paging::ia64_tables;
  if (!walks && tables.paging != Paging::ia64) return answer(Presence::absent, kPage);
  if ((region == 4 || region == 5) && offset >> kPhysicalBits == 0) return mapped(offset, kPage);
  if (walks && region == 7 && offset >> kRegionBits == 0)
    return walk(physical, tables.root, offset);
  return answer(Presence::absent, kPage);
}

} // namespace dumptriage::arch
