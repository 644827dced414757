// Functions in which stacks begin: where the sure part ends in one of them, near the top of the
// stack, nothing is missing.
#pragma once

#include <optional>
#include <string>

#include "stack/stack.h"

namespace dumptriage::stack {

struct ThreadStart {
  bool outermost = false; // no frame lies above it; else the system calls it from another one
  std::string name;       // "ntdll!RtlUserThreadStart", for people
};
// By the function's exact name, in the module that it belongs to; a name that merely lies nearest
// does not count.
std::optional<ThreadStart> thread_start(const Frame& frame, symbols::ModuleSet& modules);

} // namespace dumptriage::stack
