// What a Catalogue is made of: the compiled rules, put together as they are asked for, and those
// that were loaded.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "rules/compiled_rules.h"
#include "rules/rule_index.h"
#include "rules/rules.h"

namespace dumptriage::rules {

struct Catalogue::State {
  std::optional<CompiledRules> compiled;
  std::vector<Rule> loaded; // by id
  IndexTables index;        // of `loaded`

  void use(const CompiledRules& rules) {
    compiled = rules;
    made_.resize(rules.rules.size());
  }
  // Nothing for a rule that cannot be put together, which its compiler would not have let pass.
  std::vector<const Rule*> make(const std::vector<std::uint32_t>& numbers);

private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Rule>> made_; // of `compiled`
};

// Lengths in front, so that no two catalogues share their bytes.
std::string digest_of(const std::vector<RuleText>& texts);
// The rules of `texts` beside those that are compiled in; a compiled rule keeps its id.
void load_into(Catalogue& catalogue, const std::vector<RuleText>& texts);

} // namespace dumptriage::rules
