#include <algorithm>

#include "dump/kernel_reading.h"

namespace dumptriage::dump {

void RegionIndex::seal() {
  std::stable_sort(pieces_.begin(), pieces_.end(),
                   [](const Piece& a, const Piece& b) { return a.address < b.address; });
}

std::optional<ByteView> RegionIndex::find(std::uint64_t address, std::uint64_t length) const {
  // Pieces overlap, so the holder need not be the nearest below; real dumps nest a few deep.
  constexpr int kMostSteps = 64;
  auto at = std::upper_bound(pieces_.begin(), pieces_.end(), address,
                             [](std::uint64_t a, const Piece& p) { return a < p.address; });
  for (int step = 0; step < kMostSteps && at != pieces_.begin(); ++step) {
    --at;
    if (auto found = at->bytes.slice(address - at->address, length)) return found;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> RegionIndex::u64(std::uint64_t address) const {
  auto bytes = find(address, 8);
  return bytes ? bytes->u64(0) : std::nullopt;
}

} // namespace dumptriage::dump
