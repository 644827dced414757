#include "rules/conditions/waits.h"

#include <array>

#include "rules/conditions/arguments.h"
#include "rules/conditions/frames.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

// The names of system::WaitKind.
constexpr auto kObjectKinds = std::to_array<std::string_view>(
    {"thread", "process", "resource", "mutant", "fast_mutex", "guarded_mutex", "critical_section",
     "event", "semaphore", "gate", "queue", "timer", "other"});

// Every frame of the thread is among the facts, and the stack is sure to its end.
bool whole_stack(const Fact& thread, FactView::Facts frames) {
  const auto sure = thread.number("sure_frames");
  return thread.flag("whole") && sure && *sure > 0 && frames.size() >= *sure;
}

// `match` says of a frame: no, by its place, by its name, or perhaps (cannot tell).
struct FrameAnswer {
  Answer answer = Answer::no;
  const char* doubt = nullptr;
};
template <typename Match>
PlaceOnStack find(const FactView& facts, const Fact& thread, Match match) {
  const std::string* id = thread.text("thread");
  const FactView::Facts frames = id ? facts.frames_of(*id) : FactView::Facts{};
  PlaceOnStack found{whole_stack(thread, frames) ? Answer::no : Answer::cannot_tell, nullptr,
                     nullptr};
  for (const Fact* frame : frames) {
    const FrameAnswer here = match(*frame);
    if (here.answer == Answer::yes && !here.doubt) return {Answer::yes, nullptr, frame};
    if (here.answer > found.answer) found = {here.answer, here.doubt, frame};
  }
  return found;
}

} // namespace

void read_object_kinds(YamlReader& yaml, std::vector<std::string>& to) {
  read_words(yaml, to, kObjectKinds, "a kind of object");
}

PlaceOnStack find_on_stack(const FactView& facts, const Fact& thread, const ModuleNames& modules) {
  return find(facts, thread, [&](const Fact& frame) -> FrameAnswer {
    if (!modules.match(frame_module(frame))) return {};
    return {Answer::yes, doubt_about_place(frame)};
  });
}

PlaceOnStack find_on_stack(const FactView& facts, const Fact& thread,
                           const FunctionNames& functions) {
  return find(facts, thread, [&](const Fact& frame) -> FrameAnswer {
    const auto hit = functions.match(frame);
    if (hit != FunctionNames::Hit::none) return {Answer::yes, doubt_about(hit, frame)};
    // Without a sure name it might be the function.
    const bool open = functions.modules().match(frame_module(frame)) && doubt_about_name(frame);
    return {open ? Answer::cannot_tell : Answer::no, nullptr};
  });
}

} // namespace dumptriage::rules
