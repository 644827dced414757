// What is looked at before a stranger's YAML reaches a parser.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace dumptriage::rules {

inline constexpr std::size_t kMostRuleBytes = 1 << 20;

// Refused for every reader: too many bytes, text that is not UTF-8, control characters.
std::optional<Error> refuse_text(const std::string& file, std::string_view text);

// LLVM's parser recurses once for every level of nesting, so the depth is bounded before it runs.
// The bound is on characters that can open a level, wherever they stand (also in text and
// comments): simple, and it cannot be talked out of by quoting tricks.  Also refused: more than one
// document.
std::optional<Error> refuse_nesting(const std::string& file, std::string_view text);

} // namespace dumptriage::rules
