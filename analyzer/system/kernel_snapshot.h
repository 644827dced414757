// Inside of from_kernel: what its files share.  Not for other rooms.
#pragma once

#include <optional>
#include <string>

#include "dump/dump.h"
#include "system/snapshot.h"

namespace dumptriage::system {

// Offsets that no KDDEBUGGER_DATA64 field gives directly; nothing when no public source settles
// them.
struct KernelOffsets {
  std::optional<std::uint32_t> process_id, image_name;  // in EPROCESS
  std::optional<std::uint32_t> client_id;               // in ETHREAD
  std::optional<std::uint32_t> stack_limit, stack_base; // in KTHREAD
};
KernelOffsets kernel_offsets(std::uint32_t build, arch::Machine machine,
                             const dump::DebuggerData& kdbg);

// Fills stop from the header and from the records that the bugcheck's parameters point to.
void read_stop(const dump::Dump& dump, Snapshot& snapshot);
// Fills processes, cpus and threads.
void read_cpus(const dump::Dump& dump, Snapshot& snapshot);

// A CONTEXT as registers; nothing when the CPU is not known or the bytes are no CONTEXT.
std::optional<arch::Registers> registers_of(arch::Machine machine, ByteView context);

} // namespace dumptriage::system
