// The entries of the registry and what the CPU files share.  Private to this room.
#pragma once

#include "arch/arch.h"

namespace dumptriage::arch {

extern const Arch kX86;   // x86.cpp
extern const Arch kX64;   // x64.cpp
extern const Arch kArm64; // arm64.cpp
extern const Arch kIa64;  // ia64.cpp
extern const Arch kAlpha; // alpha.cpp
extern const Arch kAlpha64;

// call_x86.cpp
std::optional<bool> call_before_x86(const memory::AddressSpace& memory, std::uint64_t address);
std::optional<bool> call_before_x64(const memory::AddressSpace& memory, std::uint64_t address);
// Length of FF /2 or FF /3 beginning at code[0]; 0 when it is neither, or does not fit.
int indirect_call_length(std::span<const std::uint8_t> code);
// call_target.cpp
std::optional<bool> call_reaches_x86(const memory::AddressSpace& memory, std::uint64_t address,
                                     const Registers& callee);
std::optional<bool> call_reaches_x64(const memory::AddressSpace& memory, std::uint64_t address,
                                     const Registers& callee);
// x86_reach.cpp
std::vector<memory::AddressSpace::Range> reached_code_x86(const memory::AddressSpace& memory,
                                                          std::uint64_t start);
// x86_frame_pointer.cpp
UnwindResult unwind_x86_frame_pointer(const UnwindInput& input);
// x86_frame_data.cpp
UnwindResult unwind_x86_frame_data(const UnwindInput& input);
// x64_unwind.cpp
UnwindResult unwind_x64(const UnwindInput& input);
// arm64_unwind.cpp
UnwindResult unwind_arm64(const UnwindInput& input);
// cfi.cpp
UnwindResult unwind_x86_cfi(const UnwindInput& input);
UnwindResult unwind_x64_cfi(const UnwindInput& input);
UnwindResult unwind_arm64_cfi(const UnwindInput& input);

// trap_frame.cpp
std::optional<Registers> trap_frame_x86(const memory::AddressSpace& memory, std::uint64_t address);
std::optional<Registers> trap_frame_x64(const memory::AddressSpace& memory, std::uint64_t address);
// pages_<cpu>.cpp
memory::Translation translate_x86(const memory::AddressSpace& physical,
                                  const memory::PageTables& tables, std::uint64_t address);
memory::Translation translate_x64(const memory::AddressSpace& physical,
                                  const memory::PageTables& tables, std::uint64_t address);
memory::Translation translate_arm64(const memory::AddressSpace& physical,
                                    const memory::PageTables& tables, std::uint64_t address);
memory::Translation translate_ia64(const memory::AddressSpace& physical,
                                   const memory::PageTables& tables, std::uint64_t address);
memory::Translation translate_alpha(const memory::AddressSpace& physical,
                                    const memory::PageTables& tables, std::uint64_t address);

// Does ContextFlags name this CPU?  Old dumps set further bits beside the type, so only the bit
// counts.
Result<void> check_context(std::string_view cpu, std::uint32_t flags, std::uint32_t type);

// The errors of an unwind step.
std::unexpected<UnwindFailure> method_failed(Code code, std::string what, std::string why,
                                             std::uint64_t address);
std::unexpected<UnwindFailure> stop_here(Code code, std::string what, std::string why,
                                         std::uint64_t address);

} // namespace dumptriage::arch
