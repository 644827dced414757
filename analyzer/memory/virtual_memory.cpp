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

// What can be read around `address` without leaving its page.  A page of the tables may be larger
// than one of the dump (Itanium's 8 KiB in a dump of 4 KiB frames), so any part of it may be there.
std::optional<AddressSpace::Range> VirtualMemory::readable(std::uint64_t address) const {
  const Translation here = translate(address);
  if (here.presence != Presence::present) return std::nullopt;
  std::byte byte{};
  const auto there = [&](std::uint64_t physical) {
    return physical_->read(physical, {&byte, 1}).complete(1);
  };
  const std::uint64_t offset = address % page_size_, page = address - offset;
  const std::uint64_t frame = here.physical - offset;
  if (!there(here.physical)) return std::nullopt;
  if (there(frame) && there(frame + (page_size_ - 1)))
    return Range{page, checked_add(page, page_size_).value_or(UINT64_MAX)};
  const auto range = physical_->range_around(here.physical);
  if (!range) return std::nullopt;
  const std::uint64_t from = std::max(range->start, frame) - frame;
  const std::uint64_t upto = std::min<std::uint64_t>(range->end - frame, page_size_);
  return Range{page + from, checked_add(page, upto).value_or(UINT64_MAX)};
}

std::optional<AddressSpace::Range> VirtualMemory::range_around(std::uint64_t address) const {
  auto range = readable(address);
  if (!range || address >= range->end) return std::nullopt; // the last byte of all has no end
  while (range->start > 0 && address - range->start < kReach) {
    const auto before = readable(range->start - 1);
    if (!before || before->end != range->start) break;
    range->start = before->start;
  }
  while (range->end != UINT64_MAX && range->end - address < kReach) {
    const auto after = readable(range->end);
    if (!after || after->start != range->end) break;
    range->end = after->end;
  }
  return range;
}

} // namespace dumptriage::memory
