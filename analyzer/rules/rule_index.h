// Which rules can say something about a dump: flat tables, so that those of the built-in rules are
// constant data.  A rule is posted under the atoms of its most selective Need; its other Needs are
// checked before anything of the rule is looked at.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/needs.h"

namespace dumptriage::rules {

class FactView;

struct IndexKey {
  NeedKind kind{};
  std::uint32_t text = 0, size = 0;   // the atom, in the texts of the index
  std::uint32_t first = 0, rules = 0; // of the posted rules
};
struct IndexNeed {
  std::uint32_t first = 0, keys = 0; // of the need's keys
};
struct IndexRule {
  std::uint32_t first = 0, needs = 0;
};
struct IndexArticle {
  std::uint32_t text = 0, size = 0;   // an article that some rule's fix replaces
  std::uint32_t first = 0, rules = 0; // in `replacing`
};

struct IndexView {
  std::span<const IndexKey> keys; // by kind, then atom
  std::span<const std::uint32_t> posted;
  std::span<const std::uint32_t> always; // rules that need nothing
  std::span<const IndexRule> rules;
  std::span<const IndexNeed> needs;
  std::span<const std::uint32_t> need_keys;
  std::span<const IndexArticle> articles; // by name
  std::span<const std::uint32_t> replacing;
  std::string_view texts;

  // Numbers of rules, rising.
  std::vector<std::uint32_t> candidates(const FactView& facts) const;
  std::span<const std::uint32_t> rules_replacing(std::string_view article) const;
};

struct IndexTables {
  std::vector<IndexKey> keys;
  std::vector<std::uint32_t> posted, always;
  std::vector<IndexRule> rules;
  std::vector<IndexNeed> needs;
  std::vector<std::uint32_t> need_keys;
  std::vector<IndexArticle> articles;
  std::vector<std::uint32_t> replacing;
  std::string texts;

  IndexView view() const {
    return {keys, posted, always, rules, needs, need_keys, articles, replacing, texts};
  }
};

struct IndexedRule {
  Needs needs;
  std::vector<std::string> replaces;
};
// Rules are numbered as they stand here.
IndexTables make_index(std::span<const IndexedRule> rules);

} // namespace dumptriage::rules
