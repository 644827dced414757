// frame_sequence: {frames: [nt!KiTrap0E, npfs!NpCancelWaitQueueIrp, nt!IoCancelIrp], on:
// crashing_thread}, or the list alone.  The frames stand on one stack in this order, newest call
// first; others between them are allowed.  An entry may be a list of names, of which one is there.
#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/frames.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;
using Hit = FunctionNames::Hit;

class FrameSequence : public Condition {
public:
  FrameSequence(std::vector<FunctionNames> entries, On on) : entries_(std::move(entries)), on_(on) {
    std::vector<std::string> words;
    for (const auto& entry : entries_) words.push_back(entry.written());
    condition_ = fmt::format("frame_sequence {} on {}", join(words, "<-"), in_words(on));
  }

  Finding judge(const FactView& facts) const override {
    Finding found;
    std::unordered_set<std::string_view> seen;
    // A stack without the first entry cannot hold the sequence.
    look_at_frames(facts, on_, entries_.front().modules(), [&](const Fact& frame) {
      const std::string* thread = frame.text("thread");
      if (!thread || entries_.front().match(frame) == Hit::none || !seen.insert(*thread).second)
        return false;
      if (auto frames = find_in(facts.frames_of(*thread), true)) {
        found = describe(*frames, nullptr);
        return true;
      }
      if (found.answer == Answer::yes) return false;
      if (auto frames = find_in(facts.frames_of(*thread), false))
        found = describe(*frames, doubt_about_frames(*frames));
      return false;
    });
    if (found.answer == Answer::yes) return found;
    return no_frame(condition_, facts, on_, "no stack has these frames in this order");
  }

  bool discriminating() const override { return named() >= 2; }
  Half half() const override {
    return named() >= 1 && entries_.size() >= 2 ? Half::code : Half::none;
  }
  // The chain needs every one of its entries.
  void needs(Needs& needs) const override {
    for (const auto& entry : entries_) entry.modules().need(needs, NeedKind::frame_module);
  }
  unsigned weight() const override {
    const auto functions = static_cast<unsigned>(named());
    return functions ? 4 + 4 * functions : 4;
  }

private:
  using Frames = std::vector<const Fact*>; // one for each entry

  std::ptrdiff_t named() const {
    return std::ranges::count_if(entries_, &FunctionNames::name_functions);
  }

  // The first frame that fits each entry: if any choice fits the whole sequence, this one does.
  std::optional<Frames> find_in(FactView::Facts stack, bool sure) const {
    Frames frames;
    for (const Fact* frame : stack) {
      const Hit hit = entries_[frames.size()].match(*frame);
      if (hit == Hit::none || (sure && doubt_about(hit, *frame))) continue;
      frames.push_back(frame);
      if (frames.size() == entries_.size()) return frames;
    }
    return std::nullopt;
  }

  const char* doubt_about_frames(const Frames& frames) const {
    for (std::size_t i = 0; i < frames.size(); ++i)
      if (const char* doubt = doubt_about(entries_[i].match(*frames[i]), *frames[i])) return doubt;
    return nullptr;
  }

  Finding describe(const Frames& frames, const char* doubt) const {
    std::vector<std::string> words, ids;
    for (const Fact* frame : frames) {
      words.push_back(frame_in_words(*frame));
      ids.push_back(frame->id);
    }
    return yes_by(condition_,
                  fmt::format("{} {} {}", join(words, "<-"), frame_stack(*frames.front()),
                              frame_sources(*frames.front())),
                  doubt, std::move(ids));
  }

  std::vector<FunctionNames> entries_;
  On on_;
  std::string condition_;
};

void read_entries(YamlReader& yaml, std::vector<FunctionNames>& entries) {
  yaml.each("a list of functions such as netbt!NbtConnect",
            [&] { entries.emplace_back().read(yaml); });
}

} // namespace

ConditionPtr read_frame_sequence(YamlReader& yaml, const RuleContext&) {
  std::vector<FunctionNames> entries;
  On on = On::crashing_thread;
  if (yaml.kind() != YamlReader::Kind::map) {
    read_entries(yaml, entries);
  } else {
    yaml.fields("frame_sequence", {{"frames", true, [&] { read_entries(yaml, entries); }},
                                   {"on", false, [&] { on = read_on(yaml); }}});
  }
  if (entries.empty() || std::ranges::any_of(entries, &FunctionNames::empty)) return nullptr;
  if (entries.size() < 2) {
    yaml.error("frame_sequence: expected two frames or more; for one write frame_function");
    return nullptr;
  }
  return std::make_shared<FrameSequence>(std::move(entries), on);
}

} // namespace dumptriage::rules
