// A YAML document as one flat table, whichever reader made it: the quick one for the plain subset
// that rules are written in (yaml_plain.cpp), LLVM's parser for everything else (yaml_llvm.cpp), or
// the compiler of the built-in rules.  Nodes stand in the order of the text; the children of a list
// or map follow it, those of a map as key, value, key, value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace dumptriage::rules {

enum class YamlKind : std::uint8_t { nothing, scalar, list, map };

struct YamlNode {
  std::uint32_t text = 0, size = 0; // of a scalar, in the texts of its tree
  std::uint32_t end = 0;            // index of the first node that is not below this one
  YamlKind kind = YamlKind::nothing;
};

struct YamlPlace {
  std::uint32_t line = 1, column = 1;
  bool operator==(const YamlPlace&) const = default;
};

// Not owning; the compiled rules lie in constant data, without places.
struct YamlView {
  std::span<const YamlNode> nodes; // `end` counts from the first of them
  std::span<const YamlPlace> places;
  std::string_view texts;

  std::string_view text(std::uint32_t node) const {
    return texts.substr(nodes[node].text, nodes[node].size);
  }
};

struct YamlTree {
  std::vector<YamlNode> nodes;
  std::vector<YamlPlace> places; // one for each node
  // Scalars are safe UTF-8 on one line: runs of white space are one space, none at the ends.
  std::string texts;

  YamlView view() const { return {nodes, places, texts}; }
};

// The plain subset: block maps and lists, brackets, plain and quoted scalars, `>` and `|`,
// comments.  Nothing means "not mine": the text may be good YAML or not.  What it accepts, LLVM's
// parser accepts with the same tree.
std::optional<YamlTree> read_plain_yaml(std::string_view text);

// LLVM's parser.  `text` must have passed refuse_nesting and end in front of a NUL.
std::optional<YamlTree> read_llvm_yaml(const std::string& file, std::string_view text,
                                       std::vector<Error>& errors);

// One of them, or errors.  `text` ends in front of a NUL.
std::optional<YamlTree> read_yaml(const std::string& file, std::string_view text,
                                  std::vector<Error>& errors);

} // namespace dumptriage::rules
