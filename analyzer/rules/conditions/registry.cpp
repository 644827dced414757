#include <algorithm>
#include <array>

#include "rules/conditions/condition.h"

namespace dumptriage::rules {
namespace {

constexpr std::array kKinds = {
    ConditionKind{"all", read_all},
    ConditionKind{"any", read_any},
    ConditionKind{"not", read_not},
    ConditionKind{"count", read_count},
    ConditionKind{"bugcheck", read_bugcheck},
    ConditionKind{"kernel_crash", read_kernel_crash},
    ConditionKind{"hang_dump", read_hang_dump},
    ConditionKind{"os", read_os},
    ConditionKind{"cpus", read_cpus},
    ConditionKind{"module_loaded", read_module_loaded},
    ConditionKind{"module_not_loaded", read_module_not_loaded},
    ConditionKind{"module_fix", read_module_fix},
    ConditionKind{"fault_in", read_fault_in},
    ConditionKind{"frame_module", read_frame_module},
    ConditionKind{"frame_function", read_frame_function},
    ConditionKind{"top_of_stack", read_top_of_stack},
};

} // namespace

std::span<const ConditionKind> condition_kinds() { return kKinds; }

ConditionPtr read_condition(YamlReader& yaml, const RuleContext& context) {
  std::vector<std::string_view> names;
  for (const auto& kind : kKinds) names.push_back(kind.name);
  ConditionPtr condition;
  yaml.one_of("a condition", names, [&](std::string_view name) {
    condition = std::ranges::find(kKinds, name, &ConditionKind::name)->read(yaml, context);
  });
  return condition;
}

} // namespace dumptriage::rules
