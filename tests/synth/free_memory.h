// A kernel's image with data, its lookaside lists, pool pages and the pool's lists of free blocks,
// IRPs in them: laid into KernelObjects by hand, from wdm.h, winnt.h and the published listings.
// Written without a look at the analyzer.  Frees and allocations do what the kernel's do, so a test
// frees twice and gets what a machine gets.
#pragma once

#include <string>
#include <vector>

#include "synth/kernel_objects.h"

namespace dumptriage::synth {

class FreeMemory {
public:
  using Address = std::uint64_t;
  explicit FreeMemory(KernelObjects& objects);

  static constexpr std::uint32_t kKernelSize = 0x8000, kDataRva = 0x2000, kDataSize = 0x6000;
  Address kernel_base() const { return base_; }
  Address code(std::uint32_t offset = 0) const { return base_ + 0x1000 + offset; }
  // Room in the kernel's data.
  Address data(std::uint32_t size);

  // A lookaside list in the kernel's data, or of a driver or CPU elsewhere; linked to `ring`, a
  // list head.
  Address lookaside(const std::string& tag, std::uint32_t size, Address ring,
                    bool elsewhere = false);
  Address ring(); // a list head in the kernel's data
  void push(Address lookaside, Address block);
  Address pop(Address lookaside);

  // POOL_DESCRIPTOR.ListHeads in the kernel's data, all empty.
  Address pool_heads();
  // A block's data in a pool page: `size` with its header, a multiple of the unit.
  Address block(std::uint32_t size, const std::string& tag, std::uint8_t type = 5);
  // Every page is full: the last one gets blocks up to its end.
  void fill_page();
  // Free, and linked in behind the head of its size's list, or at that list's end.
  void free_block(Address data, bool at_end = false);
  std::uint32_t unit() const;
  std::uint32_t header() const { return o_.at.pointer == 4 ? 8 : 16; }

  // An IRP with one location in use, in a pool block of its own: completion routine, device.
  Address irp(unsigned stack_count, Address completion, Address device = 0);
  std::uint32_t irp_block(unsigned stack_count) const; // bytes of such a block, with its header
  Address device(const std::string& driver_name, Address driver_start);
  // As the request's end leaves it: CurrentLocation beyond the last one.
  void complete(Address irp);

  std::uint32_t heads_apart = 0;  // from a multiple of 16
  bool eight_byte_slists = false; // x64 up to Windows 7 without cmpxchg16b

private:
  void put_block(Address at, std::uint32_t size, const std::string& tag, std::uint8_t type);
  void set_type(Address data, std::uint8_t type);
  void put_list(Address head, Address first, std::uint32_t depth, std::uint32_t sequence);
  bool wide() const { return o_.at.pointer == 8; }

  KernelObjects& o_;
  Address base_, next_data_, heads_ = 0, page_ = 0, next_page_;
  std::uint32_t used_ = 0, before_ = 0;
  std::map<Address, std::pair<Address, std::uint32_t>> lists_; // first, depth
  std::map<Address, std::uint32_t> sizes_;
};

} // namespace dumptriage::synth
