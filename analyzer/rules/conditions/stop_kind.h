// Stops that somebody asked for: the machine hung, and the dump was forced to see why.
#pragma once

#include <cstdint>

namespace dumptriage::rules {

// MANUALLY_INITIATED_CRASH (keyboard, NMI tools), and the code of a crash forced by a debugger.
inline bool is_forced_stop(std::uint64_t code) { return code == 0xE2 || code == 0xDEADDEAD; }

} // namespace dumptriage::rules
