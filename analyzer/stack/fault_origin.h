// Where things really went wrong behind a stop, when its parameters do not hand over the CONTEXT:
// the interrupted frame on the stack that KeBugCheckEx ran on, found by unwinding to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "stack/stack.h"

namespace dumptriage::stack {

struct FaultOrigin {
  std::size_t frame = 0; // the interrupted frame in the stack that was walked
  std::string from;      // "trap frame, found by unwinding", for people
};
// Nothing when no sure frame is proved to be the fault: being interrupted is not enough (below a
// DPC lies whatever the CPU was doing), it must be what the stop's parameters name, or the trap of
// a stop that only trap handlers raise.
std::optional<FaultOrigin> find_fault_origin(const Stack& walked, const system::Snapshot& snapshot);

// The KTRAP_FRAME that the stop's parameters point to, when its pc is the address that they name.
// Second best: on x64 such a frame holds only some of the registers, and unwinding finds them all.
std::optional<arch::Registers> trap_frame_of_stop(const system::Snapshot& snapshot);

// 32-bit x86 enters the handler of a double fault by a task switch, which no frame on its stack
// tells: the interrupted registers are in the task state segment that the handler's links back to.
// `sp`: where the stop ran; `kpcr`: of its CPU.  Nothing unless gate, descriptors, segments and sp
// agree.
std::optional<arch::Registers> before_double_fault(const memory::AddressSpace& memory,
                                                   std::uint64_t kpcr, std::uint64_t sp);
bool is_double_fault(const system::Stop& stop); // 0x7F with trap 8

} // namespace dumptriage::stack
