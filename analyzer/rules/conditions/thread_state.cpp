// thread_state: terminated, or a list.  State of the crashing thread, in the words of the facts.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"

namespace dumptriage::rules {
namespace {

constexpr auto kStates = std::to_array<std::string_view>(
    {"initialized", "ready", "running", "standby", "terminated", "waiting", "transition",
     "deferred ready", "gate wait", "waiting for process in-swap"});

class ThreadState : public Condition {
public:
  explicit ThreadState(std::vector<std::string> states) : states_(std::move(states)) {
    condition_ = "thread state " + join(states_);
  }

  Finding judge(const FactView& facts) const override {
    const evidence::Fact* thread = crashed_thread(facts);
    const std::string_view state = thread ? text_of(*thread, "state") : std::string_view();
    if (state.empty())
      return cannot_tell(condition_, "the dump does not tell the state of the crashing thread");
    auto because = fmt::format("the crashing thread is {}", state);
    const bool hit = std::ranges::find(states_, state) != states_.end();
    return (hit ? yes : no)(condition_, because, {thread->id});
  }
  unsigned weight() const override { return 1; }

private:
  std::vector<std::string> states_;
  std::string condition_;
};

} // namespace

ConditionPtr read_thread_state(YamlReader& yaml, const RuleContext&) {
  std::vector<std::string> states;
  read_words(yaml, states, kStates, "a state of a thread");
  if (states.empty()) return nullptr;
  return std::make_shared<ThreadState>(std::move(states));
}

} // namespace dumptriage::rules
