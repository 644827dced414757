// Lookaside lists: blocks of one size that were freed and wait for the next to ask, on S-lists.
// Not for other rooms.
//
// GENERAL_LOOKASIDE is public (wdm.h), and all lists of one kind are linked to each other
// (ListEntry), so a list in the kernel's data leads to those of every driver and CPU.  No symbol is
// needed: what has a printable tag, a size, two functions of the kernel to allocate and to free,
// and neighbours that both point back is one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "system/kernel_image.h"

namespace dumptriage::system {

struct Lookaside {
  std::uint64_t address = 0;
  std::string tag;
  std::uint32_t size = 0, depth = 0; // of a block; blocks on it, as its head counts them
  std::vector<std::uint64_t> entries;
  enum class End { null, cycle, bad_link, unreadable, budget };
  End end = End::null;
  // cycle: the block that is reached again; bad_link: the block whose link is none (0: the head).
  std::uint64_t at = 0;
  std::uint64_t link = 0; // what stands there
  bool of_irps() const { return tag.starts_with("Irp"); }
};

struct Lookasides {
  std::vector<Lookaside> lists; // by address
  bool complete = false;        // all of the kernel's data was looked at, all rings are closed
};
Lookasides read_lookasides(const KernelView& view, const KernelImage& image);

} // namespace dumptriage::system
