// pool_tag_at: {at: p1, tag: [Irp], state: free}.  The pool block around a parameter of the stop,
// or the one that the fault has to do with.
#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"
#include "rules/conditions/function_names.h"
#include "rules/conditions/pool_tags.h"

namespace dumptriage::rules {
namespace {

class PoolTagAt : public Condition {
public:
  PoolTagAt(std::string at, std::vector<std::string> tags, std::string state)
      : at_(std::move(at)), tags_(std::move(tags)), state_(std::move(state)) {
    condition_ = fmt::format("the pool block at {}", at_ == "fault" ? "the fault" : at_);
    if (!tags_.empty()) condition_ += " has tag " + join(tags_);
    if (!state_.empty())
      condition_ += fmt::format("{} {}", tags_.empty() ? " is" : " and is", state_);
  }

  Finding judge(const FactView& facts) const override {
    const bool fault = at_ == "fault";
    const std::string_view kind = fault ? "touched_block" : "pool_block";
    Search search;
    bool damaged = false;
    for (const evidence::Fact* block : facts.of_kind(kind)) {
      if (!fault && text_of(*block, "asked_by") != at_) continue;
      const std::string_view tag = text_of(*block, "tag"), state = text_of(*block, "state");
      Keys keys;
      if (!tags_.empty()) keys.add(!tag.empty(), matches_tag(tags_, tag));
      if (!state_.empty()) keys.add(!state.empty(), state == state_);
      if (block->flag("damaged")) keys.doubt("the pool page is damaged");
      keys.doubt(doubt_about_fact(*block));
      // What stands in the header of a damaged page rules nothing out.
      if (block->flag("damaged") && keys.answer() == Answer::no) keys = open_keys();
      damaged = damaged || block->flag("damaged");
      if (search.add(*block, keys, [&] {
            return fmt::format("the block at {} has tag '{}' and is {}",
                               address_in_words(block->number("block").value_or(0)), tag,
                               state.empty() ? "in a state that is not known" : state);
          }))
        break;
    }
    return std::move(search).result(condition_, facts, {kind}, "it lies in no such block",
                                    damaged ? "the pool page around it is damaged"
                                            : "tag or state of the block are not known");
  }

  void needs(Needs& needs) const override {
    needs.push_back({NeedKind::fact, {at_ == "fault" ? "touched_block" : "pool_block"}});
  }
  unsigned weight() const override { return 4; }
  Half half() const override {
    return state_ == "free" && !tags_.empty() ? Half::state : Half::none;
  }

private:
  static Keys open_keys() {
    Keys keys;
    keys.add(Answer::cannot_tell);
    return keys;
  }

  std::string at_;
  std::vector<std::string> tags_;
  std::string state_;
  std::string condition_;
};

} // namespace

ConditionPtr read_pool_tag_at(YamlReader& yaml, const RuleContext&) {
  std::string at, state;
  std::vector<std::string> tags;
  yaml.fields("pool_tag_at",
              {{"at", true, [&] { at = read_word(yaml, {"p1", "p2", "p3", "p4", "fault"}); }},
               {"tag", false, [&] { read_tags(yaml, tags); }},
               {"state", false, [&] { state = read_word(yaml, {"free", "allocated"}); }}});
  if (at.empty()) return nullptr;
  if (tags.empty() && state.empty()) {
    yaml.error("pool_tag_at: expected 'tag' or 'state'");
    return nullptr;
  }
  return std::make_shared<PoolTagAt>(std::move(at), std::move(tags), std::move(state));
}

} // namespace dumptriage::rules
