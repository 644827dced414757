// What `judge` and `rules explain` show: the verdicts alone, without the dump's stacks and lists.
// The JSON is `dumptriage.verdicts/1`; its `matches` are those of the dump's report.
#pragma once

#include <string>

#include "report/document.h"

namespace dumptriage::report {

std::string verdicts_json(const Document& document, int indent = 2);
std::string verdicts_text(const Document& document, bool colour);
// One match with its whole explanation tree, nothing folded away.
std::string explained(const MatchRow& match, bool colour);

} // namespace dumptriage::report
