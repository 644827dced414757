// What condition kinds share: how one is read from YAML, and small helpers for findings.
// A new kind is one file here and one line in registry.cpp.
#pragma once

#include <initializer_list>
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
ConditionPtr read_frame_sequence(YamlReader&, const RuleContext&);
ConditionPtr read_parameters(YamlReader&, const RuleContext&);
ConditionPtr read_fault_address(YamlReader&, const RuleContext&);
ConditionPtr read_exception(YamlReader&, const RuleContext&);
ConditionPtr read_process(YamlReader&, const RuleContext&);
ConditionPtr read_irql(YamlReader&, const RuleContext&);
ConditionPtr read_thread_state(YamlReader&, const RuleContext&);
ConditionPtr read_module_linked(YamlReader&, const RuleContext&);
ConditionPtr read_module_older(YamlReader&, const RuleContext&);
ConditionPtr read_driver_class(YamlReader&, const RuleContext&);
ConditionPtr read_unloaded_module(YamlReader&, const RuleContext&);
ConditionPtr read_pool_usage(YamlReader&, const RuleContext&);
ConditionPtr read_session_leak(YamlReader&, const RuleContext&);
ConditionPtr read_pool_tag_at(YamlReader&, const RuleContext&);
ConditionPtr read_irp(YamlReader&, const RuleContext&);
ConditionPtr read_corruption(YamlReader&, const RuleContext&);
ConditionPtr read_wait_cycle(YamlReader&, const RuleContext&);
ConditionPtr read_blocked_threads(YamlReader&, const RuleContext&);
ConditionPtr read_work_queue(YamlReader&, const RuleContext&);
ConditionPtr read_lock_held(YamlReader&, const RuleContext&);
ConditionPtr read_stack_exhausted(YamlReader&, const RuleContext&);
ConditionPtr read_status_text(YamlReader&, const RuleContext&);
ConditionPtr read_network_peer(YamlReader&, const RuleContext&);
ConditionPtr read_dump_set(YamlReader&, const RuleContext&);

// findings.cpp
Finding yes(std::string condition, std::string because, std::vector<std::string> facts = {});
Finding weak_yes(std::string condition, std::string because, std::vector<std::string> facts = {});
// Weak where there is a doubt, which is then told; null: none.
Finding yes_by(std::string condition, std::string because, const char* doubt,
               std::vector<std::string> facts);
Finding no(std::string condition, std::string because, std::vector<std::string> facts = {});
Finding cannot_tell(std::string condition, std::string because,
                    std::vector<std::string> facts = {});
// Nothing was found among facts of `kind`: "no" over complete coverage, else "cannot tell".
Finding not_found(std::string condition, const FactView& facts, std::string_view kind,
                  std::string because);
// The same where facts of several kinds could have said yes.
Finding not_found(std::string condition, const FactView& facts,
                  std::initializer_list<std::string_view> kinds, std::string because);
// Three-valued and, or, not; a weak yes never becomes a certain no.
Finding all_of(std::string condition, std::vector<Finding> children);
Finding any_of(std::string condition, std::vector<Finding> children);
Finding at_least(std::string condition, std::size_t count, std::vector<Finding> children);
Finding none_of(std::string condition, Finding child);
// "a, b or c"
std::string join(const std::vector<std::string>& words, std::string_view last = "or");

} // namespace dumptriage::rules
