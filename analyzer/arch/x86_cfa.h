// From what following the code of a function tells, and the registers there are now, to where the
// function's return address lies and what its caller's registers were.
#pragma once

#include "arch/x86_follow.h"

namespace dumptriage::arch::x86 {

struct Entry {
  std::uint32_t slot = 0; // of the return address
  bool by_chain = false;  // it lies above the caller's ebp, where ebp points
  Registers registers;    // of the caller, the preserved ones
  memory::Origin origin = memory::Origin::dump;
};

// Bytes of parameters that the function which the call at `call` goes to takes off the stack, when
// somebody knows.  `target` is its address, the place of a pointer to it, or unknown.
using AskPops = std::function<std::optional<std::uint32_t>(std::uint32_t call, Value target)>;

enum class Reached {
  yes,
  no,       // no path leads there
  conflict, // registers are not what the code leaves in them
  unclear,  // reached, but the entry's stack pointer cannot be told
};
struct Placed {
  Reached reached = Reached::no;
  Entry entry;
  std::string why; // of `conflict` and `unclear`
};

// The frame at the pc of `input`, in the function that `followed` begins at the entry of.
Placed place_entry(const UnwindInput& input, Followed& followed, const AskPops& ask);

// Does everybody who is called there take off the stack what was worked out?  Then it is also what
// brings every way out back to the entry's stack.
bool confirm_calls(Followed& followed, const AskPops& ask);

} // namespace dumptriage::arch::x86
