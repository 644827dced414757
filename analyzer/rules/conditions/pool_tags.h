// Pool tags as rules and facts write them: one to four characters, with case; blanks that fill a
// tag up do not count.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/yaml_reader.h"

namespace dumptriage::rules {

void read_tags(YamlReader& yaml, std::vector<std::string>& to); // one or a list
bool matches_tag(const std::vector<std::string>& tags, std::string_view found);

} // namespace dumptriage::rules
