// top_of_stack: {function: module!name, on: any_cpu | crashing_cpu}.  Top of a CPU's stack = the
// fault context itself, or the first frame below the stop machinery; the facts mark it.
#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/frames.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

class TopOfStack : public OfFunctions {
public:
  TopOfStack(FunctionNames functions, bool any_cpu)
      : OfFunctions(std::move(functions)), any_cpu_(any_cpu) {
    condition_ = fmt::format("top_of_stack {} on {}", functions_.written(),
                             any_cpu ? "any CPU" : "the crashing CPU");
  }

  Finding judge(const FactView& facts) const override {
    Finding found;
    bool below = false;
    const On on = any_cpu_ ? On::any_cpu : On::crashing_thread;
    look_at_frames(facts, on, functions_.modules(), [&](const evidence::Fact& frame) {
      const auto hit = functions_.match(frame);
      if (hit == FunctionNames::Hit::none) return false;
      if (!frame.flag("top")) {
        below = true;
        return false;
      }
      const char* doubt = doubt_about(hit, frame);
      if (doubt && found.answer == Answer::yes) return false;
      std::string stack = frame_stack(frame);
      if (stack.starts_with("on ")) stack.erase(0, 3);
      found = yes_by(
          condition_,
          fmt::format("{} is on top of {} {}", frame_in_words(frame), stack, frame_sources(frame)),
          doubt, {frame.id});
      return !doubt;
    });
    if (found.answer == Answer::yes) return found;
    return not_found(condition_, facts, "top",
                     below ? "the function is on a stack, but not on top of it"
                           : "the top of every stack bears another name");
  }

private:
  bool any_cpu_;
};

} // namespace

ConditionPtr read_top_of_stack(YamlReader& yaml, const RuleContext&) {
  FunctionNames functions;
  bool any_cpu = true;
  if (yaml.kind() != YamlReader::Kind::map) {
    functions.read(yaml);
  } else {
    yaml.fields("top_of_stack", {{"function", true, [&] { functions.read(yaml); }},
                                 {"on", false, [&] {
                                    any_cpu = read_choice(yaml, {"any_cpu", "crashing_cpu"}) == 0;
                                  }}});
  }
  if (functions.empty()) return nullptr;
  return std::make_shared<TopOfStack>(std::move(functions), any_cpu);
}

} // namespace dumptriage::rules
