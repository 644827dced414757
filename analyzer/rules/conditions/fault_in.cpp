// fault_in: sfmsrv.sys, a list, or {module: sfmsrv.sys, rva: 0x1234}.  The faulting instruction
// lies in the module, at this place of it.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

class FaultIn : public Condition {
public:
  FaultIn(ModuleNames modules, std::vector<std::uint64_t> rvas)
      : modules_(std::move(modules)), rvas_(std::move(rvas)) {
    condition_ = "fault in " + modules_.written();
    if (!rvas_.empty()) condition_ += " at " + numbers_in_words(rvas_);
  }

  Finding judge(const FactView& facts) const override {
    const evidence::Fact* fault = facts.first("fault");
    const std::string* module = fault ? fault->text("module") : nullptr;
    if (!fault || !fault->number("ip"))
      return not_found(condition_, facts, "fault", "the dump records no faulting instruction");
    if (!module || module->empty())
      return not_found(condition_, facts, "module",
                       "the faulting instruction lies in no known module");
    const auto rva = fault->number("rva");
    std::string because = fmt::format("the faulting instruction is {}{}{}", *module, rva ? "+" : "",
                                      rva ? hex(*rva) : "");
    if (!modules_.match(*module)) return no(condition_, because, {fault->id});
    if (!rvas_.empty() && !rva)
      return cannot_tell(condition_, because + ", where in it is not known", {fault->id});
    const bool hit = rvas_.empty() || std::ranges::find(rvas_, *rva) != rvas_.end();
    return (hit ? yes : no)(condition_, because, {fault->id});
  }

  void needs(Needs& needs) const override { modules_.need(needs, NeedKind::fault_module); }
  unsigned weight() const override { return rvas_.empty() ? 2 : 4; }
  Half half() const override { return modules_.literal() ? Half::code : Half::none; }

private:
  ModuleNames modules_;
  std::vector<std::uint64_t> rvas_;
  std::string condition_;
};

} // namespace

ConditionPtr read_fault_in(YamlReader& yaml, const RuleContext&) {
  ModuleNames modules;
  std::vector<std::uint64_t> rvas;
  if (yaml.kind() != YamlReader::Kind::map) {
    modules.read(yaml);
  } else {
    yaml.fields("fault_in", {{"module", true, [&] { modules.read(yaml); }},
                             {"rva", false, [&] { read_numbers(yaml, rvas, "an offset"); }}});
    if (!rvas.empty() && !modules.literal()) {
      yaml.error("fault_in: an 'rva' needs a module without '*'");
      return nullptr;
    }
  }
  if (modules.empty()) return nullptr;
  return std::make_shared<FaultIn>(std::move(modules), std::move(rvas));
}

} // namespace dumptriage::rules
