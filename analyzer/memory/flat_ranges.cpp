#include <algorithm>
#include <cstring>

#include "memory/address_space.h"

namespace dumptriage::memory {

void FlatRanges::add(std::uint64_t address, ByteView bytes) {
  if (bytes.empty()) return;
  std::uint64_t room =
      UINT64_MAX - address; // the last byte of the space is given up: no wrap to test
  pieces_.push_back({address, bytes.clamp(0, room), pieces_.size()});
}

void FlatRanges::seal() {
  resolve();
  find_runs();
}

void FlatRanges::resolve() {
  // Earlier pieces win: lay them down in order of rank and keep of each later piece only the parts
  // that fall into gaps.  `resolved` stays sorted and disjoint.
  std::stable_sort(pieces_.begin(), pieces_.end(),
                   [](const Piece& a, const Piece& b) { return a.address < b.address; });
  bool disjoint = true;
  for (std::size_t i = 1; i < pieces_.size() && disjoint; ++i)
    disjoint = pieces_[i - 1].address + pieces_[i - 1].bytes.size() <= pieces_[i].address;
  if (disjoint) return;

  // A sweep over all borders; between two borders the live piece of lowest rank owns the bytes.
  struct Border {
    std::uint64_t at;
    bool opens;
    std::size_t piece;
  };
  std::vector<Border> borders;
  borders.reserve(2 * pieces_.size());
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    borders.push_back({pieces_[i].address, true, i});
    borders.push_back({pieces_[i].address + pieces_[i].bytes.size(), false, i});
  }
  std::sort(borders.begin(), borders.end(),
            [](const Border& a, const Border& b) { return a.at < b.at; });
  std::vector<Piece> resolved;
  auto by_rank = [&](std::size_t a, std::size_t b) { return pieces_[a].rank > pieces_[b].rank; };
  std::vector<std::size_t> heap; // lowest rank on top; closed pieces are dropped lazily
  std::vector<bool> closed(pieces_.size(), false);
  for (std::size_t i = 0; i < borders.size();) {
    std::uint64_t at = borders[i].at;
    for (; i < borders.size() && borders[i].at == at; ++i) {
      if (borders[i].opens) {
        heap.push_back(borders[i].piece);
        std::push_heap(heap.begin(), heap.end(), by_rank);
      } else {
        closed[borders[i].piece] = true;
      }
    }
    while (!heap.empty() && closed[heap.front()]) {
      std::pop_heap(heap.begin(), heap.end(), by_rank);
      heap.pop_back();
    }
    if (heap.empty() || i == borders.size()) continue;
    const Piece& owner = pieces_[heap.front()];
    ByteView part = owner.bytes.clamp(at - owner.address, borders[i].at - at);
    if (!resolved.empty() && resolved.back().rank == owner.rank &&
        resolved.back().address + resolved.back().bytes.size() == at)
      resolved.back().bytes =
          ByteView(resolved.back().bytes.data(), resolved.back().bytes.size() + part.size());
    else
      resolved.push_back({at, part, owner.rank});
  }
  pieces_ = std::move(resolved);
}

// Once for all: a list of a million touching pieces is asked about for every thread.
void FlatRanges::find_runs() {
  runs_.clear();
  for (const Piece& piece : pieces_) {
    std::uint64_t end = piece.address + piece.bytes.size();
    if (!runs_.empty() && runs_.back().end == piece.address)
      runs_.back().end = end;
    else
      runs_.push_back({piece.address, end});
  }
}

ReadOutcome FlatRanges::read(std::uint64_t address, std::span<std::byte> out) const {
  ReadOutcome outcome;
  auto next = std::upper_bound(pieces_.begin(), pieces_.end(), address,
                               [](std::uint64_t a, const Piece& p) { return a < p.address; });
  if (next != pieces_.begin()) --next;
  while (outcome.got < out.size()) {
    if (next == pieces_.end() || address < next->address ||
        address - next->address >= next->bytes.size()) {
      outcome.presence = Presence::absent;
      break;
    }
    ByteView part = next->bytes.clamp(address - next->address, out.size() - outcome.got);
    std::memcpy(out.data() + outcome.got, part.data(), part.size());
    outcome.got += part.size();
    address += part.size();
    ++next;
  }
  return outcome;
}

std::optional<AddressSpace::Range> FlatRanges::range_around(std::uint64_t address) const {
  auto next = std::upper_bound(runs_.begin(), runs_.end(), address,
                               [](std::uint64_t a, const Range& run) { return a < run.start; });
  if (next == runs_.begin() || address >= std::prev(next)->end) return std::nullopt;
  return *std::prev(next);
}

std::uint64_t FlatRanges::byte_count() const {
  std::uint64_t sum = 0;
  for (const Piece& piece : pieces_) sum += piece.bytes.size();
  return sum;
}

} // namespace dumptriage::memory
