// kernel_crash: true.  The machine stopped by itself, with whatever code.
#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/stop_kind.h"

namespace dumptriage::rules {
namespace {

class KernelCrash : public Condition {
public:
  Finding judge(const FactView& facts) const override {
    const std::string condition = "kernel crash";
    const evidence::Fact* stop = facts.first("stop");
    const std::string* kind = stop ? stop->text("kind") : nullptr;
    if (!kind) return not_found(condition, facts, "stop", "the dump records no stop");
    auto code = stop->number("code");
    if (*kind != "bugcheck")
      return not_found(condition, facts, "stop", "the dump was not made by a kernel fault");
    if (!code) return cannot_tell(condition, "the dump records no bugcheck code", {stop->id});
    if (is_forced_stop(*code))
      return no(condition, "somebody forced the stop (" + hex(*code) + ")", {stop->id});
    return yes(condition, "bugcheck " + hex(*code), {stop->id});
  }
};

} // namespace

ConditionPtr read_kernel_crash(YamlReader& yaml, const RuleContext&) {
  auto value = yaml.boolean("kernel_crash");
  if (value == false)
    yaml.error("expected true; for the opposite write 'not: {kernel_crash: true}'");
  return value == true ? std::make_shared<KernelCrash>() : nullptr;
}

} // namespace dumptriage::rules
