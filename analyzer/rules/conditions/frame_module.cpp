// frame_module: {module: sfmsrv.sys, within: 8, on: crashing_thread | any_cpu | any_thread}.
// `within` counts from the top of the stack (below the stop machinery); where the top is not known
// it counts from the first frame, which can only miss: what lies in the machinery itself is weak.
#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/frames.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

std::optional<std::uint64_t> top_index(const FactView& facts, const Fact& frame) {
  const std::string* thread = frame.text("thread");
  for (const Fact* other : thread ? facts.frames_of(*thread) : FactView::Facts{})
    if (other->flag("top")) return other->number("index").value_or(0);
  return std::nullopt;
}

// Where the code lies that stands on a stack above its top.
bool is_stop_machinery(std::string_view module) {
  return is_kernel_image(module) || equals_no_case(stem(module), "hal");
}

class FrameModule : public Condition {
public:
  FrameModule(ModuleNames modules, std::uint64_t within, On on)
      : modules_(std::move(modules)), within_(within), on_(on) {
    condition_ = fmt::format("frame in {}", modules_.written());
    if (within_ != UINT64_MAX) condition_ += fmt::format(" within {} frames", within_);
    condition_ += fmt::format(" on {}", in_words(on));
  }

  Finding judge(const FactView& facts) const override {
    Finding found;
    bool deeper = false; // a match that would count if the unknown top lay deep enough
    look_at_frames(facts, on_, modules_, [&](const Fact& frame) {
      if (!modules_.match(frame_module(frame))) return false;
      const std::uint64_t index = frame.number("index").value_or(UINT64_MAX);
      const char* doubt = doubt_about_place(frame);
      if (within_ != UINT64_MAX) {
        const auto top = top_index(facts, frame);
        const std::uint64_t from = top.value_or(0);
        if (index < from || index - from >= within_) {
          deeper = deeper || !top;
          return false;
        }
        if (!top && is_stop_machinery(frame_module(frame)))
          doubt = "it may be the stop's own machinery: the top of that stack is not known";
      }
      if (doubt && found.answer == Answer::yes) return false;
      found = yes_by(condition_,
                     fmt::format("{} is frame {} {} {}", frame_in_words(frame), index,
                                 frame_stack(frame), frame_sources(frame)),
                     doubt, {frame.id});
      return !doubt;
    });
    if (found.answer == Answer::yes) return found;
    if (deeper)
      return cannot_tell(condition_,
                         "a frame of it is on the stack, but the top of that stack is not known");
    return no_frame(condition_, facts, on_, "no frame lies in it");
  }

  void needs(Needs& needs) const override { modules_.need(needs, NeedKind::frame_module); }
  unsigned weight() const override { return 2; }

private:
  ModuleNames modules_;
  std::uint64_t within_;
  On on_;
  std::string condition_;
};

} // namespace

ConditionPtr read_frame_module(YamlReader& yaml, const RuleContext&) {
  ModuleNames modules;
  std::uint64_t within = UINT64_MAX;
  On on = On::crashing_thread;
  if (yaml.kind() != YamlReader::Kind::map) {
    modules.read(yaml);
  } else {
    yaml.fields("frame_module", {{"module", true, [&] { modules.read(yaml); }},
                                 {"within", false,
                                  [&] {
                                    auto frames = yaml.number("a number of frames");
                                    if (frames == 0u)
                                      yaml.error("expected a number of frames above 0");
                                    if (frames) within = *frames;
                                  }},
                                 {"on", false, [&] { on = read_on(yaml); }}});
  }
  if (modules.empty()) return nullptr;
  return std::make_shared<FrameModule>(std::move(modules), within, on);
}

} // namespace dumptriage::rules
