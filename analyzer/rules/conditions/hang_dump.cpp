// hang_dump: true.  The dump was forced because the machine or program hung.  A kernel memory image
// without any stop (a live dump) may show a hang as well, but nothing in it says so.
#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/stop_kind.h"

namespace dumptriage::rules {
namespace {

class HangDump : public Condition {
public:
  Finding judge(const FactView& facts) const override {
    const std::string condition = "hang dump";
    const evidence::Fact* stop = facts.first("stop");
    const std::string* kind = stop ? stop->text("kind") : nullptr;
    if (!kind) return not_found(condition, facts, "stop", "the dump records no stop");
    if (*kind == "hang") return yes(condition, "the dump was taken of a hang", {stop->id});
    const std::string* forced = stop->text("forced");
    if (forced && *forced == "live")
      return cannot_tell(condition,
                         "the dump was taken of a running machine, and nothing in it says why",
                         {stop->id});
    auto code = stop->number("code");
    if (forced) return yes(condition, fmt::format("the dump was forced ({})", *forced), {stop->id});
    if (*kind == "bugcheck" && code && is_forced_stop(*code))
      return yes(condition, "somebody forced the stop (" + hex(*code) + ")", {stop->id});
    if (*kind == "none")
      return cannot_tell(condition, "the dump records no reason for being taken", {stop->id});
    return not_found(condition, facts, "stop", "the dump was made by a fault");
  }
};

} // namespace

ConditionPtr read_hang_dump(YamlReader& yaml, const RuleContext&) {
  return read_true(yaml, "hang_dump") ? std::make_shared<HangDump>() : nullptr;
}

} // namespace dumptriage::rules
