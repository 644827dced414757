// work_queue: {queue: critical, idle_at_most: 0, pending_at_least: 1}.  State of a queue of the
// system's worker threads.
#include <fmt/format.h>

#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

class WorkQueue : public Condition {
public:
  WorkQueue(std::string queue, std::optional<std::uint64_t> idle,
            std::optional<std::uint64_t> pending)
      : queue_(std::move(queue)), idle_(idle), pending_(pending) {
    condition_ = fmt::format("work queue {}", queue_);
    if (idle_) condition_ += fmt::format(" with at most {} idle workers", *idle_);
    if (pending_) condition_ += fmt::format(" with at least {} items waiting", *pending_);
  }

  Finding judge(const FactView& facts) const override {
    Search search;
    for (const evidence::Fact* queue : facts.of_kind("work_queue")) {
      if (text_of(*queue, "queue") != queue_) continue;
      const auto idle = queue->number("idle"), pending = queue->number("pending");
      Keys keys;
      // A queue whose workers were not found has no idle ones either.
      const bool workers = queue->number("workers").value_or(0) > 0;
      if (idle_) keys.add(idle && workers, idle.value_or(0) <= *idle_);
      if (pending_) keys.add(pending.has_value(), pending.value_or(0) >= *pending_);
      keys.doubt(doubt_about_fact(*queue));
      if (search.add(*queue, keys, [&] {
            return fmt::format("the {} queue has {} idle workers, {} items wait", queue_,
                               idle ? std::to_string(*idle) : "an unknown number of",
                               pending ? std::to_string(*pending) : "an unknown number of");
          }))
        break;
    }
    return std::move(search).result(condition_, facts, {"work_queue"},
                                    "the queue is not in this state",
                                    "the state of the queue is not known");
  }

  void needs(Needs& needs) const override { needs.push_back({NeedKind::fact, {"work_queue"}}); }
  unsigned weight() const override { return 4; }

private:
  std::string queue_;
  std::optional<std::uint64_t> idle_, pending_;
  std::string condition_;
};

} // namespace

ConditionPtr read_work_queue(YamlReader& yaml, const RuleContext&) {
  std::string queue;
  std::optional<std::uint64_t> idle, pending;
  yaml.fields(
      "work_queue",
      {{"queue", true, [&] { queue = read_word(yaml, {"critical", "delayed", "hypercritical"}); }},
       {"idle_at_most", false, [&] { idle = yaml.number("a number of workers"); }},
       {"pending_at_least", false, [&] { pending = yaml.number("a number of items"); }}});
  if (queue.empty()) return nullptr;
  if (!idle && !pending) {
    yaml.error("work_queue: expected idle_at_most or pending_at_least");
    return nullptr;
  }
  return std::make_shared<WorkQueue>(std::move(queue), idle, pending);
}

} // namespace dumptriage::rules
