// Exceptions by code: which numbers mean what on which system, and what a memory fault's parameters
// say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evidence/evidence.h"

namespace dumptriage::evidence {

enum class Platform { windows, linux_, macos, other };
Platform platform_of(const system::Snapshot& snapshot);

// The code of the exception: of a user dump's exception, or of the one behind a STOP (from its
// record, else from the parameter that the STOP documents for it).
std::optional<std::uint32_t> exception_code(const system::Snapshot& snapshot);

// Does this code mean that an instruction touched memory it must not touch?
bool is_memory_fault(Platform platform, std::uint32_t code);
// Was it raised by a call (RaiseException and the like), so that no instruction is at fault?
bool is_raised_by_software(Platform platform, std::uint32_t code);
// Did the process ask for its own dump, so that nothing crashed?
bool is_requested_dump(Platform platform, std::uint32_t code);

struct ExceptionText {
  std::string_view name;    // "STATUS_ACCESS_VIOLATION", "SIGSEGV", "EXC_BAD_ACCESS"
  std::string_view meaning; // "a few words"
};
// Both empty for codes nobody documented.
ExceptionText describe_exception_code(Platform platform, std::uint32_t code);

// "FAST_FAIL_STACK_COOKIE_CHECK_FAILURE"; empty when unknown.
std::string_view fast_fail_name(std::uint64_t subcode);
// What went wrong, for people; empty when unknown.
std::string_view fast_fail_meaning(std::uint64_t subcode);

// "read", "write", "execute" for ExceptionInformation[0] of a Windows access violation; else empty.
std::string_view access_of_exception(std::uint64_t parameter);

} // namespace dumptriage::evidence
