// What is looked at before a stranger's YAML reaches the parser.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace dumptriage::rules {

inline constexpr std::size_t kMostRuleBytes = 1 << 20;

// LLVM's parser recurses once for every level of nesting, so the depth is bounded before it runs.
// The bound is on characters that can open a level, wherever they stand (also in text and
// comments): simple, and it cannot be talked out of by quoting tricks.  Also refused: text that is
// not UTF-8, control characters, more than one document.
std::optional<Error> refuse_yaml(const std::string& file, std::string_view text);

} // namespace dumptriage::rules
