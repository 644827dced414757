// synth: the triage dump that a machine, known from its full dump, would have written.
// Like a real one it keeps the header's CONTEXT, KPRCB, EPROCESS, ETHREAD, the call stack up to its
// base, the driver and unloaded lists, a copy of the debugger data, and as data blocks what the
// registers and stacks point at and every CPU's KPRCB, CONTEXT and stack slice.
#pragma once

#include "synth/full_dump.h"
#include "synth/triage_writer.h"

namespace dumptriage::synth {

// What cannot be found in the machine is left out.
TriageDescription describe_triage(const FullDump& dump);
Bytes triage_dump(const FullDump& dump);

} // namespace dumptriage::synth
