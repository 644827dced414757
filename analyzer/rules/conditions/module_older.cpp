// module_older: {module: mup.sys, than: ws2003 SP1}.  The module was built before that point: a
// service pack, a version of the same branch, or a date.
#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/function_names.h"
#include "rules/fix_state.h"

namespace dumptriage::rules {
namespace {

class ModuleOlder : public Condition {
public:
  ModuleOlder(ModuleNames modules, FixFile point, const std::string& than)
      : modules_(std::move(modules)), point_(std::move(point)) {
    condition_ = fmt::format("{} older than {}", modules_.written(), than);
  }

  // Of several modules of the name one that is older is enough.
  Finding judge(const FactView& facts) const override {
    std::vector<Finding> findings;
    look_at_modules(facts, modules_, [&](const evidence::Fact& module) {
      findings.push_back(none_of(condition_, judge_fix_point(point_, module, facts)));
      findings.back().children.clear();
      return false;
    });
    if (findings.empty())
      return not_found(condition_, facts, "module", modules_.written() + " is not loaded");
    if (findings.size() == 1) return std::move(findings.front());
    return any_of(condition_, std::move(findings));
  }

  void needs(Needs& needs) const override { modules_.need(needs, NeedKind::module); }
  unsigned weight() const override { return 2; }

private:
  ModuleNames modules_;
  FixFile point_;
  std::string condition_;
};

} // namespace

ConditionPtr read_module_older(YamlReader& yaml, const RuleContext&) {
  constexpr std::string_view kExpected =
      "a service pack such as ws2003 SP1, a date such as 1999-06-12 or a version such as "
      "5.2.3790.1830";
  ModuleNames modules;
  std::optional<FixFile> point;
  std::string than;
  yaml.fields("module_older",
              {{"module", true, [&] { modules.read(yaml); }},
               {"than", true, [&] {
                  yaml.text_into(than, kExpected);
                  point = parse_fix_point(than);
                  if (!point && !than.empty())
                    yaml.error(fmt::format("expected {}, found '{}'", kExpected, than));
                }}});
  if (modules.empty() || !point) return nullptr;
  return std::make_shared<ModuleOlder>(std::move(modules), std::move(*point), than);
}

} // namespace dumptriage::rules
