// Memory regions, and which bytes of the data area belong to which.
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/userdump_reading.h"
#include "formats/pe.h"

namespace dumptriage::dump::userdump {
namespace {

using namespace formats;

constexpr std::uint64_t kMostRegions = 1 << 19;

template <class Raw> MemoryRegion region_of(const Raw& raw) {
  MemoryRegion region;
  region.base = raw.BaseAddress;
  region.allocation_base = raw.AllocationBase;
  region.size = raw.RegionSize;
  region.allocation_protect = raw.AllocationProtect;
  region.state = raw.State;
  region.protect = raw.Protect;
  region.type = raw.Type;
  return region;
}

void read_regions(Reading& r) {
  const Header& h = r.header;
  std::uint64_t stride =
      h.is64 ? sizeof(MEMORY_BASIC_INFORMATION64) : sizeof(MEMORY_BASIC_INFORMATION32);
  std::uint64_t count =
      r.entries("memory regions", h.regions, h.region_offset, stride, kMostRegions);
  r.dump.memory_regions.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t at = h.region_offset + i * stride;
    r.dump.memory_regions.push_back(h.is64
                                        ? region_of(*r.file.get<MEMORY_BASIC_INFORMATION64>(at))
                                        : region_of(*r.file.get<MEMORY_BASIC_INFORMATION32>(at)));
  }
}

// The readings of "one behind the other in table order": which entries of the table have bytes.
bool has_data(std::size_t rule, const MemoryRegion& region) {
  bool readable = region.state == kMemCommit && (region.protect & kPageNoAccess) == 0;
  switch (rule) {
  case 0: return true;                                            // the table lists dumped ones
  case 1: return readable;                                        // guard pages too
  default: return readable && (region.protect & kPageGuard) == 0; // all but guard pages
  }
}
constexpr std::size_t kRules = 3;

// Where each region's bytes begin in the file; nothing for one without.
struct Layout {
  std::vector<std::optional<std::uint64_t>> at;
  std::uint64_t end = 0; // UINT64_MAX: the sizes leave 64 bits
  bool operator==(const Layout&) const = default;
};

Layout layout_of(const Reading& r, std::size_t rule) {
  Layout layout;
  std::uint64_t at = r.header.data_offset;
  for (const MemoryRegion& region : r.dump.memory_regions) {
    bool here = has_data(rule, region);
    layout.at.push_back(here ? std::optional(at) : std::nullopt);
    if (here) at = checked_add(at, region.size).value_or(UINT64_MAX);
  }
  layout.end = at;
  return layout;
}

// The two bytes at `address` under a layout, when the file holds them.
std::optional<std::uint16_t>
word_at(const Reading& r, const Layout& layout,
        const std::vector<std::pair<std::uint64_t, std::size_t>>& index, std::uint64_t address) {
  auto next = std::ranges::upper_bound(index, std::pair(address, SIZE_MAX));
  if (next == index.begin()) return std::nullopt;
  std::size_t i = std::prev(next)->second;
  const MemoryRegion& region = r.dump.memory_regions[i];
  if (!layout.at[i] || address - region.base >= region.size) return std::nullopt;
  auto at = checked_add(*layout.at[i], address - region.base);
  return at ? r.file.u16(*at) : std::nullopt;
}

// Images begin with "MZ": a layout that has other bytes there is wrong, when another has none such.
void drop_by_images(const Reading& r, std::vector<Layout>& layouts) {
  std::vector<std::pair<std::uint64_t, std::size_t>> index;
  for (std::size_t i = 0; i < r.dump.memory_regions.size(); ++i)
    index.emplace_back(r.dump.memory_regions[i].base, i);
  std::ranges::sort(index);
  std::vector<Layout> sound;
  for (const Layout& layout : layouts) {
    std::size_t right = 0, wrong = 0;
    for (const Module& module : r.dump.modules)
      if (auto word = word_at(r, layout, index, module.base))
        ++(*word == kDosMagic ? right : wrong);
    if (wrong == 0 && right != 0) sound.push_back(layout);
  }
  if (!sound.empty()) layouts = std::move(sound);
}

// The layouts that the dump does not rule out.  One that ends exactly where the data must end is
// the right one.
std::vector<Layout> candidates(const Reading& r) {
  std::vector<Layout> layouts;
  for (std::size_t rule = 0; rule < kRules; ++rule) {
    Layout layout = layout_of(r, rule);
    if (std::ranges::find(layouts, layout) == layouts.end()) layouts.push_back(std::move(layout));
  }
  std::uint64_t data_end = r.header.next_table(r.header.data_offset, r.file.size());
  for (Layout& layout : layouts)
    if (layout.end == data_end) {
      std::vector<Layout> only;
      only.push_back(std::move(layout));
      return only;
    }
  if (layouts.size() > 1) drop_by_images(r, layouts);
  return layouts;
}

struct Lost {
  std::uint64_t regions = 0, bytes = 0, first = 0;
};

// Adds the bytes of one region, as much as the file holds.
void add_region(Reading& r, memory::FlatRanges& memory, const MemoryRegion& region,
                std::uint64_t at, Lost& lost) {
  ByteView bytes = r.file.clamp(at, region.size);
  if (bytes.size() < region.size) {
    if (lost.regions++ == 0) lost.first = region.base + bytes.size();
    lost.bytes = checked_add(lost.bytes, region.size - bytes.size()).value_or(UINT64_MAX);
  }
  if (bytes.empty()) return;
  memory.add(region.base, bytes);
  r.dump.captured.push_back({region.base, bytes.size()});
}

} // namespace

std::shared_ptr<const memory::FlatRanges> read_memory(Reading& r) {
  read_regions(r);
  auto memory = std::make_shared<memory::FlatRanges>();
  std::vector<Layout> layouts = candidates(r);
  const auto& regions = r.dump.memory_regions;
  Lost lost;
  std::size_t i = 0;
  for (; i < regions.size(); ++i) {
    const auto& at = layouts.front().at[i];
    if (std::ranges::any_of(layouts, [&](const Layout& other) { return other.at[i] != at; })) break;
    if (at) add_region(r, *memory, regions[i], *at, lost);
  }
  int width = r.header.is64 ? 8 : 4;
  if (i < regions.size())
    r.lost(Code::bad_value,
           fmt::format("memory: the file's size decides neither whether guard pages nor whether "
                       "unreadable regions have bytes in it; what lies from address {} on is not "
                       "used",
                       hex_address(regions[i].base, width)),
           r.header.data_offset);
  if (lost.regions != 0)
    r.lost(Code::truncated,
           fmt::format("memory: {} bytes of {} regions lie beyond the end of the file; the first "
                       "address lost is {}",
                       lost.bytes, lost.regions, hex_address(lost.first, width)),
           r.header.data_offset);
  std::uint64_t data_end = r.header.next_table(r.header.data_offset, r.file.size());
  if (!regions.empty() && i == regions.size() && lost.regions == 0 &&
      layouts.front().end != data_end)
    r.note(Severity::info, Code::mismatch,
           fmt::format("memory: {} bytes behind the last region are no region's",
                       data_end > layouts.front().end ? data_end - layouts.front().end : 0),
           r.header.data_offset);
  memory->seal();
  return memory;
}

} // namespace dumptriage::dump::userdump
