// The proved frames from the fault to the code that led to it: what blame and bucket walk along.
#pragma once

#include <string>
#include <vector>

#include "evidence/evidence.h"

namespace dumptriage::evidence {

struct Trail {
  std::vector<const stack::Frame*> frames; // the fault first
  bool interrupted =
      false;        // ended at a frame that was interrupted: it did not call what is above it
  std::string only; // for people: what the frames are, when no module can be blamed
};

// Starts at the frame of the fault (the context, or the frame that the STOP's parameter names),
// else at the stack's first frame.  Goes on over proved frames as long as each called the one above
// it.
Trail find_trail(const Input& input, const stack::Stack& stack);

} // namespace dumptriage::evidence
