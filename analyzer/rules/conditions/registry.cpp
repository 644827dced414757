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
    ConditionKind{"frame_sequence", read_frame_sequence},
    ConditionKind{"parameters", read_parameters},
    ConditionKind{"fault_address", read_fault_address},
    ConditionKind{"exception", read_exception},
    ConditionKind{"process", read_process},
    ConditionKind{"irql", read_irql},
    ConditionKind{"thread_state", read_thread_state},
    ConditionKind{"module_linked", read_module_linked},
    ConditionKind{"module_older", read_module_older},
    ConditionKind{"driver_class", read_driver_class},
    ConditionKind{"unloaded_module", read_unloaded_module},
    ConditionKind{"pool_usage", read_pool_usage},
    ConditionKind{"session_leak", read_session_leak},
    ConditionKind{"pool_tag_at", read_pool_tag_at},
    ConditionKind{"irp", read_irp},
    ConditionKind{"corruption", read_corruption},
    ConditionKind{"wait_cycle", read_wait_cycle},
    ConditionKind{"blocked_threads", read_blocked_threads},
    ConditionKind{"work_queue", read_work_queue},
    ConditionKind{"lock_held", read_lock_held},
    ConditionKind{"stack_exhausted", read_stack_exhausted},
    ConditionKind{"status_text", read_status_text},
    ConditionKind{"network_peer", read_network_peer},
    ConditionKind{"dump_set", read_dump_set},
};

} // namespace

std::span<const ConditionKind> condition_kinds() { return kKinds; }

ConditionPtr read_condition(YamlReader& yaml, const RuleContext& context) {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const auto& kind : kKinds) all.push_back(kind.name);
    return all;
  }();
  ConditionPtr condition;
  yaml.one_of("a condition", names, [&](std::string_view name) {
    condition = std::ranges::find(kKinds, name, &ConditionKind::name)->read(yaml, context);
  });
  return condition;
}

} // namespace dumptriage::rules
