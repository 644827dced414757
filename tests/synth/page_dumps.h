// synth: the kinds of kernel dumps that hold pages, and header-only ones, made from a full dump and
// a choice of its frames.
#pragma once

#include <string>
#include <vector>

#include "synth/full_dump.h"

namespace dumptriage::synth {

using Frames = std::vector<std::uint64_t>; // ascending

// Frames without those that hold only zeros.
Frames without_zero_pages(const FullDump& dump, const Frames& frames);

// DumpType 1.  Neighbouring frames become one run; where that makes more runs than the header
// holds, the smallest gaps are filled.
Bytes full_dump(const FullDump& dump, const Frames& frames);
// DumpType 2: "SDMP" and an RTL_BITMAP; HeaderSize is the first page's file offset.
Bytes summary_dump(const FullDump& dump, const Frames& frames);
// DumpType 5 ("FDMP") or 6 ("SDMP"): 64-bit fields; FirstPage right behind the bitmap, not aligned.
Bytes bitmap_dump(const FullDump& dump, const Frames& frames, std::uint32_t type);
// DumpType 6 of a machine that went on: LIVE_SYSTEM_DUMP and the attribute bit.
Bytes live_dump(const FullDump& dump, const Frames& frames);
// DumpType 8, 9 or 0xA: runs of frames; 64-bit only.
Bytes rdmp_dump(const FullDump& dump, const Frames& frames, std::uint32_t type);
// DumpType 3: nothing behind the header.
Bytes header_only(const FullDump& dump);
// A 32-bit full dump as NT 4 leaves it: nothing that later versions added to the header.
Bytes nt4_dump(const FullDump& dump, const Frames& frames);

} // namespace dumptriage::synth
