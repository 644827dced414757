// Advice follows the verdict: only a confirmed rule says "install".
#pragma once

#include <string>
#include <vector>

#include "rules/rules.h"

namespace dumptriage::rules {

// `limits`: why the verdict is not higher.
std::vector<std::string> advise(const Match& match, const std::vector<std::string>& limits,
                                const FactView& facts);
// Once the matches are ranked.
void advise_on_ties(Match& match);

} // namespace dumptriage::rules
