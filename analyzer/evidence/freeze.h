// Facts as a file, `dumptriage.facts/1`: rules run on them later without the dump, with the same
// verdicts byte for byte.  Reading back is strict and safe on a stranger's file: unknown kinds and
// fields are left out (an older or newer version wrote them) and counted, wrong types are errors.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "evidence/facts.h"

namespace dumptriage::evidence {

inline constexpr std::string_view kFactsSchema = "dumptriage.facts/1";

struct FrozenFacts {
  // Of the dump, for whoever shows verdicts later; not judged.
  std::string path, dump_id, tool_version;
  int pointer_size = 8;
  FactSet facts;
  std::uint64_t unknown = 0; // kinds and fields that this version does not know
};

std::string freeze(const FrozenFacts& frozen); // one line of JSON, no newline at its end
Result<FrozenFacts> thaw(const std::string& name, std::string_view text);

} // namespace dumptriage::evidence
