// A whole dump around a recorded state: the program as a PE image, and a user minidump of it.
#pragma once

#include "synth/cpu_contexts.h"
#include "vectors/layout.h"

namespace dumptriage::vectors {

// The image as it lies in memory: headers, .pdata, .xdata, exports of all functions, and the code
// and data as recorded.
struct PaperImage {
  LaidOut image;
  Bytes memory;
};
// `plabels`: exports of Itanium name pairs {entry, gp}, as Microsoft's linker writes them
// (12_ia64.md section 2 [M]); false: the code itself.
PaperImage paper_image(const Program& program, arch::Machine machine, bool plabels = true);

// Itanium: what RsBSP holds is not settled by a public source ([U]), so both are written.
struct PaperStore {
  synth::RsBsp convention = synth::RsBsp::base;
  // RsBSPSTORE stands behind all that is in memory; false: it is what RsBSP is.
  bool flushed = true;
  // What the backing store holds above the innermost frame: nothing, or what calls that have
  // returned left there (and zeros, to the end of the page).
  const Piece* stale = nullptr;
};
Bytes paper_dump(const PaperImage& image, const Snapshot& snapshot, const PaperStore& store = {});

} // namespace dumptriage::vectors
