// The caller's frame of 32-bit x86 by following code.
#pragma once

#include "arch/x86_cfa.h"

namespace dumptriage::arch::x86 {

constexpr std::string_view kNoCode = "no code bytes at pc";

// The caller with the proof that it is; otherwise nothing, and `why` says what is missing.
std::optional<Caller> by_code(const UnwindInput& input, std::string& why);

} // namespace dumptriage::arch::x86
