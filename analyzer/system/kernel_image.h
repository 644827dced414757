// Where the kernel's image lies, and which part of it is data: for readers that look for objects no
// symbol or published field names.  Not for other rooms.
#pragma once

#include <cstdint>
#include <vector>

#include "system/kernel_view.h"

namespace dumptriage::system {

struct KernelImage {
  std::uint64_t base = 0, end = 0;               // 0: not known
  std::vector<memory::AddressSpace::Range> data; // writable sections, at most 16 MiB of them
  bool contains(std::uint64_t address) const { return address >= base && address < end; }
  bool in_data(std::uint64_t address) const;
};
// The first module is the kernel.  Where its headers are not in the dump, all of it counts as data.
KernelImage kernel_image(const KernelView& view, const Snapshot& snapshot);

// Calls `visit(address, bytes, own)` for every page of the data that the dump holds; the bytes
// behind its `own` ones are the next `overlap` ones.  True = all of it is there.
template <class Visit>
bool for_each_piece(const KernelView& view, const KernelImage& image, std::uint64_t overlap,
                    Visit&& visit) {
  constexpr std::uint64_t kPiece = 0x1000;
  std::vector<std::byte> buffer(kPiece + overlap);
  bool whole = !image.data.empty();
  for (const auto& range : image.data)
    for (std::uint64_t at = range.start; at < range.end; at += kPiece) {
      const std::uint64_t own = std::min(kPiece, range.end - at);
      const std::size_t want = std::min(kPiece + overlap, range.end - at);
      const std::size_t got = view.memory.read(at, std::span(buffer).first(want)).got;
      whole &= got >= own;
      if (got != 0) visit(at, ByteView(buffer.data(), got), own);
    }
  return whole;
}

} // namespace dumptriage::system
