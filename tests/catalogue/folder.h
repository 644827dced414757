// A folder of rules and their examples, read once.
#pragma once

#include <string>
#include <vector>

#include "rules/examples.h"
#include "rules/rules.h"

namespace dumptriage::rules::test {

struct RuleFolder {
  Catalogue catalogue;
  std::vector<ExampleFile> examples;
  std::vector<Error> errors; // of files that could not be read
};

RuleFolder read_rule_folder(const std::string& path);
// signatures/, or what DUMPTRIAGE_RULES_DIR names (for work on the importer).
const RuleFolder& signatures();
// The first lines of many, for a message.
std::string first_lines(const std::vector<std::string>& lines, std::size_t most = 40);

} // namespace dumptriage::rules::test
