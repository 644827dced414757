#include "synth/free_memory.h"

#include <algorithm>

#include "synth/pe_writer.h"

namespace dumptriage::synth {
namespace {

constexpr std::uint32_t kPage = 0x1000;

struct LookasidePlaces {
  std::uint32_t depth, type, tag, size, allocate, free, entry, bytes;
};
constexpr LookasidePlaces kNarrow = {0x8, 0x1c, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x48};
constexpr LookasidePlaces kWide = {0x10, 0x24, 0x28, 0x2c, 0x30, 0x38, 0x40, 0x60};

struct IrpPlaces {
  std::uint32_t size, location, thread_list, stack_count, current, pointer, device, completion,
      driver_start, driver_name;
};
constexpr IrpPlaces kIrpNarrow = {0x70, 0x24, 0x10, 0x22, 0x23, 0x60, 0x14, 0x1c, 0xc, 0x1c};
constexpr IrpPlaces kIrpWide = {0xd0, 0x48, 0x20, 0x42, 0x43, 0xb8, 0x28, 0x38, 0x18, 0x38};

} // namespace

FreeMemory::FreeMemory(KernelObjects& objects)
    : o_(objects), base_(wide() ? 0xFFFFF80001000000 : 0x80100000),
      next_data_(base_ + kDataRva + 0x20), next_page_(wide() ? 0xFFFFFA8000800000 : 0x81000000) {
  PeWriter image(wide());
  image.base = base_;
  image.section(".text", 0x1000, Bytes(0x1000, 0xcc), kCodeSection);
  image.section(".data", kDataRva, Bytes(kDataSize, 0), kDataSection);
  Bytes memory = image.memory();
  o_.place(base_, kKernelSize);
  for (std::size_t i = 0; i < memory.size() && i < kKernelSize; ++i)
    if (memory[i] != 0) o_.put(base_ + i, memory[i], 1);
}

FreeMemory::Address FreeMemory::data(std::uint32_t size) {
  Address at = (next_data_ + 15) & ~Address{15};
  next_data_ = at + size;
  return at;
}

FreeMemory::Address FreeMemory::ring() {
  Address head = data(2 * o_.at.pointer);
  o_.list_head(head);
  return head;
}

FreeMemory::Address FreeMemory::lookaside(const std::string& tag, std::uint32_t size, Address ring,
                                          bool elsewhere) {
  const LookasidePlaces& p = wide() ? kWide : kNarrow;
  Address list = elsewhere ? (o_.allocate(p.bytes + 16) + 15) & ~Address{15} : data(p.bytes);
  put_list(list, 0, 0, 0);
  o_.put(list + p.depth, 4, 2);
  o_.put(list + p.depth + 2, 256, 2);
  o_.put(list + p.type, 0, 4);
  o_.put_bytes(list + p.tag, tag);
  o_.put(list + p.size, size, 4);
  o_.put_pointer(list + p.allocate, code(0x100));
  o_.put_pointer(list + p.free, code(0x200));
  o_.append(ring, list + p.entry);
  return list;
}

void FreeMemory::put_list(Address head, Address first, std::uint32_t depth,
                          std::uint32_t sequence) {
  if (!wide()) {
    o_.put_pointer(head, first);
    o_.put(head + 4, depth | sequence << 16, 4);
  } else if (eight_byte_slists) {
    std::uint64_t link = first >> 4 & ((std::uint64_t{1} << 39) - 1);
    o_.put(head, depth | std::uint64_t{sequence} << 16 | link << 25, 8);
    o_.put(head + 8, std::uint64_t{7} << 61, 8); // kernel addresses begin with three ones
  } else {
    o_.put(head, depth | std::uint64_t{sequence} << 16, 8);
    o_.put(head + 8, first | (o_.at.build < 9200 ? 1 : 0), 8);
  }
  lists_[head] = {first, depth};
}

void FreeMemory::push(Address lookaside, Address block) {
  auto [first, depth] = lists_.at(lookaside);
  o_.put_pointer(block, first);
  put_list(lookaside, block, depth + 1, (depth + 1) & 0xff);
}

FreeMemory::Address FreeMemory::pop(Address lookaside) {
  auto [first, depth] = lists_.at(lookaside);
  put_list(lookaside, o_.pointer_at(first), depth - 1, 7);
  return first;
}

std::uint32_t FreeMemory::unit() const { return wide() ? 16 : o_.at.build < 2600 ? 32 : 8; }

FreeMemory::Address FreeMemory::pool_heads() {
  const std::uint32_t entry = 2 * o_.at.pointer;
  const std::uint32_t count = kPage / (o_.at.build < 2600 ? 32 : entry);
  heads_ = data(count * entry + 2 * o_.at.pointer) + heads_apart;
  for (std::uint32_t i = 0; i < count; ++i) o_.list_head(heads_ + i * entry);
  return heads_;
}

void FreeMemory::put_block(Address at, std::uint32_t size, const std::string& tag,
                           std::uint8_t type) {
  if (wide()) {
    o_.put(at, before_ / unit(), 1);
    o_.put(at + 2, size / unit(), 1);
  } else if (unit() == 32) {
    o_.put(at, before_ / unit(), 1);
    o_.put(at + 3, size / unit(), 1);
  } else {
    o_.put(at, before_ / unit(), 2);
    o_.put(at + 2, size / unit(), 2);
  }
  o_.put_bytes(at + 4, tag);
  sizes_[at + header()] = size;
  set_type(at + header(), type);
  before_ = size;
  used_ += size;
}

void FreeMemory::set_type(Address data, std::uint8_t type) {
  Address at = data - header();
  if (wide())
    o_.put(at + 3, type, 1);
  else if (unit() == 32)
    o_.put(at + 2, type, 1);
  else
    o_.put(at + 2, sizes_.at(data) / unit() | type << 9, 2);
}

FreeMemory::Address FreeMemory::block(std::uint32_t size, const std::string& tag,
                                      std::uint8_t type) {
  if (page_ == 0 || used_ + size > kPage) {
    fill_page();
    page_ = next_page_;
    next_page_ += 2 * kPage;
    o_.place(page_, kPage);
    used_ = before_ = 0;
  }
  Address at = page_ + used_;
  // From Vista on 2 says "in use", and odd is paged.
  put_block(at, size, tag, o_.at.build >= 6000 && type != 0 ? 2 : type);
  return at + header();
}

void FreeMemory::fill_page() {
  if (page_ == 0) return;
  const std::uint8_t type = o_.at.build >= 6000 ? 2 : 1;
  while (used_ < kPage) put_block(page_ + used_, std::min(kPage - used_, 0x800u), "Fill", type);
}

void FreeMemory::free_block(Address data, bool at_end) {
  const std::uint32_t entry = 2 * o_.at.pointer;
  Address head = heads_ + (sizes_.at(data) / unit() - 1) * entry;
  set_type(data, 0);
  if (at_end) return o_.append(head, data);
  Address first = o_.pointer_at(head);
  o_.put_pointer(data, first);
  o_.put_pointer(data + o_.at.pointer, head);
  o_.put_pointer(first + o_.at.pointer, data);
  o_.put_pointer(head, data);
}

std::uint32_t FreeMemory::irp_block(unsigned stack_count) const {
  const IrpPlaces& p = wide() ? kIrpWide : kIrpNarrow;
  std::uint32_t size = header() + p.size + stack_count * p.location;
  return (size + unit() - 1) / unit() * unit();
}

FreeMemory::Address FreeMemory::irp(unsigned stack_count, Address completion, Address device) {
  const IrpPlaces& p = wide() ? kIrpWide : kIrpNarrow;
  Address irp = block(irp_block(stack_count), "Irp ");
  o_.put(irp, 6, 2);
  o_.put(irp + 2, p.size + stack_count * p.location, 2);
  o_.list_head(irp + p.thread_list);
  o_.put(irp + p.stack_count, stack_count, 1);
  o_.put(irp + p.current, stack_count, 1);
  Address location = irp + p.size + (stack_count - 1) * p.location;
  o_.put_pointer(irp + p.pointer, location);
  o_.put(location, 0x11, 1); // IRP_MJ_LOCK_CONTROL
  o_.put_pointer(location + p.device, device);
  o_.put_pointer(location + p.completion, completion);
  return irp;
}

FreeMemory::Address FreeMemory::device(const std::string& driver_name, Address driver_start) {
  const IrpPlaces& p = wide() ? kIrpWide : kIrpNarrow;
  Address driver = o_.allocate(wide() ? 0x150 : 0xa8), device = o_.allocate(wide() ? 0x150 : 0xb8);
  Address text = o_.allocate(static_cast<std::uint32_t>(2 * driver_name.size()));
  for (std::size_t i = 0; i < driver_name.size(); ++i) o_.put(text + 2 * i, driver_name[i], 2);
  o_.put(driver, 4, 2);
  o_.put_pointer(driver + p.driver_start, driver_start);
  o_.put(driver + p.driver_name, 2 * driver_name.size(), 2);
  o_.put(driver + p.driver_name + 2, 2 * driver_name.size(), 2);
  o_.put_pointer(driver + p.driver_name + o_.at.pointer, text);
  o_.put(device, 3, 2);
  o_.put_pointer(device + 8, driver);
  return device;
}

void FreeMemory::complete(Address irp) {
  const IrpPlaces& p = wide() ? kIrpWide : kIrpNarrow;
  auto count = static_cast<unsigned>(o_.get(irp + p.stack_count, 1));
  o_.put(irp + p.current, count + 2, 1);
  o_.put_pointer(irp + p.pointer, irp + p.size + (count + 1) * p.location);
}

} // namespace dumptriage::synth
