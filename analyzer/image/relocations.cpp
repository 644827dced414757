// Base relocations: blocks of one page each, entries of 16 bits (type and offset).
// Source: "PE Format", The .reloc Section.  Applied are whole addresses, and the halves of one that
// the instructions of Alpha and MIPS hold; the pairs of instructions of ARM are not.
#include <algorithm>

#include "formats/pe.h"
#include "image/headers.h"

namespace dumptriage::image {
namespace {

using namespace formats;

constexpr std::size_t kMostRelocations = 4u << 20;

// Bytes of the field; 0 for a type that is not applied.
std::uint8_t size_of(unsigned type) {
  switch (type) {
  case kRelocationHigh:
  case kRelocationLow:
  case kRelocationHighAdj: return 2;
  case kRelocationHighLow: return 4;
  case kRelocationDir64: return 8;
  default: return 0;
  }
}

// The field's value when the image lies `delta` above where it wants to lie.
std::uint64_t relocated(unsigned type, std::int16_t low, std::uint64_t value, std::uint64_t delta) {
  switch (type) {
  case kRelocationHigh: return ((value << 16) + delta) >> 16;
  case kRelocationHighAdj:
    return ((value << 16) + static_cast<std::uint64_t>(std::int64_t{low}) + delta + 0x8000) >> 16;
  default: return value + delta;
  }
}

} // namespace

const std::vector<Image::Relocation>& Image::relocations() const {
  if (relocations_) return *relocations_;
  std::vector<Relocation>& list = relocations_.emplace();
  if (directories.size() <= kDirectoryBaseReloc) return list;
  Directory directory = directories[kDirectoryBaseReloc];
  std::uint64_t at = directory.rva, end = at + directory.size;
  while (at != 0 && at + sizeof(ImageBaseRelocation) <= end) {
    auto block = get_rva<ImageBaseRelocation>(*this, at);
    if (!block || block->SizeOfBlock < sizeof(ImageBaseRelocation)) break;
    std::uint64_t stop = std::min<std::uint64_t>(end, at + block->SizeOfBlock);
    for (std::uint64_t entry = at + sizeof(ImageBaseRelocation); entry + 2 <= stop; entry += 2) {
      auto value = get_rva<le16>(*this, entry);
      if (!value || list.size() >= kMostRelocations) break;
      Relocation site{block->VirtualAddress + (*value & 0xFFF)};
      site.type = static_cast<std::uint8_t>(*value >> 12);
      site.size = size_of(site.type);
      if (site.type == kRelocationHighAdj) { // the lower half is in the entry that follows
        entry += 2;
        auto low = entry + 2 <= stop ? get_rva<le16>(*this, entry) : std::nullopt;
        if (!low) break;
        site.low = static_cast<std::int16_t>(static_cast<std::uint16_t>(*low));
      }
      if (site.size != 0) list.push_back(site);
    }
    at += block->SizeOfBlock;
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const Relocation& a, const Relocation& b) { return a.rva < b.rva; });
  return list;
}

std::size_t Image::read_relocated(std::uint32_t rva, std::span<std::byte> out,
                                  std::uint64_t base) const {
  std::size_t got = read_rva(rva, out);
  if (base == preferred_base || got == 0) return got;
  const std::vector<Relocation>& list = relocations();
  std::uint32_t from = rva < 8 ? 0 : rva - 7; // a field may begin before what was asked
  auto site = std::lower_bound(list.begin(), list.end(), from,
                               [](const Relocation& r, std::uint32_t a) { return r.rva < a; });
  for (; site != list.end() && site->rva < std::uint64_t{rva} + got; ++site) {
    std::byte field[8] = {};
    if (read_rva(site->rva, std::span(field).first(site->size)) != site->size) continue;
    const std::uint64_t value = relocated(
        site->type, site->low, *ByteView(field, sizeof field).u64(0), base - preferred_base);
    for (std::uint32_t i = 0; i < site->size; ++i) {
      std::uint64_t place = std::uint64_t{site->rva} + i;
      if (place >= rva && place - rva < got)
        out[place - rva] = static_cast<std::byte>(value >> (8 * i));
    }
  }
  return got;
}

} // namespace dumptriage::image
