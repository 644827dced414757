// module_fix: older | fixed.  The rule's own `fix: files:` against the modules of the dump.
#include "rules/conditions/condition.h"
#include "rules/conditions/function_names.h"
#include "rules/fix_state.h"

namespace dumptriage::rules {
namespace {

class ModuleFix : public Condition {
public:
  ModuleFix(std::shared_ptr<const Condition> check, bool older)
      : check_(std::move(check)), older_(older) {}

  Finding judge(const FactView& facts) const override {
    Finding fixed = check_->judge(facts);
    if (!older_) return fixed;
    return none_of("module older than the fix", std::move(fixed));
  }

  unsigned weight() const override { return 2; }

private:
  std::shared_ptr<const Condition> check_;
  bool older_;
};

} // namespace

ConditionPtr read_module_fix(YamlReader& yaml, const RuleContext& context) {
  bool older = read_choice(yaml, {"older", "fixed"}) == 0;
  auto check = make_fix_check(context.fix);
  if (!check) {
    yaml.error("module_fix needs 'fix: files:' in the same rule");
    return nullptr;
  }
  return std::make_shared<ModuleFix>(std::move(check), older);
}

} // namespace dumptriage::rules
