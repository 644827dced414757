// Offsets: XP to 10 from the public listings of Microsoft's PDBs, NT 4 from Geoff Chappell's
// studies of KTHREAD and ERESOURCE (its wait blocks and mutants as XP's).
#include "synth/kernel_objects.h"

namespace dumptriage::synth {
namespace {

constexpr std::uint8_t kEvent = 1, kMutant = 2, kSemaphore = 5, kThread = 6;
constexpr std::uint8_t kRunning = 2, kTerminated = 4, kWaiting = 5;

KernelObjectOffsets x86_common() {
  KernelObjectOffsets o{};
  o.pointer = 4;
  o.block_size = 0x18;
  o.block_thread = 8;
  o.block_object = 0xc;
  o.block_next = 0x10;
  o.block_key = 0x14;
  o.block_type = 0x16;
  o.mutant_entry = 0x10;
  o.mutant_owner = 0x18;
  o.fast_owner = 4;
  o.fast_contention = 8;
  o.fast_event = 0xc;
  o.resource_size = 0x38;
  o.owner_table = 8;
  o.active_count = 0xc;
  o.flag = 0xe;
  o.shared_waiters = 0x10;
  o.exclusive_waiters = 0x14;
  o.owners = 0x18;
  o.shared_count = 0x2c;
  o.exclusive_count = 0x2e;
  o.count_bytes = 2;
  o.entry_size = 8;
  o.entry_value = 4;
  o.two_owner_entries = true;
  return o;
}

KernelObjectOffsets x64_common() {
  KernelObjectOffsets o{};
  o.pointer = 8;
  o.block_size = 0x30;
  o.mutant_entry = 0x18;
  o.mutant_owner = 0x28;
  o.fast_owner = 8;
  o.fast_contention = 0x10;
  o.fast_event = 0x18;
  o.resource_size = 0x68;
  o.owner_table = 0x10;
  o.active_count = 0x18;
  o.flag = 0x1a;
  o.shared_waiters = 0x20;
  o.exclusive_waiters = 0x28;
  o.owners = 0x30;
  o.shared_count = 0x48;
  o.exclusive_count = 0x4c;
  o.count_bytes = 4;
  o.entry_size = 0x10;
  o.entry_value = 8;
  return o;
}

KernelObjectOffsets nt4() {
  KernelObjectOffsets o = x86_common();
  o.build = 1381;
  o.thread_size = 0x240;
  o.state = 0x2d;
  o.wait_reason = 0x57;
  o.wait_block_list = 0x58;
  o.wait_block = 0x6c;
  o.mutant_list = 0x10;
  o.initial_stack = 0x18;
  o.stack_limit = 0x1c;
  o.kernel_stack = 0x28;
  o.stack_base = 0x15c;
  o.irp_list = 0x20c;
  return o;
}

KernelObjectOffsets ws2003sp2() {
  KernelObjectOffsets o = x86_common();
  o.build = 3790;
  o.thread_size = 0x250;
  o.state = 0x4c;
  o.wait_reason = 0x5a;
  o.wait_block_list = 0x54;
  o.wait_block = 0xa8;
  o.mutant_list = 0x10;
  o.initial_stack = 0x18;
  o.stack_limit = 0x1c;
  o.kernel_stack = 0x20;
  o.stack_base = 0x158;
  o.irp_list = 0x208;
  return o;
}

KernelObjectOffsets win7() {
  KernelObjectOffsets o = x64_common();
  o.build = 7601;
  o.thread_size = 0x498;
  o.state = 0x164;
  o.wait_reason = 0x26b;
  o.wait_block_list = 0x98;
  o.wait_block = 0x108;
  o.mutant_list = 0x308;
  o.initial_stack = 0x28;
  o.stack_limit = 0x30;
  o.kernel_stack = 0x38;
  o.stack_base = 0x278;
  o.irp_list = 0x3e8;
  o.block_thread = 0x10;
  o.block_object = 0x18;
  o.block_next = 0x20;
  o.block_key = 0x28;
  o.block_type = 0x2a;
  o.entry_shift = 2;
  return o;
}

KernelObjectOffsets win10() {
  KernelObjectOffsets o = x64_common();
  o.build = 19041;
  o.thread_size = 0x898;
  o.state = 0x184;
  o.wait_reason = 0x283;
  o.wait_block_list = 0xd0;
  o.wait_block = 0x140;
  o.mutant_list = 0x308;
  o.initial_stack = 0x28;
  o.stack_limit = 0x30;
  o.kernel_stack = 0x58;
  o.stack_base = 0x38;
  o.irp_list = 0x4b0;
  o.block_thread = 0x18;
  o.block_object = 0x20;
  o.block_key = 0x12;
  o.block_type = 0x10;
  o.entry_shift = 3;
  o.waiters_on_stack = true;
  o.block_array = true;
  return o;
}

} // namespace

const KernelObjectOffsets& kernel_object_offsets(KernelBuild build) {
  static const KernelObjectOffsets kNt4 = nt4(), kWs2003 = ws2003sp2(), kWin7 = win7(),
                                   kWin10 = win10();
  switch (build) {
  case KernelBuild::nt4_x86: return kNt4;
  case KernelBuild::ws2003sp2_x86: return kWs2003;
  case KernelBuild::win7sp1_x64: return kWin7;
  case KernelBuild::win10_19041_x64: return kWin10;
  }
  return kWin10;
}

KernelObjects::KernelObjects(KernelBuild build)
    : at(kernel_object_offsets(build)), next_(at.pointer == 4 ? 0x89000000 : 0xFFFFFA8000100000) {
  resources_ = allocate(0x40);
  list_head(resources_);
}

KernelObjects::Address KernelObjects::allocate(std::uint32_t size) {
  Address address = next_;
  pieces_[address].assign(size, 0);
  next_ += (size + 0x3full) & ~0x1full; // some bytes between two objects are not captured
  return address;
}

void KernelObjects::put(Address address, std::uint64_t value, int size) {
  auto piece = std::prev(pieces_.upper_bound(address));
  for (int i = 0; i < size; ++i)
    piece->second.at(address - piece->first + i) = static_cast<std::uint8_t>(value >> (8 * i));
}

void KernelObjects::put_bytes(Address address, const std::string& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    put(address + i, static_cast<std::uint8_t>(bytes[i]), 1);
}

std::uint64_t KernelObjects::get(Address address, int size) const {
  auto piece = std::prev(pieces_.upper_bound(address));
  std::uint64_t value = 0;
  for (int i = 0; i < size; ++i)
    value |= static_cast<std::uint64_t>(piece->second.at(address - piece->first + i)) << (8 * i);
  return value;
}

void KernelObjects::list_head(Address head) {
  put_pointer(head, head);
  put_pointer(head + at.pointer, head);
}

void KernelObjects::append(Address head, Address entry) {
  Address last = pointer_at(head + at.pointer);
  put_pointer(entry, head);
  put_pointer(entry + at.pointer, last);
  put_pointer(last, entry);
  put_pointer(head + at.pointer, entry);
}

void KernelObjects::header(Address object, std::uint8_t type, std::int32_t signal,
                           std::uint8_t dwords) {
  put(object, type, 1);
  put(object + 2, dwords, 1);
  put(object + 4, static_cast<std::uint32_t>(signal), 4);
  list_head(object + 8);
}

KernelObjects::Address KernelObjects::thread() {
  constexpr std::uint32_t kStack = 0x3000;
  Address stack = allocate(kStack);
  Address thread = allocate(at.thread_size);
  header(thread, kThread, 0, static_cast<std::uint8_t>(at.thread_size / 4));
  put(thread + at.state, kRunning, 1);
  list_head(thread + at.mutant_list);
  list_head(thread + at.irp_list);
  put_pointer(thread + at.stack_limit, stack);
  put_pointer(thread + at.kernel_stack, stack + kStack - 0x800);
  put_pointer(thread + at.initial_stack, stack + kStack - 0x20);
  put_pointer(thread + at.stack_base, stack + kStack);
  return thread;
}

KernelObjects::Address KernelObjects::event(std::uint8_t type) {
  Address object = allocate(8 + 2 * at.pointer);
  header(object, type, 0, static_cast<std::uint8_t>((8 + 2 * at.pointer) / 4));
  return object;
}

KernelObjects::Address KernelObjects::semaphore() {
  Address object = allocate(16 + 2 * at.pointer);
  header(object, kSemaphore, 0, 5);
  put(object + 8 + 2 * at.pointer, 0x7fffffff, 4);
  return object;
}

KernelObjects::Address KernelObjects::mutant() {
  Address object = allocate(at.pointer == 4 ? 0x20 : 0x38);
  header(object, kMutant, 1, 8);
  return object;
}

KernelObjects::Address KernelObjects::fast_mutex() {
  Address object = allocate(at.pointer == 4 ? 0x20 : 0x38);
  put(object, 1, 4);
  header(object + at.fast_event, kEvent, 0, 4);
  return object;
}

KernelObjects::Address KernelObjects::resource() {
  Address object = allocate(at.resource_size);
  append(resources_, object);
  if (at.waiters_on_stack) return object;
  put_pointer(object + at.shared_waiters, semaphore());
  put_pointer(object + at.exclusive_waiters, event());
  return object;
}

// Slot 0 tells how many slots there are.
KernelObjects::Address KernelObjects::table_of(Address resource) {
  constexpr std::uint32_t kSlots = 8;
  Address table = pointer_at(resource + at.owner_table);
  if (table != 0) return table;
  table = allocate(kSlots * at.entry_size);
  put(table + at.entry_value, kSlots, 4);
  put_pointer(resource + at.owner_table, table);
  return table;
}

void KernelObjects::own(Address resource, Address thread, bool exclusive, std::uint32_t count) {
  std::uint32_t value = count << at.entry_shift | (at.entry_shift != 0 ? 1 : 0);
  put(resource + at.active_count, get(resource + at.active_count, 2) + 1, 2);
  Address entry = resource + at.owners;
  if (exclusive) put(resource + at.flag, 0x80, 2);
  if (!exclusive && at.two_owner_entries) entry += at.entry_size;
  if (!exclusive && pointer_at(entry) != 0) {
    entry = table_of(resource) + at.entry_size;
    while (pointer_at(entry) != 0) entry += at.entry_size;
  }
  put_pointer(entry, thread);
  put(entry + at.entry_value, value, 4);
}

void KernelObjects::own_mutant(Address mutant, Address thread, int depth) {
  put(mutant + 4, static_cast<std::uint32_t>(1 - depth), 4);
  put_pointer(mutant + at.mutant_owner, thread);
  append(thread + at.mutant_list, mutant + at.mutant_entry);
}

void KernelObjects::own_fast(Address mutex, Address thread) {
  put(mutex, 0, 4);
  put_pointer(mutex + at.fast_owner, thread);
}

void KernelObjects::wait(Address thread, const std::vector<Address>& objects, std::uint8_t reason,
                         bool all, bool timeout) {
  put(thread + at.state, kWaiting, 1);
  put(thread + at.wait_reason, reason, 1);
  Address first = thread + at.wait_block, timer_block = first + 3 * at.block_size;
  put_pointer(thread + at.wait_block_list, first);
  auto fill = [&](Address block, Address object, std::uint16_t key) {
    put_pointer(block + at.block_thread, thread);
    put_pointer(block + at.block_object, object);
    put(block + at.block_key, key, 2);
    put(block + at.block_type, all ? 0 : 1, 1);
    append(object + 8, block);
  };
  std::vector<Address> blocks;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    blocks.push_back(first + i * at.block_size);
    fill(blocks.back(), objects[i], static_cast<std::uint16_t>(i));
  }
  if (timeout) {
    Address timer = event(8); // the header of a timer is what counts here
    fill(timer_block, timer, 0x102);
    if (!at.block_array) blocks.push_back(timer_block);
  }
  if (at.block_array) return;
  for (std::size_t i = 0; i < blocks.size(); ++i)
    put_pointer(blocks[i] + at.block_next, blocks[(i + 1) % blocks.size()]);
}

void KernelObjects::wait_resource(Address thread, Address resource, bool exclusive) {
  constexpr std::uint8_t kExecutive = 0, kWrResource = 27;
  std::uint32_t waiters = exclusive ? at.exclusive_waiters : at.shared_waiters;
  std::uint32_t count = exclusive ? at.exclusive_count : at.shared_count;
  put(resource + count, get(resource + count, at.count_bytes) + 1, at.count_bytes);
  push(thread, resource);
  if (!at.waiters_on_stack) {
    wait(thread, {pointer_at(resource + waiters)}, at.build >= 6000 ? kWrResource : kExecutive,
         false, true);
    return;
  }
  // The waiter's node: link, then an event that the thread waits on.
  Address node = pointer_at(thread + at.kernel_stack) + 0x200;
  header(node + 0x10, kEvent, 0, 6);
  put_pointer(node, pointer_at(resource + waiters));
  put_pointer(resource + waiters, node);
  wait(thread, {node + 0x10}, kWrResource, false, true);
}

void KernelObjects::wait_fast(Address thread, Address mutex) {
  constexpr std::uint8_t kExecutive = 0, kWrFastMutex = 34;
  bool bits = at.build >= 7600;
  std::uint64_t count = get(mutex, 4);
  put(mutex, bits ? count + 4 : count - 1, 4);
  put(mutex + at.fast_contention, get(mutex + at.fast_contention, 4) + 1, 4);
  wait(thread, {mutex + at.fast_event}, at.build >= 6000 ? kWrFastMutex : kExecutive);
}

void KernelObjects::exit(Address thread) {
  put(thread + at.state, kTerminated, 1);
  put(thread + 4, 1, 4);
}

void KernelObjects::push(Address thread, std::uint64_t word) {
  std::uint64_t& count = pushed_[thread];
  put_pointer(pointer_at(thread + at.kernel_stack) + 0x40 + count * at.pointer, word);
  ++count;
}

} // namespace dumptriage::synth
