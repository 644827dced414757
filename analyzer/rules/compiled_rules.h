// The built-in rules as constant data: made by tools/compile_rules while the program is built.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "rules/rule_index.h"
#include "rules/yaml_tree.h"

namespace dumptriage::rules {

struct CompiledRule {
  std::uint32_t id = 0, id_size = 0;     // in the texts
  std::uint32_t file = 0, file_size = 0; // the same of the name of its file
  std::uint32_t first_node = 0, nodes = 0;
};

struct CompiledRules {
  std::span<const CompiledRule> rules; // by id
  std::span<const YamlNode> nodes;
  IndexView index;
  std::string_view texts, digest;

  std::string_view id(std::size_t rule) const {
    return texts.substr(rules[rule].id, rules[rule].id_size);
  }
  std::string_view file(std::size_t rule) const {
    return texts.substr(rules[rule].file, rules[rule].file_size);
  }
  YamlView tree(std::size_t rule) const {
    return {nodes.subspan(rules[rule].first_node, rules[rule].nodes), {}, texts};
  }
};

CompiledRules compiled_rules(); // in the generated file

} // namespace dumptriage::rules
