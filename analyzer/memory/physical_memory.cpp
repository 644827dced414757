#include "memory/physical_memory.h"

#include <algorithm>
#include <cstring>

namespace dumptriage::memory {
namespace {
constexpr std::uint64_t kReach = 1 << 20; // how far range_around() looks each way
}

PhysicalMemory::PhysicalMemory(ByteView file, std::unique_ptr<PageIndex> index,
                               std::uint32_t page_size)
    : file_(file), index_(std::move(index)), page_size_(page_size ? page_size : 0x1000) {}

ByteView PhysicalMemory::page(std::uint64_t pfn) const {
  const auto offset = index_->offset_of(pfn);
  return offset ? file_.clamp(*offset, page_size_) : ByteView();
}

bool PhysicalMemory::has_page(std::uint64_t pfn) const { return page(pfn).size() == page_size_; }

ReadOutcome PhysicalMemory::read(std::uint64_t address, std::span<std::byte> out) const {
  ReadOutcome outcome;
  while (outcome.got < out.size()) {
    const std::uint64_t in_page = address % page_size_;
    const ByteView part = page(address / page_size_).clamp(in_page, out.size() - outcome.got);
    if (part.empty()) {
      outcome.presence = Presence::absent;
      break;
    }
    std::memcpy(out.data() + outcome.got, part.data(), part.size());
    outcome.got += part.size();
    const auto next = checked_add(address, part.size());
    if (!next) { // the end of the address space; nothing lies behind it
      if (outcome.got < out.size()) outcome.presence = Presence::absent;
      break;
    }
    address = *next;
  }
  return outcome;
}

std::optional<AddressSpace::Range> PhysicalMemory::range_around(std::uint64_t address) const {
  const std::uint64_t pfn = address / page_size_;
  const std::uint64_t here = page(pfn).size();
  if (address % page_size_ >= here) return std::nullopt;
  const std::uint64_t most = kReach / page_size_;
  std::uint64_t first = pfn, last = pfn;
  while (first > 0 && pfn - first < most && has_page(first - 1)) --first;
  std::uint64_t bytes_of_last = here; // the last page of a file that was cut off is not whole
  while (bytes_of_last == page_size_ && last - pfn < most) {
    const std::uint64_t next = page(last + 1).size();
    if (next == 0) break;
    ++last;
    bytes_of_last = next;
  }
  const std::uint64_t start = last * page_size_;
  return Range{first * page_size_, checked_add(start, bytes_of_last).value_or(UINT64_MAX)};
}

} // namespace dumptriage::memory
