// The entries of an image's function table, of any CPU, in one shape.  Private to this room.
#pragma once

#include "image/headers.h"

namespace dumptriage::image {

struct TableEntry {
  std::uint32_t begin = 0, end = 0, unwind = 0;
};

// How the entries of one CPU are read.  Each gives nothing when a byte it needs is not there.
struct TableFormat {
  arch::Machine machine;
  std::uint32_t entry_size;
  std::optional<std::uint32_t> (*begin)(const Image& image, std::uint64_t at);
  std::optional<TableEntry> (*entry)(const Image& image, std::uint64_t at);
  // Where the function that `entry` is a part of begins.
  std::optional<std::uint32_t> (*function)(const Image& image, TableEntry entry);
};
// Null for a CPU whose images have no table (x86), or one not known.
const TableFormat* table_format(arch::Machine machine);

// x64: the entry that an indirect one stands for; nothing when it is not there or runs in a circle.
std::optional<TableEntry> resolve_x64(const Image& image, TableEntry entry);

} // namespace dumptriage::image
