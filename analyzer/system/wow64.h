// The 32-bit side of the threads of a 32-bit process, in a user minidump that 64-bit code wrote.
#pragma once

#include "dump/dump.h"
#include "system/snapshot.h"

namespace dumptriage::system {

// Fills ThreadState::wow64 of the snapshot's threads, where memory proves it.  After modules and
// threads were taken.  Does nothing for other processes.
void read_wow64(const dump::Minidump& minidump, Snapshot& snapshot);

} // namespace dumptriage::system
