// What condition kinds share: how one is read from YAML, and small helpers for findings.
// A new kind is one file here and one line in registry.cpp.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "rules/rules.h"
#include "rules/yaml_reader.h"

namespace dumptriage::rules {

using ConditionPtr = std::shared_ptr<const Condition>;

// What a condition may know of the rule it stands in.
struct RuleContext {
  const Fix& fix;
};

struct ConditionKind {
  std::string_view name;
  // With the cursor on the arguments; null after an error has been noted in the reader.
  ConditionPtr (*read)(YamlReader& yaml, const RuleContext& context);
};

// registry.cpp
std::span<const ConditionKind> condition_kinds();
// With the cursor on a map of one key, the name of a kind.
ConditionPtr read_condition(YamlReader& yaml, const RuleContext& context);

// One reading function per kind.
ConditionPtr read_all(YamlReader&, const RuleContext&);
ConditionPtr read_any(YamlReader&, const RuleContext&);
ConditionPtr read_not(YamlReader&, const RuleContext&);
ConditionPtr read_count(YamlReader&, const RuleContext&);
ConditionPtr read_bugcheck(YamlReader&, const RuleContext&);
ConditionPtr read_kernel_crash(YamlReader&, const RuleContext&);
ConditionPtr read_hang_dump(YamlReader&, const RuleContext&);
ConditionPtr read_os(YamlReader&, const RuleContext&);
ConditionPtr read_cpus(YamlReader&, const RuleContext&);
ConditionPtr read_module_loaded(YamlReader&, const RuleContext&);
ConditionPtr read_module_not_loaded(YamlReader&, const RuleContext&);
ConditionPtr read_module_fix(YamlReader&, const RuleContext&);
ConditionPtr read_frame_module(YamlReader&, const RuleContext&);
ConditionPtr read_frame_function(YamlReader&, const RuleContext&);
ConditionPtr read_top_of_stack(YamlReader&, const RuleContext&);
ConditionPtr read_fault_in(YamlReader&, const RuleContext&);

// findings.cpp
Finding yes(std::string condition, std::string because, std::vector<std::string> facts = {});
Finding weak_yes(std::string condition, std::string because, std::vector<std::string> facts = {});
Finding no(std::string condition, std::string because, std::vector<std::string> facts = {});
Finding cannot_tell(std::string condition, std::string because,
                    std::vector<std::string> facts = {});
// Nothing was found among facts of `kind`: "no" over complete coverage, else "cannot tell".
Finding not_found(std::string condition, const FactView& facts, std::string_view kind,
                  std::string because);
// Three-valued and, or, not; a weak yes never becomes a certain no.
Finding all_of(std::string condition, std::vector<Finding> children);
Finding any_of(std::string condition, std::vector<Finding> children);
Finding at_least(std::string condition, std::size_t count, std::vector<Finding> children);
Finding none_of(std::string condition, Finding child);
// "a, b or c"
std::string join(const std::vector<std::string>& words, std::string_view last = "or");

} // namespace dumptriage::rules
