// OMAP: where an image that was rearranged after linking has what its symbols speak of.  Kept by
// PDBs (in streams) and by .DBG files (debug types 7 and 8).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "arch/frame_data.h"
#include "base/bytes.h"
#include "formats/pdb7.h"

namespace dumptriage::symbols {

class Omap {
public:
  void read(ByteView view) {
    using formats::PdbOmapEntry;
    for (std::uint64_t at = 0; auto entry = view.get<PdbOmapEntry>(at); at += sizeof(PdbOmapEntry))
      entries_.push_back({entry->Rva, entry->RvaTo});
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const Entry& a, const Entry& b) { return a.from < b.from; });
  }
  bool empty() const { return entries_.empty(); }
  // The same rva where there is no map; nothing for what the other side does not have.
  std::optional<std::uint32_t> map(std::uint32_t rva) const {
    if (entries_.empty()) return rva;
    auto next = std::upper_bound(entries_.begin(), entries_.end(), rva,
                                 [](std::uint32_t at, const Entry& e) { return at < e.from; });
    if (next == entries_.begin()) return std::nullopt;
    const Entry& entry = *std::prev(next);
    if (entry.to == 0) return std::nullopt;
    return entry.to + (rva - entry.from);
  }

private:
  struct Entry {
    std::uint32_t from, to;
  };
  std::vector<Entry> entries_;
};

class FrameTable;

// The frame of the code at `rva`, of records that speak of the image before.  Nothing for what was
// taken apart: it has no frame that one record describes.
std::optional<arch::FrameData> through_omap(const FrameTable& frames, const Omap& to_source,
                                            const Omap& from_source, std::uint32_t rva);

} // namespace dumptriage::symbols
