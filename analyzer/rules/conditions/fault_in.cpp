// fault_in: sfmsrv.sys, or a list.  The faulting instruction lies in the module.
#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

class FaultIn : public Condition {
public:
  explicit FaultIn(std::vector<ModulePattern> modules) : modules_(std::move(modules)) {
    condition_ = "fault in " + written(modules_);
  }

  Finding judge(const FactView& facts) const override {
    const evidence::Fact* fault = facts.first("fault");
    const std::string* module = fault ? fault->text("module") : nullptr;
    if (!fault || !fault->number("ip"))
      return not_found(condition_, facts, "fault", "the dump records no faulting instruction");
    if (!module || module->empty())
      return not_found(condition_, facts, "module",
                       "the faulting instruction lies in no known module");
    auto rva = fault->number("rva");
    std::string because = fmt::format("the faulting instruction is {}{}{}", *module, rva ? "+" : "",
                                      rva ? hex(*rva) : "");
    bool hit = any_matches(modules_, *module);
    return (hit ? yes : no)(condition_, because, {fault->id});
  }

private:
  std::vector<ModulePattern> modules_;
  std::string condition_;
};

} // namespace

ConditionPtr read_fault_in(YamlReader& yaml, const RuleContext&) {
  std::vector<ModulePattern> modules;
  read_modules(yaml, modules);
  if (modules.empty()) return nullptr;
  return std::make_shared<FaultIn>(std::move(modules));
}

} // namespace dumptriage::rules
