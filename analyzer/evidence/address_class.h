// What kind of address a fault touched.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evidence/evidence.h"

namespace dumptriage::evidence {

// A pattern that an allocator or compiler leaves in memory.
struct Fill {
  std::uint32_t pattern = 0;
  std::string_view address_class; // "freed-fill", "uninitialised-fill", "guard-fill"
  std::string_view meaning;
};
// The fill whose repeats make this address, give or take a field's offset; null when none does.
const Fill* find_fill(arch::Machine machine, std::uint64_t address);

// Can no pointer of this machine have this value?  x64 with 48-bit addresses.
bool is_non_canonical(arch::Machine machine, std::uint64_t address);

// "AAAA" when every byte of the address is a printable character, else empty.
std::string text_in_address(arch::Machine machine, std::uint64_t address);

// Everything the class is judged by.
struct Touched {
  std::uint64_t address = 0;
  std::string_view access;                     // "read", "write", "execute", ""
  std::uint32_t exception_code = 0;            // 0 = none
  std::optional<std::uint64_t> sp;             // at the fault
  std::uint64_t stack_low = 0, stack_high = 0; // as far as known, else 0
  bool at_raised_irql = false; // paging is forbidden: memory may exist and still not be there
};
// One of
//   "null"                exactly 0
//   "null+offset"         below 64 KiB
//   "freed-fill", "uninitialised-fill", "guard-fill"   patterns of allocators and compilers
//   "non-canonical"       no x64 address
//   "guard page"          by the exception's code
//   "stack exhausted"     by the exception's code, or just below the stack with the stack pointer
//   near "unloaded module"     once belonged to a module that is gone "execute of non-code" jumped
//   into a stack or into a module's pages that hold no code "kernel address"      touched by a
//   user-mode program "wild"                none of these
// or "" when the address itself may be a good one (paged out at a raised IRQL).
std::string_view classify_address(const Input& input, const Touched& touched);

} // namespace dumptriage::evidence
