// Virtual memory = physical memory + page tables + a walker that the CPU's arch entry gives.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "memory/address_space.h"

namespace dumptriage::memory {

// `ia64` and `alpha` are the ranges that those CPUs map one to one, without tables; ia64_tables and
// alpha_tables have tables beside them (of Itanium those of region 7), and `root` is then the
// root's physical address, whatever the dump's DirectoryTableBase holds.
enum class Paging {
  none,
  x86,
  x86_pae,
  x64,
  x64_la57,
  arm64,
  ia64,
  ia64_tables,
  alpha,
  alpha_tables
};

// What a walk starts from.  `root` is the DirectoryTableBase as the dump holds it, flags and PCID
// still in it; the walker masks.  `build` picks the place of software PTE fields (they moved).
struct PageTables {
  Paging paging = Paging::none;
  std::uint64_t root = 0;
  std::uint32_t build = 0;
};

struct Translation {
  // present: `physical` is good.  unmapped: no translation.  paged_out: in the page file, or a
  // mapped file's page that is not resident.  absent: a table on the way is not in the dump.
  Presence presence = Presence::unmapped;
  std::uint64_t physical = 0;
  std::uint64_t span = 0x1000; // bytes that share this answer, a power of two >= the page size
  bool transition = false;     // not valid, but still in its frame (standby, modified)
};

// Pure: reads nothing but `physical`.
using TranslateFunction = Translation (*)(const AddressSpace& physical, const PageTables& tables,
                                          std::uint64_t address);

// Not for several threads at once: it keeps a cache of translations (one dump, one thread).
class VirtualMemory final : public AddressSpace {
public:
  VirtualMemory(std::shared_ptr<const AddressSpace> physical, PageTables tables,
                TranslateFunction translate, std::uint32_t page_size);
  ReadOutcome read(std::uint64_t address, std::span<std::byte> out) const override;
  // Neighbouring readable pages, bounded to 1 MiB each way.
  std::optional<Range> range_around(std::uint64_t address) const override;
  Translation translate(std::uint64_t address) const; // through the cache
  const PageTables& tables() const { return tables_; }
  const std::shared_ptr<const AddressSpace>& physical() const { return physical_; }

private:
  struct Entry {
    std::uint64_t page = UINT64_MAX;
    Translation translation;
  };
  std::optional<Range> readable(std::uint64_t address) const;

  std::shared_ptr<const AddressSpace> physical_;
  PageTables tables_;
  TranslateFunction translate_;
  std::uint32_t page_size_;
  mutable std::vector<Entry> cache_; // direct mapped
};

} // namespace dumptriage::memory
