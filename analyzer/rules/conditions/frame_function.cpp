// frame_function: {function: module!name, on: any_thread | any_cpu | crashing_thread}, or the name
// alone for any thread.  In a kernel dump only the threads that run on a CPU are walked, so "on any
// thread" is never answered with "no" there.
#include <array>

#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/frames.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

enum class On { any_thread, any_cpu, crashing_thread };

class FrameFunction : public Condition {
public:
  FrameFunction(std::vector<FunctionPattern> functions, On on)
      : functions_(std::move(functions)), on_(on) {
    constexpr std::array<std::string_view, 3> kWhere = {"any thread", "any CPU",
                                                        "the crashing thread"};
    condition_ = fmt::format("frame_function {} on {}", written(functions_),
                             kWhere[static_cast<std::size_t>(on)]);
  }

  Finding judge(const FactView& facts) const override {
    std::optional<Finding> weak;
    for (const evidence::Fact& frame : facts.set().facts) {
      if (frame.kind != "frame" || !looks_at(frame)) continue;
      if (!any_matches(functions_, frame)) continue;
      std::string because = fmt::format("{} is {} {}", frame_in_words(frame), frame_stack(frame),
                                        frame_sources(frame));
      auto doubt = doubt_about_name(frame);
      if (!doubt) return yes(condition_, because, {frame.id});
      if (!weak) weak = weak_yes(condition_, because + "; " + *doubt, {frame.id});
    }
    if (weak) return *weak;
    const char* kind = on_ == On::crashing_thread ? "frame_crashed" : "frame";
    Finding found = not_found(condition_, facts, kind, "no frame bears this name");
    if (found.answer == Answer::no && on_ == On::any_thread)
      return not_found(condition_, facts, "thread", "no frame of any thread bears this name");
    return found;
  }

  bool discriminating() const override { return all_name_functions(functions_); }

private:
  bool looks_at(const evidence::Fact& frame) const {
    if (on_ == On::crashing_thread) return frame.flag("crashed_thread");
    return on_ == On::any_thread || frame.number("cpu").has_value();
  }

  std::vector<FunctionPattern> functions_;
  On on_;
  std::string condition_;
};

} // namespace

ConditionPtr read_frame_function(YamlReader& yaml, const RuleContext&) {
  std::vector<FunctionPattern> functions;
  On on = On::any_thread;
  if (yaml.kind() != YamlReader::Kind::map) {
    read_functions(yaml, functions);
  } else {
    yaml.fields("frame_function", {{"function", true, [&] { read_functions(yaml, functions); }},
                                   {"on", false, [&] {
                                      on = static_cast<On>(read_choice(
                                          yaml, {"any_thread", "any_cpu", "crashing_thread"}));
                                    }}});
  }
  if (functions.empty()) return nullptr;
  return std::make_shared<FrameFunction>(std::move(functions), on);
}

} // namespace dumptriage::rules
