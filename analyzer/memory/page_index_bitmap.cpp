// Page index of a bitmap.
#include <bit>

#include "memory/physical_memory.h"

namespace dumptriage::memory {
namespace {

constexpr std::uint64_t kBlockBits = 4096; // one count for so many frames
constexpr std::uint64_t kBlockBytes = kBlockBits / 8;
// 64 TiB of 4 KiB pages, above what any Windows addresses; bounds the work on a sparse giant.
constexpr std::uint64_t kMostBits = std::uint64_t{1} << 34;

std::uint64_t bits_set(ByteView bytes) {
  std::uint64_t count = 0, at = 0;
  for (; bytes.holds(at, 8); at += 8)
    count += static_cast<std::uint64_t>(std::popcount(*bytes.u64(at)));
  for (; at < bytes.size(); ++at) count += static_cast<std::uint64_t>(std::popcount(*bytes.u8(at)));
  return count;
}

class BitmapIndex final : public PageIndex {
public:
  BitmapIndex(ByteView bitmap, std::uint64_t bits, std::uint64_t first_page,
              std::uint32_t page_size)
      : bits_(
            std::min({bits, kMostBits, bitmap.size() < kMostBits ? bitmap.size() * 8 : kMostBits})),
        bitmap_(bitmap.clamp(0, (bits_ + 7) / 8)), first_page_(first_page), page_size_(page_size) {
    before_.reserve(bitmap_.size() / kBlockBytes + 1);
    for (std::uint64_t at = 0; at < bitmap_.size(); at += kBlockBytes) {
      before_.push_back(page_count_);
      page_count_ += bits_set(bitmap_.clamp(at, kBlockBytes));
    }
    // Bits behind the last frame, in the last byte, count for nothing.
    if (bits_ % 8) page_count_ -= static_cast<std::uint64_t>(std::popcount(last_byte_spare()));
  }

  std::optional<std::uint64_t> offset_of(std::uint64_t pfn) const override {
    if (pfn >= bits_) return std::nullopt;
    const std::uint64_t byte = pfn / 8;
    const std::uint8_t value = *bitmap_.u8(byte);
    if (!(value >> (pfn % 8) & 1)) return std::nullopt;
    const std::uint64_t block = byte / kBlockBytes * kBlockBytes;
    const unsigned lower = value & ((1u << (pfn % 8)) - 1);
    const std::uint64_t rank = before_[byte / kBlockBytes] +
                               bits_set(bitmap_.clamp(block, byte - block)) +
                               static_cast<std::uint64_t>(std::popcount(lower));
    const auto bytes = checked_mul(rank, page_size_);
    return bytes ? checked_add(first_page_, *bytes) : std::nullopt;
  }
  std::optional<std::uint64_t> next(std::uint64_t pfn) const override {
    for (; pfn < bits_; pfn = pfn / 8 * 8 + 8) {
      // Sparse bitmaps are mostly empty words.
      while (pfn % 8 == 0 && bitmap_.holds(pfn / 8, 8) && *bitmap_.u64(pfn / 8) == 0) pfn += 64;
      if (pfn >= bits_) break;
      const unsigned left = static_cast<unsigned>(*bitmap_.u8(pfn / 8)) >> (pfn % 8);
      if (left == 0) continue;
      pfn += static_cast<std::uint64_t>(std::countr_zero(left));
      return pfn < bits_ ? std::optional(pfn) : std::nullopt;
    }
    return std::nullopt;
  }
  std::uint64_t page_count() const override { return page_count_; }

private:
  std::uint8_t last_byte_spare() const {
    return static_cast<std::uint8_t>(*bitmap_.u8(bits_ / 8) >> (bits_ % 8));
  }

  std::uint64_t bits_;
  ByteView bitmap_;
  std::uint64_t first_page_, page_size_;
  std::uint64_t page_count_ = 0;
  std::vector<std::uint64_t> before_; // set bits before each block
};

} // namespace

std::unique_ptr<PageIndex> index_of_bitmap(ByteView bitmap, std::uint64_t bits,
                                           std::uint64_t first_page, std::uint32_t page_size) {
  return std::make_unique<BitmapIndex>(bitmap, bits, first_page, page_size ? page_size : 0x1000);
}

} // namespace dumptriage::memory
