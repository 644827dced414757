// Cycles of the wait graph: who waits for each other will wait for ever.
#pragma once

#include "system/waits.h"

namespace dumptriage::system {

// Fills waits.cycles.  A cycle goes along waits that only its object can end, and along owners that
// are certain; one for every thread that stands in any, shortest first by its smallest thread.
void find_cycles(Waits& waits);

// Threads by number ("9" before "10"), then by text.
bool smaller_thread(const WaitNode& a, const WaitNode& b);

} // namespace dumptriage::system
