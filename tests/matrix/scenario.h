// What the scenarios share: the parts of a kernel that stand on their stacks, the forms of their
// symbols, the kinds of their dumps.
#pragma once

#include "matrix/matrix.h"
#include "synth/nt_machine.h"

namespace dumptriage::matrix {

using synth::NtFunction;
using synth::NtImage;
using synth::NtMachine;
using synth::NtStack;
using synth::NtSystem;

// Seconds since 1970 of a date at noon UTC.
std::uint32_t day(int year, int month, int day);

// "ntoskrnl.exe" with what all scenarios need of it; `workers` are called by ExpWorkerThread.
NtImage kernel(NtSystem system, std::vector<std::string> workers);
// A driver with the version and link time of its system's files.
NtImage driver(NtSystem system, const std::string& name, std::vector<NtFunction> functions);

// What an analysis is given at this level.
Files symbols(const NtMachine& machine, Level level);
// The frames of these stacks; the first ones ran on CPU 0, 1, ..., the others waited.
std::string truth_of(const NtMachine& machine, const std::vector<const NtStack*>& running,
                     const std::vector<const NtStack*>& waiting = {});
// "full", "summary", "triage" of a finished machine.
synth::Bytes dump_of(NtMachine& machine, const std::string& kind);

} // namespace dumptriage::matrix
