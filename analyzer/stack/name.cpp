#include "stack/stack.h"

namespace dumptriage::stack {

// A return address is looked up one byte before itself, so that a call at the very end of a
// function gets the name and the line of the call; the offset then counts to the return address
// again.
void name_frames(Stack& stack, symbols::ModuleSet& modules) {
  for (Frame& frame : stack.frames) {
    if (!frame.module) continue;
    const std::uint64_t address = frame.lookup();
    frame.symbol = modules.name(address);
    if (frame.symbol) frame.symbol->symbol.offset += static_cast<std::uint32_t>(frame.pc - address);
  }
}

} // namespace dumptriage::stack
