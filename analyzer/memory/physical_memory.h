// Physical memory of a dump: which page frames the file holds, and where they lie in it.
// Three kinds of index exist in Windows dumps; each answers in (nearly) constant time and is built
// without touching the pages themselves.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "memory/address_space.h"

namespace dumptriage::memory {

// Page frame number -> byte offset of that page in the file; nothing when the page is not in it.
class PageIndex {
public:
  virtual ~PageIndex() = default;
  virtual std::optional<std::uint64_t> offset_of(std::uint64_t pfn) const = 0;
  // The first frame at or above `pfn` that has one.
  virtual std::optional<std::uint64_t> next(std::uint64_t pfn) const = 0;
  virtual std::uint64_t page_count() const = 0; // pages the index claims, whatever the file holds
};

// Runs of consecutive frames, their pages one behind the other in the order given (full dumps,
// RDMP ranges).  Runs may come unsorted; of overlapping runs the first wins.  Sums that overflow
// are cut.
struct PageRun {
  std::uint64_t base_page = 0, page_count = 0;
};
std::unique_ptr<PageIndex> index_of_runs(std::span<const PageRun> runs, std::uint64_t first_page,
                                         std::uint32_t page_size);

// One bit a frame, least significant first in each byte; the n-th set bit is the n-th page behind
// `first_page`.  The rank of a frame costs one table look-up and the bits of at most one block:
// the counts of all blocks are taken once, when the index is made.
std::unique_ptr<PageIndex> index_of_bitmap(ByteView bitmap, std::uint64_t bits,
                                           std::uint64_t first_page, std::uint32_t page_size);

// Bytes by physical address.  `absent` = this frame is not in the dump (or the file was cut off
// before it).  range_around() gives the stretch of present pages around an address, bounded to
// 1 MiB each way.
class PhysicalMemory final : public AddressSpace {
public:
  PhysicalMemory(ByteView file, std::unique_ptr<PageIndex> index, std::uint32_t page_size);
  ReadOutcome read(std::uint64_t address, std::span<std::byte> out) const override;
  std::optional<Range> range_around(std::uint64_t address) const override;
  std::uint32_t page_size() const { return page_size_; }
  std::uint64_t page_count() const { return index_->page_count(); }
  bool has_page(std::uint64_t pfn) const;
  // The first frame at or above `pfn` that the index claims; the file may end before it.
  std::optional<std::uint64_t> next_page(std::uint64_t pfn) const { return index_->next(pfn); }

private:
  ByteView page(std::uint64_t pfn) const; // as much of it as the file holds

  ByteView file_;
  std::unique_ptr<PageIndex> index_;
  std::uint32_t page_size_;
};

} // namespace dumptriage::memory
