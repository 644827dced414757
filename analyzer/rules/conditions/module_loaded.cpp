// module_loaded: netbt.sys; a list: all of them.  module_not_loaded: none of them.
#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

class ModuleLoaded : public Condition {
public:
  ModuleLoaded(const ModuleNames& modules, bool wanted) : wanted_(wanted) {
    condition_ = (wanted ? "module_loaded " : "module_not_loaded ") + modules.written();
    for (const auto& pattern : modules.patterns()) each_.emplace_back().add(pattern.written());
  }

  Finding judge(const FactView& facts) const override {
    std::vector<Finding> findings;
    for (const auto& module : each_) findings.push_back(judge_one(facts, module));
    if (findings.size() == 1) return std::move(findings.front());
    return all_of(condition_, std::move(findings));
  }

  void needs(Needs& needs) const override {
    if (!wanted_) return;
    for (const auto& module : each_) module.need(needs, NeedKind::module);
  }
  unsigned weight() const override { return wanted_ ? 2 : 0; }

private:
  Finding judge_one(const FactView& facts, const ModuleNames& module) const {
    const std::string condition =
        (wanted_ ? "module_loaded " : "module_not_loaded ") + module.written();
    const evidence::Fact* found = nullptr;
    look_at_modules(facts, module, [&](const evidence::Fact& fact) {
      found = &fact;
      return true;
    });
    if (found) {
      const std::string* version = found->text("version");
      auto because = fmt::format("{} is loaded{}{}", *found->text("name"),
                                 version ? ", version " : "", version ? *version : "");
      return (wanted_ ? yes : no)(condition, std::move(because), {found->id});
    }
    Finding missing = not_found(condition, facts, "module", module.written() + " is not loaded");
    if (!wanted_ && missing.answer == Answer::no) missing.answer = Answer::yes;
    return missing;
  }

  std::vector<ModuleNames> each_;
  bool wanted_;
  std::string condition_;
};

ConditionPtr read_names(YamlReader& yaml, bool wanted) {
  ModuleNames modules;
  modules.read(yaml);
  if (modules.empty()) return nullptr;
  return std::make_shared<ModuleLoaded>(modules, wanted);
}

} // namespace

ConditionPtr read_module_loaded(YamlReader& yaml, const RuleContext&) {
  return read_names(yaml, true);
}
ConditionPtr read_module_not_loaded(YamlReader& yaml, const RuleContext&) {
  return read_names(yaml, false);
}

} // namespace dumptriage::rules
