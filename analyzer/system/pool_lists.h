// The nonpaged pool's lists of free blocks: POOL_DESCRIPTOR.ListHeads, one list a block size.
// Not for other rooms.
//
// Where they are: by KDBG's NonPagedPoolDescriptor and the layout of the descriptor; else, on NT 4
// and Windows 2000, whose descriptors are not published, as an array of list heads in the kernel's
// data whose blocks prove it: each has a pool header, free, whose size grows with the list's
// number.
#pragma once

#include <string>
#include <vector>

#include "system/kernel_image.h"
#include "system/pool.h"

namespace dumptriage::system {

// What is wrong with one block of a list.
struct ListFault {
  std::string_view how; // "looped", "doubled", "broken_link", "allocated_entry"
  std::uint64_t list = 0, entry = 0;
  std::string tag; // of the block; "" its header is not in the dump
  std::string why;
};

struct PoolLists {
  std::uint64_t heads = 0; // of the first one; 0 = not found
  std::uint32_t count = 0;
  bool proved_here = false; // by this dump's data, not by a published layout
  PoolForm form = PoolForm::x86;
  std::uint64_t read = 0;             // lists read to their end
  std::vector<std::uint64_t> entries; // the data of free blocks, as they are linked
  std::vector<ListFault> faults;      // the first few
  bool complete = false;
  std::string missing;
};
PoolLists read_pool_lists(const KernelView& view, const KernelImage& image);

} // namespace dumptriage::system
