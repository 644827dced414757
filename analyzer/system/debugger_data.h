// The kernel's debugger data (KDDEBUGGER_DATA64, "KDBG") of a dump: where it is, and whether it is
// this kernel's.
#pragma once

#include <memory>

#include "dump/dump.h"
#include "memory/address_space.h"

namespace dumptriage::system {

// Where it may be, in this order: the copy of a triage dump; the address of the header; the version
// block of the first CPU's KPCR (x86); the data sections of the kernel image in memory.  One that
// names another module list than the header is not used.  !valid() when there is none, with a note
// for kernels that should have one.
dump::DebuggerData find_debugger_data(const dump::Dump& dump,
                                      const std::shared_ptr<const memory::AddressSpace>& memory,
                                      Notes& notes);

} // namespace dumptriage::system
