// One rule file: YAML to a Rule.  The schema is described in docs/rules.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rules.h"
#include "rules/yaml_tree.h"

namespace dumptriage::rules {

struct LoadedRule {
  std::optional<Rule> rule; // nothing when there are errors
  Needs needs;              // of what it applies to and requires
  std::vector<Error> errors;
};
LoadedRule load_rule(const std::string& file, std::string_view text);
// From a tree that is known to be good: of the compiled table.
LoadedRule load_rule(const std::string& file, const YamlView& tree);
Needs needs_of(const Rule& rule);

} // namespace dumptriage::rules
