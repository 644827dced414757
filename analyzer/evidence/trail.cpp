#include "evidence/trail.h"

#include <algorithm>

#include "evidence/extractors.h"
#include "evidence/fault_scene.h"

namespace dumptriage::evidence {

namespace {

std::optional<std::size_t> frame_of_fault(const Input& input, const stack::Stack& stack,
                                          std::size_t sure) {
  const auto scene = find_fault_scene(input);
  if (!scene) return std::nullopt;
  for (std::size_t i = 0; i < sure; ++i) {
    if (stack.frames[i].exact_pc && stack.frames[i].pc == scene->ip) return i;
  }
  return std::nullopt;
}

} // namespace

Trail find_trail(const Input& input, const stack::Stack& stack) {
  Trail trail;
  const std::size_t sure = std::min(stack.sure_frames, stack.frames.size());
  const auto fault = frame_of_fault(input, stack, sure);
  // Without a fault in sight a stop ends in the kernel's own code, reached through at most one
  // trap: the fault's, or the interrupt's that found the hang.  What the trap interrupted is at
  // fault.
  std::size_t traps_left = fault || !input.snapshot.kernel ? 0 : 1;
  const std::size_t first = fault.value_or(0);
  for (std::size_t i = first; i < sure; ++i) {
    const stack::Frame& frame = stack.frames[i];
    if (i > first && frame.exact_pc) {
      if (traps_left == 0) {
        trail.interrupted = true;
        break;
      }
      --traps_left;
    }
    trail.frames.push_back(&frame);
  }
  return trail;
}

} // namespace dumptriage::evidence
