// kernel_crash: true.  The machine stopped by itself, with whatever code.
#include "base/text.h"
#include "rules/conditions/arguments.h"
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
    // A live dump bears a code as well, and nothing stopped.
    if (stop->fields.contains("forced") || is_forced_stop(*code))
      return no(condition, "somebody forced the stop (" + hex(*code) + ")", {stop->id});
    return yes(condition, "bugcheck " + hex(*code), {stop->id});
  }
  void needs(Needs& needs) const override { needs.push_back({NeedKind::stop_kind, {"bugcheck"}}); }
  unsigned weight() const override { return 0; }
};

} // namespace

ConditionPtr read_kernel_crash(YamlReader& yaml, const RuleContext&) {
  return read_true(yaml, "kernel_crash") ? std::make_shared<KernelCrash>() : nullptr;
}

} // namespace dumptriage::rules
