// How much the program has on the heap; a limit ends the process.  Under a sanitizer, which brings
// its own allocator, nothing is counted and the limit is left to the sanitizer's options.
#pragma once

#include <cstdint>

namespace dumptriage::torture {

// From now on more than `bytes` beyond what is in use now ends the process with `exit_code`.
void heap_limit(std::uint64_t bytes, int exit_code);
// The most that was in use since heap_limit(), beyond what was in use then.
std::uint64_t heap_peak();

} // namespace dumptriage::torture
