// synth: a kernel dump of many gigabytes as a sparse file.  The pages of a small full dump stay at
// their frames; every other frame of the large machine is a hole.
#pragma once

#include <string>

#include "synth/full_dump.h"

namespace dumptriage::synth {

// `kind`: "full" (type 1, its last run reaches to the end) or "bitmap" (type 5, every frame up to
// the end set that does not lie between the small machine's runs).  Gives what went wrong, or "".
std::string write_giant(const FullDump& dump, const std::string& kind, std::uint64_t gigabytes,
                        const std::string& path);

} // namespace dumptriage::synth
