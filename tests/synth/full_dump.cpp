#include "synth/full_dump.h"

#include <algorithm>

namespace dumptriage::synth {
namespace {

constexpr std::uint64_t kFrameMask = 0x000ffffffffff000;

// How one kind of page table is cut: the lowest bit of an index and its width, outermost first.
struct Level {
  int shift, bits;
};
constexpr Level kX86[] = {{22, 10}, {12, 10}};
constexpr Level kPae[] = {{30, 2}, {21, 9}, {12, 9}};
constexpr Level kX64[] = {{39, 9}, {30, 9}, {21, 9}, {12, 9}};

} // namespace

std::uint64_t number_at(const Bytes& bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  if (offset + size > bytes.size()) return 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | bytes[offset + i];
  return value;
}

std::optional<FullDump> FullDump::open(const Bytes& file) {
  FullDump dump;
  dump.data_ = file.data();
  dump.size_ = file.size();
  if (file.size() < 0x1000) return std::nullopt;
  const std::string tag(file.begin(), file.begin() + 8);
  if (tag != "PAGEDU64" && tag != "PAGEDUMP") return std::nullopt;
  dump.is64_ = tag == "PAGEDU64";
  if (file.size() < dump.header_size()) return std::nullopt;
  // NT 4 has no DumpType: filler means a full dump.
  const std::uint64_t type = dump.header(dump.is64_ ? 0xf98 : 0xf88, 4);
  if (type != 1 && (dump.is64_ || type != 0x45474150)) return std::nullopt;
  // PhysicalMemoryBlock: {runs, pages, {base, count}...}
  const std::size_t block = dump.is64_ ? 0x88 : 0x64, width = dump.pointer_size();
  const std::uint64_t count = dump.header(block, 4);
  if (count > (dump.is64_ ? 0x2b : 0x56)) return std::nullopt;
  std::uint64_t pages = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t at = block + 2 * width * (i + 1);
    dump.runs_.push_back({dump.header(at, width), dump.header(at + width, width)});
    pages += dump.runs_.back().count;
  }
  if (pages > (file.size() - dump.header_size()) / kPage) return std::nullopt;
  dump.root_ = dump.header(0x10, width);
  dump.paging_ = dump.is64_ ? Paging::x64 : dump.header(0x5c, 1) == 1 ? Paging::pae : Paging::x86;
  return dump;
}

std::uint64_t FullDump::header(std::size_t offset, std::size_t size) const {
  std::uint64_t value = 0;
  if (offset + size > size_) return 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | data_[offset + i];
  return value;
}
Bytes FullDump::header_bytes() const { return {data_, data_ + header_size()}; }

const std::uint8_t* FullDump::page(std::uint64_t frame) const {
  std::uint64_t before = 0;
  for (const FrameRun& run : runs_) {
    if (frame >= run.base && frame - run.base < run.count)
      return data_ + header_size() + (before + frame - run.base) * kPage;
    before += run.count;
  }
  return nullptr;
}

bool FullDump::is_zero(std::uint64_t frame) const {
  const std::uint8_t* bytes = page(frame);
  return bytes && std::all_of(bytes, bytes + kPage, [](std::uint8_t b) { return b == 0; });
}

std::vector<std::uint64_t> FullDump::all_frames() const {
  std::vector<std::uint64_t> frames;
  for (const FrameRun& run : runs_)
    for (std::uint64_t i = 0; i < run.count; ++i) frames.push_back(run.base + i);
  std::sort(frames.begin(), frames.end());
  return frames;
}

// An entry of the table at physical address `table`.
std::optional<std::uint64_t> FullDump::entry(std::uint64_t table, std::uint64_t index) const {
  const std::size_t width = paging_ == Paging::x86 ? 4 : 8;
  const std::uint64_t at = table + index * width;
  const std::uint8_t* bytes = page(at / kPage);
  if (!bytes) return std::nullopt;
  std::uint64_t value = 0;
  std::memcpy(&value, bytes + at % kPage, width);
  return value;
}

std::optional<std::uint64_t> FullDump::physical(std::uint64_t address) const {
  const Level* levels = paging_ == Paging::x86 ? kX86 : paging_ == Paging::pae ? kPae : kX64;
  std::uint64_t table = paging_ == Paging::pae ? root_ & 0xffffffe0 : root_ & kFrameMask;
  for (const Level* level = levels;; ++level) {
    std::uint64_t index = (address >> level->shift) & ((1u << level->bits) - 1);
    auto found = entry(table, index);
    if (!found) return std::nullopt;
    const bool leaf = level->shift == 12;
    // Valid, or a page in transition: not a prototype PTE (bit 10), transition (bit 11) set.
    if (!(*found & 1) && !(leaf && (*found & 0xc00) == 0x800)) return std::nullopt;
    const bool large = !leaf && level->shift < 39 && (*found & 0x80) &&
                       !(paging_ == Paging::pae && level->shift == 30);
    std::uint64_t offset_mask = (std::uint64_t{1} << level->shift) - 1;
    if (leaf || large) return (*found & kFrameMask & ~offset_mask) | (address & offset_mask);
    table = *found & kFrameMask;
  }
}

Bytes FullDump::read_some(std::uint64_t address, std::size_t size) const {
  Bytes out;
  if (!is64_) address &= 0xffffffff;
  while (out.size() < size) {
    auto at = physical(address + out.size());
    const std::uint8_t* bytes = at ? page(*at / kPage) : nullptr;
    if (!bytes) break;
    std::size_t here = std::min(size - out.size(), kPage - *at % kPage);
    out.insert(out.end(), bytes + *at % kPage, bytes + *at % kPage + here);
  }
  return out;
}
std::optional<Bytes> FullDump::read(std::uint64_t address, std::size_t size) const {
  Bytes out = read_some(address, size);
  if (out.size() != size) return std::nullopt;
  return out;
}
std::optional<std::uint64_t> FullDump::number(std::uint64_t address, std::size_t size) const {
  auto bytes = read(address, size);
  if (!bytes) return std::nullopt;
  return number_at(*bytes, 0, size);
}

std::string FullDump::unicode_string(std::uint64_t address) const {
  auto length = number(address, 2);
  auto buffer = pointer(address + pointer_size());
  std::string text;
  if (!length || !buffer) return text;
  Bytes bytes = read_some(*buffer, *length);
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) text += static_cast<char>(bytes[i]);
  return text;
}

// Marks the frames that a table and everything below it reaches.  `seen`: tables met at a level,
// because tables that map themselves are reached again at every deeper one.
void FullDump::mark(std::uint64_t table, int level, bool top, std::vector<std::vector<bool>>& seen,
                    std::vector<bool>& frames) const {
  const Level* levels = paging_ == Paging::x86 ? kX86 : paging_ == Paging::pae ? kPae : kX64;
  const std::uint64_t frame = table / kPage;
  if (!page(frame)) return;
  frames[frame] = true;
  if (seen[static_cast<std::size_t>(level)][frame] && !(paging_ == Paging::pae && level == 0))
    return;
  seen[static_cast<std::size_t>(level)][frame] = true;
  const std::uint64_t entries = std::uint64_t{1} << levels[level].bits;
  const bool leaf = levels[level].shift == 12;
  for (std::uint64_t i = top ? entries / 2 : 0; i < entries; ++i) {
    auto value = entry(table, i);
    if (!value || (!(*value & 1) && !(leaf && (*value & 0xc00) == 0x800))) continue;
    const bool large = !leaf && levels[level].shift < 39 && (*value & 0x80) &&
                       !(paging_ == Paging::pae && level == 0);
    if (!leaf && !large) {
      mark(*value & kFrameMask, level + 1, false, seen, frames);
      continue;
    }
    const std::uint64_t size = std::uint64_t{1} << levels[level].shift;
    const std::uint64_t first = (*value & kFrameMask & ~(size - 1)) / kPage;
    for (std::uint64_t f = first; f < first + size / kPage && f < frames.size(); ++f)
      if (page(f)) frames[f] = true;
  }
}

std::vector<std::uint64_t> FullDump::kernel_frames() const {
  std::uint64_t end = 0;
  for (const FrameRun& run : runs_) end = std::max(end, run.base + run.count);
  std::vector<bool> frames(end);
  std::vector<std::vector<bool>> seen(4, std::vector<bool>(end));
  mark(paging_ == Paging::pae ? root_ & 0xffffffe0 : root_ & kFrameMask, 0, true, seen, frames);
  std::vector<std::uint64_t> out;
  for (std::uint64_t f = 0; f < end; ++f)
    if (frames[f]) out.push_back(f);
  return out;
}

} // namespace dumptriage::synth
