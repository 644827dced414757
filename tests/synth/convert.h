// synth: any kind of kernel dump from a full one, by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "synth/full_dump.h"

namespace dumptriage::synth {

// "full", "summary", "bitmap-full", "bitmap", "rdmp-8", "rdmp-9", "rdmp-a", "live", "triage",
// "header", "nt4" (32-bit).  Kinds that choose pages take "-kernel" behind the name, for pages of
// the kernel half, or "-small" for those of them that are not all zero; without it all pages.
// Nothing when there is no such kind or this machine cannot have it.
std::optional<Bytes> convert(const FullDump& dump, const std::string& kind);
// The kinds that this machine can have, without the page choices.
std::vector<std::string> kinds_of(const FullDump& dump);

} // namespace dumptriage::synth
