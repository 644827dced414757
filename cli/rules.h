// The commands below `rules`, one file for those that read and judge.
#pragma once

#include "cli/cli.h"

namespace dumptriage::cli {

// rules_check.cpp
void add_rules_check(CLI::App& rules, Run& run);
void add_rules_test(CLI::App& rules, Run& run);
// rules_explain.cpp
void add_rules_explain(CLI::App& rules, Run& run);
// rules_new.cpp
void add_rules_new(CLI::App& rules, Run& run);

} // namespace dumptriage::cli
