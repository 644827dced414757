// Page index of runs.
#include <algorithm>
#include <map>

#include "memory/physical_memory.h"

namespace dumptriage::memory {
namespace {

struct Piece {
  std::uint64_t first, end; // frames
  std::uint64_t offset;     // of `first` in the file
};

class RunIndex final : public PageIndex {
public:
  RunIndex(std::span<const PageRun> runs, std::uint64_t first_page, std::uint32_t page_size)
      : page_size_(page_size) {
    std::optional<std::uint64_t> offset = first_page;
    for (const PageRun& run : runs) {
      // Frames whose addresses, or whose places in the file, leave 64 bits do not exist.
      const std::uint64_t last_frame = UINT64_MAX / page_size_;
      std::uint64_t count = run.page_count;
      if (run.base_page < last_frame) {
        count = std::min(count, last_frame - run.base_page);
        count = std::min(count, (UINT64_MAX - *offset) / page_size_);
        lay({run.base_page, run.base_page + count, *offset});
      }
      const auto bytes = checked_mul(run.page_count, page_size_);
      offset = bytes ? checked_add(*offset, *bytes) : std::nullopt;
      if (!offset) break;
    }
    covered_.clear();
    std::sort(pieces_.begin(), pieces_.end(),
              [](const Piece& a, const Piece& b) { return a.first < b.first; });
  }

  std::optional<std::uint64_t> offset_of(std::uint64_t pfn) const override {
    auto next =
        std::upper_bound(pieces_.begin(), pieces_.end(), pfn,
                         [](std::uint64_t p, const Piece& piece) { return p < piece.first; });
    if (next == pieces_.begin()) return std::nullopt;
    const Piece& piece = *std::prev(next);
    if (pfn >= piece.end) return std::nullopt;
    return piece.offset + (pfn - piece.first) * page_size_;
  }
  std::optional<std::uint64_t> next(std::uint64_t pfn) const override {
    auto piece = std::partition_point(pieces_.begin(), pieces_.end(),
                                      [pfn](const Piece& p) { return p.end <= pfn; });
    if (piece == pieces_.end()) return std::nullopt;
    return std::max(pfn, piece->first);
  }
  std::uint64_t page_count() const override { return page_count_; }

private:
  // Keeps of a run what no earlier one covers.  `covered_` holds merged stretches, so that a
  // stretch is passed over at most once before it becomes part of a larger one.
  void lay(Piece run) {
    if (run.first >= run.end) return;
    auto next = covered_.upper_bound(run.first);
    if (next != covered_.begin() && std::prev(next)->second >= run.first) --next;
    std::uint64_t at = run.first, start = run.first, end = run.end;
    while (next != covered_.end() && next->first <= run.end) {
      keep(run, at, next->first);
      at = std::max(at, next->second);
      start = std::min(start, next->first);
      end = std::max(end, next->second);
      next = covered_.erase(next);
    }
    keep(run, at, run.end);
    covered_.emplace(start, end);
  }
  void keep(const Piece& run, std::uint64_t from, std::uint64_t to) {
    if (from >= to) return;
    pieces_.push_back({from, to, run.offset + (from - run.first) * page_size_});
    page_count_ += to - from;
  }

  std::uint64_t page_size_;
  std::uint64_t page_count_ = 0;
  std::vector<Piece> pieces_;
  std::map<std::uint64_t, std::uint64_t> covered_; // start -> end; only while the index is made
};

} // namespace

std::unique_ptr<PageIndex> index_of_runs(std::span<const PageRun> runs, std::uint64_t first_page,
                                         std::uint32_t page_size) {
  return std::make_unique<RunIndex>(runs, first_page, page_size ? page_size : 0x1000);
}

} // namespace dumptriage::memory
