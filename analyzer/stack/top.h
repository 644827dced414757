// What the top of a stack and the origin of a fault both ask about a frame.
#pragma once

#include "stack/stack.h"

namespace dumptriage::stack {

// Does the frame lie in the kernel image or the HAL, by their names?
bool is_kernel_or_hal(const Frame& frame);

} // namespace dumptriage::stack
