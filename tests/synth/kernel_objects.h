// Threads and locks of a Windows kernel, laid into a flat memory by hand: each build's published
// offsets, one table.  Written without a look at the analyzer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dumptriage::synth {

enum class KernelBuild { nt4_x86, ws2003sp2_x86, win7sp1_x64, win10_19041_x64 };

struct KernelObjectOffsets {
  std::uint32_t build = 0;
  int pointer = 4;
  // KTHREAD
  std::uint32_t thread_size, state, wait_reason, wait_block_list, wait_block, mutant_list;
  std::uint32_t initial_stack, stack_limit, kernel_stack, stack_base;
  // ETHREAD, IRP lists
  std::uint32_t irp_list;
  // KWAIT_BLOCK
  std::uint32_t block_size, block_thread, block_object, block_key, block_type, block_next;
  // KMUTANT
  std::uint32_t mutant_entry, mutant_owner;
  // FAST_MUTEX
  std::uint32_t fast_owner, fast_contention, fast_event;
  // ERESOURCE
  std::uint32_t resource_size, owner_table, active_count, flag, shared_waiters, exclusive_waiters,
      owners, shared_count, exclusive_count, count_bytes, entry_size, entry_value, entry_shift;
  bool two_owner_entries, waiters_on_stack, block_array;
};
const KernelObjectOffsets& kernel_object_offsets(KernelBuild build);

class KernelObjects {
public:
  using Address = std::uint64_t;
  explicit KernelObjects(KernelBuild build);
  const KernelObjectOffsets& at;

  Address allocate(std::uint32_t size);
  void place(Address address, std::uint32_t size) { pieces_[address].assign(size, 0); }
  // Only the first bytes of the piece at `address` are captured.
  void cut(Address address, std::uint32_t size) { pieces_.at(address).resize(size); }
  void put(Address address, std::uint64_t value, int size);
  void put_pointer(Address address, std::uint64_t value) { put(address, value, at.pointer); }
  void put_bytes(Address address, const std::string& bytes);
  std::uint64_t get(Address address, int size) const;
  std::uint64_t pointer_at(Address address) const { return get(address, at.pointer); }
  // Pieces of memory, for whoever makes an address space of them.
  const std::map<Address, std::vector<std::uint8_t>>& pieces() const { return pieces_; }

  Address thread(); // running, with a stack of its own
  Address event(std::uint8_t type = 1);
  Address semaphore();
  Address mutant();
  Address fast_mutex();
  Address resource(); // linked into the system's list
  Address resource_list() const { return resources_; }

  void own(Address resource, Address thread, bool exclusive, std::uint32_t count = 1);
  void own_mutant(Address mutant, Address thread, int depth = 1);
  void own_fast(Address mutex, Address thread);
  // The thread waits for these dispatcher objects.
  void wait(Address thread, const std::vector<Address>& objects, std::uint8_t reason,
            bool all = false, bool timeout = false);
  void wait_resource(Address thread, Address resource, bool exclusive);
  void wait_fast(Address thread, Address mutex);
  void exit(Address thread);
  // A word on what the thread had pushed before it began to wait.
  void push(Address thread, std::uint64_t word);

  void list_head(Address head);
  void append(Address head, Address entry);
  void header(Address object, std::uint8_t type, std::int32_t signal, std::uint8_t dwords);

private:
  Address table_of(Address resource);
  std::map<Address, std::vector<std::uint8_t>> pieces_;
  std::map<Address, std::uint64_t> pushed_;
  Address next_, resources_;
};

} // namespace dumptriage::synth
