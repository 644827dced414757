// top_of_stack: {function: module!name, on: any_cpu | crashing_cpu}.  Top of a CPU's stack = the
// fault context itself, or the first frame below the stop machinery; the facts mark it.
#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/frames.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

class TopOfStack : public Condition {
public:
  TopOfStack(std::vector<FunctionPattern> functions, bool any_cpu)
      : functions_(std::move(functions)), any_cpu_(any_cpu) {
    condition_ = fmt::format("top_of_stack {} on {}", written(functions_),
                             any_cpu ? "any CPU" : "the crashing CPU");
  }

  Finding judge(const FactView& facts) const override {
    std::optional<Finding> weak;
    bool below = false;
    for (const evidence::Fact& frame : facts.set().facts) {
      if (frame.kind != "frame") continue;
      if (!any_cpu_ && !frame.flag("crashed_thread")) continue;
      if (!any_matches(functions_, frame)) continue;
      if (!frame.flag("top")) {
        below = true;
        continue;
      }
      std::string stack = frame_stack(frame);
      if (stack.starts_with("on ")) stack.erase(0, 3);
      std::string because =
          fmt::format("{} is on top of {} {}", frame_in_words(frame), stack, frame_sources(frame));
      auto doubt = doubt_about_name(frame);
      if (!doubt) return yes(condition_, because, {frame.id});
      if (!weak) weak = weak_yes(condition_, because + "; " + *doubt, {frame.id});
    }
    if (weak) return *weak;
    return not_found(condition_, facts, "top",
                     below ? "the function is on a stack, but not on top of it"
                           : "the top of every stack bears another name");
  }

  bool discriminating() const override { return all_name_functions(functions_); }

private:
  std::vector<FunctionPattern> functions_;
  bool any_cpu_;
  std::string condition_;
};

} // namespace

ConditionPtr read_top_of_stack(YamlReader& yaml, const RuleContext&) {
  std::vector<FunctionPattern> functions;
  bool any_cpu = true;
  if (yaml.kind() != YamlReader::Kind::map) {
    read_functions(yaml, functions);
  } else {
    yaml.fields("top_of_stack", {{"function", true, [&] { read_functions(yaml, functions); }},
                                 {"on", false, [&] {
                                    any_cpu = read_choice(yaml, {"any_cpu", "crashing_cpu"}) == 0;
                                  }}});
  }
  if (functions.empty()) return nullptr;
  return std::make_shared<TopOfStack>(std::move(functions), any_cpu);
}

} // namespace dumptriage::rules
