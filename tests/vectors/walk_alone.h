// One walk by the bare unwinder of a CPU.
#pragma once

#include "vectors/layout.h"
#include "vectors/truth.h"

namespace dumptriage::vectors {

// What the snapshot's memory and the image hold.  Both must outlive it.
memory::FlatRanges memory_of(const LaidOut& image, const Snapshot& snapshot);

// Returns how many frames came out right, the innermost counted.
std::size_t walk_alone(const LaidOut& image, const Snapshot& snapshot, Score& score);

} // namespace dumptriage::vectors
