// module_loaded: netbt.sys; a list: all of them.  module_not_loaded: none of them.
#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

Finding judge_one(const FactView& facts, const ModulePattern& module) {
  std::string condition = "module_loaded " + module.written();
  for (const auto& fact : facts.set().facts) {
    const std::string* name = fact.kind == "module" ? fact.text("name") : nullptr;
    if (!name || !module.matches(*name)) continue;
    const std::string* version = fact.text("version");
    return yes(condition,
               fmt::format("{} is loaded{}{}", *name, version ? ", version " : "",
                           version ? *version : ""),
               {fact.id});
  }
  return not_found(condition, facts, "module", module.written() + " is not loaded");
}

class ModuleLoaded : public Condition {
public:
  ModuleLoaded(std::vector<ModulePattern> modules, bool wanted)
      : modules_(std::move(modules)), wanted_(wanted) {}

  Finding judge(const FactView& facts) const override {
    std::vector<Finding> findings;
    for (const auto& module : modules_) {
      Finding found = judge_one(facts, module);
      if (!wanted_) {
        Finding inverted = none_of("module_not_loaded " + module.written(), found);
        inverted.children.clear();
        found = std::move(inverted);
      }
      findings.push_back(std::move(found));
    }
    if (findings.size() == 1) return findings.front();
    return all_of((wanted_ ? "module_loaded " : "module_not_loaded ") + written(modules_),
                  std::move(findings));
  }

private:
  std::vector<ModulePattern> modules_;
  bool wanted_;
};

ConditionPtr read_names(YamlReader& yaml, bool wanted) {
  std::vector<ModulePattern> modules;
  read_modules(yaml, modules);
  if (modules.empty()) return nullptr;
  return std::make_shared<ModuleLoaded>(std::move(modules), wanted);
}

} // namespace

ConditionPtr read_module_loaded(YamlReader& yaml, const RuleContext&) {
  return read_names(yaml, true);
}
ConditionPtr read_module_not_loaded(YamlReader& yaml, const RuleContext&) {
  return read_names(yaml, false);
}

} // namespace dumptriage::rules
