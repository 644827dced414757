// What conditions on frames share: in words, and how far a frame and its name can be trusted.
#pragma once

#include <optional>
#include <string>

#include "evidence/facts.h"

namespace dumptriage::rules {

// Why the place of a frame is no proof (found by a scan, unwound with a file that merely lay beside
// the dump); nothing when it is proved.
std::optional<std::string> doubt_about_place(const evidence::Fact& frame);
// The same of its name: place, then no exact match of the symbol file, a far public, a file beside.
std::optional<std::string> doubt_about_name(const evidence::Fact& frame);

std::string frame_module(const evidence::Fact& frame);   // "" when not known
std::string frame_function(const evidence::Fact& frame); // "" when not known
// "netbt!NbtCopyToStartOfIndicate+0x1C"
std::string frame_in_words(const evidence::Fact& frame);
// "(unwind_data, pdb_public)"
std::string frame_sources(const evidence::Fact& frame);
// "on CPU 1", "on the crashing thread", "on thread 2A8"
std::string frame_stack(const evidence::Fact& frame);

} // namespace dumptriage::rules
