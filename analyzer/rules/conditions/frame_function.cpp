// frame_function: {function: module!name, on: any_thread | any_cpu | crashing_thread}, or the name
// alone for any thread.
#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/frames.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

class FrameFunction : public OfFunctions {
public:
  FrameFunction(FunctionNames functions, On on) : OfFunctions(std::move(functions)), on_(on) {
    condition_ = fmt::format("frame_function {} on {}", functions_.written(), in_words(on));
  }

  Finding judge(const FactView& facts) const override {
    Finding found;
    const bool sure =
        look_at_frames(facts, on_, functions_.modules(), [&](const evidence::Fact& frame) {
          const auto hit = functions_.match(frame);
          if (hit == FunctionNames::Hit::none) return false;
          const char* doubt = doubt_about(hit, frame);
          if (doubt && found.answer == Answer::yes) return false;
          found = yes_by(condition_,
                         fmt::format("{} is {} {}", frame_in_words(frame), frame_stack(frame),
                                     frame_sources(frame)),
                         doubt, {frame.id});
          return !doubt;
        });
    if (sure || found.answer == Answer::yes) return found;
    return no_frame(condition_, facts, on_, "no frame bears this name");
  }

private:
  On on_;
};

} // namespace

ConditionPtr read_frame_function(YamlReader& yaml, const RuleContext&) {
  FunctionNames functions;
  On on = On::any_thread;
  if (yaml.kind() != YamlReader::Kind::map) {
    functions.read(yaml);
  } else {
    yaml.fields("frame_function", {{"function", true, [&] { functions.read(yaml); }},
                                   {"on", false, [&] { on = read_on(yaml); }}});
  }
  if (functions.empty()) return nullptr;
  return std::make_shared<FrameFunction>(std::move(functions), on);
}

} // namespace dumptriage::rules
