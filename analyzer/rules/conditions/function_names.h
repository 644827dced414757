// Function names and choices as conditions take them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/facts.h"
#include "rules/names.h"
#include "rules/yaml_reader.h"

namespace dumptriage::rules {

// "module!function", one or a list.
void read_functions(YamlReader& yaml, std::vector<FunctionPattern>& to);
// Module names, one or a list.
void read_modules(YamlReader& yaml, std::vector<ModulePattern>& to);
// The index of one word of `choices`; 0 after an error.
std::size_t read_choice(YamlReader& yaml, std::initializer_list<std::string_view> choices);

bool any_matches(const std::vector<FunctionPattern>& patterns, const evidence::Fact& frame);
bool any_matches(const std::vector<ModulePattern>& patterns, const std::string& module);
bool all_name_functions(const std::vector<FunctionPattern>& patterns);
std::string written(const std::vector<FunctionPattern>& patterns); // "a!b or c!d"
std::string written(const std::vector<ModulePattern>& patterns);

} // namespace dumptriage::rules
