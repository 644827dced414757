// The sources of a snapshot: one function per format, one file each; take_snapshot() picks.
#pragma once

#include "dump/dump.h"
#include "system/snapshot.h"

namespace dumptriage::system {

Snapshot from_minidump(const dump::Dump& dump); // dump.minidump is not null
// dump.kernel is not null
Snapshot from_kernel(const dump::Dump& dump, std::shared_ptr<const symbols::PdbTypes> kernel_types);

} // namespace dumptriage::system
