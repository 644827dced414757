// Free memory of the kernel that contradicts itself: lists of free pool blocks and lookaside lists
// on which one block stands twice, that run in a circle, or that hold a block still in use.  What a
// second free leaves behind; the blocks that are IRPs are named, because a request freed twice is
// told by them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "system/irps.h"

namespace dumptriage::system {

class KernelView;
struct Snapshot;

struct Damage {
  std::string what; // "pool_freelist", "irp_lookaside", "lookaside"
  std::string how;  // "doubled", "looped", "broken_link", "allocated_entry"
  std::uint64_t list = 0, entry = 0;
  std::string tag, block_type; // block_type "IRP": an IRP's header stands in it, or its tag says so
  std::string trust;           // "read", "self_checked"
  std::string why;             // for people
};

struct FreeLists {
  std::vector<Damage> damage;
  std::vector<std::uint64_t> free_irps; // blocks on lists of free memory that hold an IRP
  std::uint64_t seen = 0;               // lists read to their end
  bool complete = false;                // every list that this kernel has was read
  std::string missing;                  // why not
};
// The lookaside lists and the nonpaged pool's lists, wherever KDBG or the dump's own data lead to
// them; and IRPs that the stop or the running threads' stacks name and that lie on such lists.
FreeLists read_free_lists(const KernelView& view, const Snapshot& snapshot);

// IRPs that no thread's list leads to: those on damaged lists, and those that the stop's parameters
// and the stacks of the threads on the CPUs point to.  Each once, in that order.
std::vector<Irp> irps_by_evidence(const KernelView& view, const Snapshot& snapshot,
                                  const FreeLists& lists);

// Marks of one IRP beside what read_irp() tells: freed (on a list of free memory, or in a free pool
// block), and twice (on such lists more than once, or the stop says that it was completed or freed
// when it had been already).
struct IrpState {
  bool freed = false, twice = false;
  std::string where; // "twice on the lookaside list of small IRPs"
};
IrpState state_of(const KernelView& view, const Irp& irp, const FreeLists& lists);

} // namespace dumptriage::system
