// The wait graph of a kernel dump.
#pragma once

#include <span>

#include "system/kernel_view.h"
#include "system/snapshot.h"
#include "system/waits.h"

namespace dumptriage::system {

// Every thread that waits, for what, and who holds it; with `held`, also what is held though nobody
// waits for it.  Cycles are found as well.  What could not be followed becomes a note of the view.
void read_kernel_waits(const KernelView& view, std::span<const ThreadState> threads, bool held,
                       Waits& waits);

} // namespace dumptriage::system
