// Advice follows the verdict: only a confirmed rule says "install".
#pragma once

#include <string>
#include <vector>

#include "rules/rules.h"

namespace dumptriage::rules {

std::vector<std::string> advise(const Match& match, const std::vector<std::string>& limits,
                                bool kernel);

} // namespace dumptriage::rules
