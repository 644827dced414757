// The memory lists: which bytes of the file are which addresses.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/minidump_reading.h"

namespace dumptriage::dump::mdmp {
namespace {

using namespace formats;

constexpr std::uint64_t kMostRanges = 1 << 19;
constexpr std::uint64_t kMostThreads = 1 << 14;

// What a truncated dump has lost.
struct Lost {
  std::uint64_t ranges = 0, bytes = 0, first_address = 0, at = 0;
  void add(std::uint64_t address, std::uint64_t size, std::uint64_t entry_offset) {
    if (ranges++ == 0) {
      first_address = address;
      at = entry_offset;
    }
    bytes = checked_add(bytes, size).value_or(UINT64_MAX);
  }
};

void note_lost(Reading& r, const Stream& stream, const Lost& lost) {
  if (lost.ranges == 0) return;
  r.complete = false;
  r.note(Code::truncated, stream,
         fmt::format("{} bytes of {} ranges lie beyond the end of the file; the first address lost "
                     "is {}",
                     lost.bytes, lost.ranges,
                     hex_address(lost.first_address, arch::pointer_size_of(r.machine))),
         lost.at);
}

// Adds what the file holds of a range.
void add_range(Reading& r, std::uint64_t address, std::uint64_t size, std::uint64_t rva,
               std::uint64_t entry_offset, Lost& lost) {
  if (size == 0) return;
  address = r.narrow(address);
  ByteView bytes = r.file.clamp(rva, size);
  if (bytes.size() < size) lost.add(address + bytes.size(), size - bytes.size(), entry_offset);
  if (bytes.empty()) return;
  r.memory.add(address, bytes);
  r.dump.captured.push_back({address, bytes.size()});
}

} // namespace

void read_memory_list(Reading& r, const Stream& stream) {
  auto list = r.counted_list(stream, sizeof(MINIDUMP_MEMORY_DESCRIPTOR), kMostRanges);
  if (!list) return;
  Lost lost;
  for (std::uint64_t i = 0; i < list->count; ++i) {
    auto raw = *list->entry<MINIDUMP_MEMORY_DESCRIPTOR>(i);
    add_range(r, raw.StartOfMemoryRange, raw.Memory.DataSize, raw.Memory.Rva, list->offset_of(i),
              lost);
  }
  note_lost(r, stream, lost);
}

void read_memory64_list(Reading& r, const Stream& stream) {
  auto count = stream.bytes.u64(0), base = stream.bytes.u64(8);
  if (!count || !base) {
    r.complete = false;
    return r.note(Code::truncated, stream, "no room for its header", stream.offset);
  }
  List list = r.list(stream, 16, sizeof(MINIDUMP_MEMORY_DESCRIPTOR64), *count, kMostRanges);
  Lost lost;
  std::uint64_t rva = *base;
  for (std::uint64_t i = 0; i < list.count; ++i) {
    auto raw = *list.entry<MINIDUMP_MEMORY_DESCRIPTOR64>(i);
    add_range(r, raw.StartOfMemoryRange, raw.DataSize, rva, list.offset_of(i), lost);
    auto next = checked_add(rva, raw.DataSize);
    if (!next) {
      r.complete = false;
      r.note(Code::overflow, stream,
             fmt::format("the sizes of its ranges leave 64 bits; {} ranges are read", i + 1),
             list.offset_of(i));
      break;
    }
    rva = *next;
  }
  note_lost(r, stream, lost);
}

void read_memory_infos(Reading& r, const Stream& stream) {
  auto head = stream.bytes.get<MINIDUMP_MEMORY_INFO_LIST>(0);
  if (!head) return r.note(Code::truncated, stream, "no room for its header", stream.offset);
  auto list = r.sized_list(stream, head->SizeOfHeader, sizeof(*head), head->SizeOfEntry,
                           sizeof(MINIDUMP_MEMORY_INFO), head->NumberOfEntries, kMostRanges);
  if (!list) return;
  r.dump.memory_regions.reserve(list->count);
  for (std::uint64_t i = 0; i < list->count; ++i) {
    auto raw = *list->entry<MINIDUMP_MEMORY_INFO>(i);
    MemoryRegion region;
    region.base = r.narrow(raw.BaseAddress);
    region.allocation_base = r.narrow(raw.AllocationBase);
    region.size = raw.RegionSize;
    region.allocation_protect = raw.AllocationProtect;
    region.state = raw.State;
    region.protect = raw.Protect;
    region.type = raw.Type;
    r.dump.memory_regions.push_back(region);
  }
}

void add_stacks(Reading& r, const Stream& stream, std::uint64_t stride) {
  auto count = stream.bytes.u32(0);
  if (!count) return; // its own reader has said so
  std::uint64_t start = counted_list_start(stream.size, *count, stride);
  using Range = std::pair<std::uint64_t, std::uint64_t>;
  std::vector<Range> listed;
  listed.reserve(r.dump.captured.size());
  for (const CapturedRange& range : r.dump.captured) listed.emplace_back(range.address, range.size);
  std::sort(listed.begin(), listed.end());
  std::set<Range> added;
  Lost lost;
  auto add = [&](const MINIDUMP_MEMORY_DESCRIPTOR& range, std::uint64_t entry_offset) {
    // Dumps with full memory name the stack but keep its bytes in the list alone: rva 0.
    if (range.Memory.Rva == 0 || range.Memory.DataSize == 0) return;
    Range key(r.narrow(range.StartOfMemoryRange), range.Memory.DataSize);
    if (std::binary_search(listed.begin(), listed.end(), key) || !added.insert(key).second) return;
    add_range(r, range.StartOfMemoryRange, range.Memory.DataSize, range.Memory.Rva, entry_offset,
              lost);
  };
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(*count, kMostThreads); ++i) {
    std::uint64_t at = start + i * stride;
    auto thread = stream.bytes.get<MINIDUMP_THREAD_EX>(at);
    auto plain = stream.bytes.get<MINIDUMP_THREAD>(at);
    if (!plain) break;
    add(plain->Stack, stream.offset + at);
    if (stride == sizeof(MINIDUMP_THREAD_EX) && thread)
      add(thread->BackingStore, stream.offset + at);
  }
  note_lost(r, stream, lost);
}

} // namespace dumptriage::dump::mdmp
