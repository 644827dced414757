// One rule file: YAML to a Rule.  The schema is described in docs/rules.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rules.h"

namespace dumptriage::rules {

struct LoadedRule {
  std::optional<Rule> rule; // nothing when there are errors
  std::vector<Error> errors;
};
LoadedRule load_rule(const std::string& file, std::string_view text);

} // namespace dumptriage::rules
