#include "memory/virtual_memory.h"

#include <algorithm>

namespace dumptriage::memory {
namespace {
constexpr std::uint64_t kReach = 1 << 20;   // how far range_around() looks each way
constexpr std::size_t kCacheEntries = 1024; // 4 MiB of 4 KiB pages: stacks, lists and their tables
} // namespace

VirtualMemory::VirtualMemory(std::shared_ptr<const AddressSpace> physical, PageTables tables,
                             TranslateFunction translate, std::uint32_t page_size)
    : physical_(std::move(physical)), tables_(tables), translate_(translate),
      page_size_(page_size ? page_size : 0x1000) {}

Translation VirtualMemory::translate(std::uint64_t address) const {
  if (!translate_) return {Presence::absent, 0, page_size_, false};
  if (cache_.empty()) cache_.resize(kCacheEntries);
  const std::uint64_t page = address / page_size_, offset = address % page_size_;
  Entry& entry = cache_[page % kCacheEntries];
  if (entry.page != page) {
    entry.translation = translate_(*physical_, tables_, address - offset);
    entry.page = page;
  }
  Translation answer = entry.translation;
  if (answer.presence == Presence::present) answer.physical += offset;
  return answer;
}

ReadOutcome VirtualMemory::read(std::uint64_t address, std::span<std::byte> out) const {
  ReadOutcome outcome;
  while (outcome.got < out.size()) {
    const Translation page = translate(address);
    if (page.presence != Presence::present) {
      outcome.presence = page.presence;
      break;
    }
    const std::uint64_t left_in_page = page_size_ - address % page_size_;
    const auto part =
        out.subspan(outcome.got, std::min<std::uint64_t>(out.size() - outcome.got, left_in_page));
    const ReadOutcome read = physical_->read(page.physical, part);
    outcome.got += read.got;
    outcome.origin = std::max(outcome.origin, read.origin);
    if (!read.complete(part.size())) { // mapped, but the frame is not in the dump
      outcome.presence = Presence::absent;
      break;
    }
    const auto next = checked_add(address, part.size());
    if (!next) {
      if (outcome.got < out.size()) outcome.presence = Presence::unmapped;
      break;
    }
    address = *next;
  }
  return outcome;
}

// Bytes of the page at `start` that can be read.
std::uint64_t VirtualMemory::readable(std::uint64_t start) const {
  const Translation page = translate(start);
  if (page.presence != Presence::present) return 0;
  std::byte byte{};
  const std::span<std::byte> one(&byte, 1);
  if (!physical_->read(page.physical, one).complete(1)) return 0;
  if (physical_->read(page.physical + (page_size_ - 1), one).complete(1)) return page_size_;
  const auto range = physical_->range_around(page.physical);
  return range ? range->end - page.physical : 0;
}

std::optional<AddressSpace::Range> VirtualMemory::range_around(std::uint64_t address) const {
  const std::uint64_t page = address - address % page_size_;
  const std::uint64_t here = readable(page);
  if (address - page >= here) return std::nullopt;
  std::uint64_t start = page, last = page, bytes_of_last = here;
  while (start >= page_size_ && page - start < kReach && readable(start - page_size_) == page_size_)
    start -= page_size_;
  while (bytes_of_last == page_size_ && last - page < kReach) {
    const auto next = checked_add(last, page_size_);
    const std::uint64_t bytes = next ? readable(*next) : 0;
    if (bytes == 0) break;
    last = *next;
    bytes_of_last = bytes;
  }
  return Range{start, checked_add(last, bytes_of_last).value_or(UINT64_MAX)};
}

} // namespace dumptriage::memory
