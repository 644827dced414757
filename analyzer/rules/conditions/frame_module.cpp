// frame_module: {module: sfmsrv.sys, within: 8, on: crashing_thread | any_cpu | any_thread}.
// `within` counts from the top of the stack (below the stop machinery); where the top is not known
// it counts from the first frame, which can only miss, never invent.
#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/frames.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

enum class On { crashing_thread, any_cpu, any_thread };

class FrameModule : public Condition {
public:
  FrameModule(std::vector<ModulePattern> modules, std::uint64_t within, On on)
      : modules_(std::move(modules)), within_(within), on_(on) {
    constexpr std::array<std::string_view, 3> kWhere = {"the crashing thread", "any CPU",
                                                        "any thread"};
    condition_ = fmt::format("frame in {}", written(modules_));
    if (within_ != UINT64_MAX) condition_ += fmt::format(" within {} frames", within_);
    condition_ += fmt::format(" on {}", kWhere[static_cast<std::size_t>(on)]);
  }

  Finding judge(const FactView& facts) const override {
    const auto tops = top_indices(facts);
    std::optional<Finding> weak;
    bool deeper = false; // a match that would count if the unknown top lay deep enough
    for (const evidence::Fact& frame : facts.set().facts) {
      if (frame.kind != "frame" || !looks_at(frame)) continue;
      if (!any_matches(modules_, frame_module(frame))) continue;
      const std::uint64_t index = frame.number("index").value_or(UINT64_MAX);
      auto top = tops.find(stack_key(frame));
      const bool top_known = top != tops.end();
      const std::uint64_t from = top_known ? top->second : 0;
      if (within_ != UINT64_MAX && (index < from || index - from >= within_)) {
        deeper = deeper || !top_known;
        continue;
      }
      std::string because = fmt::format("{} is frame {} {} {}", frame_in_words(frame), index,
                                        frame_stack(frame), frame_sources(frame));
      auto doubt = doubt_about_place(frame);
      if (!doubt) return yes(condition_, because, {frame.id});
      if (!weak) weak = weak_yes(condition_, because + "; " + *doubt, {frame.id});
    }
    if (weak) return *weak;
    if (deeper)
      return cannot_tell(condition_,
                         "a frame of it is on the stack, but the top of that stack is not known");
    return nothing_found(facts);
  }

private:
  static std::string stack_key(const evidence::Fact& frame) {
    const std::string* thread = frame.text("thread");
    auto cpu = frame.number("cpu");
    return fmt::format("{}/{}", thread ? *thread : "", cpu ? std::to_string(*cpu) : "");
  }

  static std::map<std::string, std::uint64_t> top_indices(const FactView& facts) {
    std::map<std::string, std::uint64_t> tops;
    for (const auto& frame : facts.set().facts)
      if (frame.kind == "frame" && frame.flag("top"))
        tops.try_emplace(stack_key(frame), frame.number("index").value_or(0));
    return tops;
  }

  bool looks_at(const evidence::Fact& frame) const {
    if (on_ == On::crashing_thread) return frame.flag("crashed_thread");
    return on_ == On::any_thread || frame.number("cpu").has_value();
  }

  Finding nothing_found(const FactView& facts) const {
    const char* kind = on_ == On::crashing_thread ? "frame_crashed" : "frame";
    Finding found = not_found(condition_, facts, kind, "no frame lies in it");
    if (found.answer == Answer::no && on_ == On::any_thread)
      return not_found(condition_, facts, "thread", "no frame of any thread lies in it");
    return found;
  }

  std::vector<ModulePattern> modules_;
  std::uint64_t within_;
  On on_;
  std::string condition_;
};

} // namespace

ConditionPtr read_frame_module(YamlReader& yaml, const RuleContext&) {
  std::vector<ModulePattern> modules;
  std::uint64_t within = UINT64_MAX;
  On on = On::crashing_thread;
  if (yaml.kind() != YamlReader::Kind::map) {
    read_modules(yaml, modules);
  } else {
    yaml.fields("frame_module", {{"module", true, [&] { read_modules(yaml, modules); }},
                                 {"within", false,
                                  [&] {
                                    auto frames = yaml.number("a number of frames");
                                    if (frames == 0u)
                                      yaml.error("expected a number of frames above 0");
                                    if (frames) within = *frames;
                                  }},
                                 {"on", false, [&] {
                                    on = static_cast<On>(read_choice(
                                        yaml, {"crashing_thread", "any_cpu", "any_thread"}));
                                  }}});
  }
  if (modules.empty()) return nullptr;
  return std::make_shared<FrameModule>(std::move(modules), within, on);
}

} // namespace dumptriage::rules
