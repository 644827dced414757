// Private to this room: what x86_frame_pointer.cpp asks before it follows the chain.
#pragma once

#include "arch/tables.h"

namespace dumptriage::arch {

// The interrupted frame, when ebp points at a KTRAP_FRAME of the kernel.
std::optional<Caller> by_trap_frame_x86(const UnwindInput& input, std::uint32_t pc,
                                        std::uint32_t esp, std::uint32_t ebp);

} // namespace dumptriage::arch
