// A recorded Alpha program as if it had run in the upper half of a 32-bit address space, where
// registers hold addresses sign-extended.
#pragma once

#include "vectors/snapshots.h"

namespace dumptriage::vectors {

// Adds 80000000 to every address of the program: those of its pieces, and every register and every
// aligned word of its stacks that holds one.  A number that looks like such an address changes as
// well, but everywhere alike, so that what was saved still equals what was restored.
Program in_upper_half(Program program);
// All of its memory lies in the lower half of 32 bits, so that these two forms of it exist.
bool fits_32_bits(const Program& program);

} // namespace dumptriage::vectors
