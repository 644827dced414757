// Critical sections that threads of a user dump wait for, and who owns them.
#pragma once

#include "system/snapshot.h"

namespace dumptriage::system {

// Into snapshot.waits.  Starts at the threads that sleep in the system and takes what their
// registers and stacks point at.  Nothing is added that is not proved a locked critical section
// with waiters; cycles are found.
void read_critical_sections(Snapshot& snapshot);

} // namespace dumptriage::system
