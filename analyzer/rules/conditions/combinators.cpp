// all, any, not, count: three-valued logic over other conditions.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "rules/conditions/condition.h"

namespace dumptriage::rules {
namespace {

enum class Logic { all, any, count, negation };

class Combined : public Condition {
public:
  Combined(Logic logic, std::size_t count, std::vector<ConditionPtr> children)
      : logic_(logic), count_(count), children_(std::move(children)) {}

  Finding judge(const FactView& facts) const override {
    if (logic_ == Logic::negation) return none_of("not", children_.front()->judge(facts));
    std::vector<Finding> findings;
    for (const auto& child : children_) findings.push_back(child->judge(facts));
    if (logic_ == Logic::all) return all_of("all of", std::move(findings));
    if (logic_ == Logic::any) return any_of("any of", std::move(findings));
    return at_least(fmt::format("at least {} of", count_), count_, std::move(findings));
  }

  // Whichever children hold, one of them must be proof.
  bool discriminating() const override {
    auto proofs = static_cast<std::size_t>(
        std::ranges::count_if(children_, [](const auto& c) { return c->discriminating(); }));
    switch (logic_) {
    case Logic::all: return proofs > 0 || (has(Half::state) && has(Half::code));
    case Logic::any: return proofs == children_.size();
    case Logic::count: return count_ > children_.size() - proofs;
    case Logic::negation: return false;
    }
    return false;
  }

  // One of `any` holds: only what all of them are counts.
  Half half() const override {
    const Half first = children_.front()->half();
    const bool same =
        std::ranges::all_of(children_, [&](const auto& c) { return c->half() == first; });
    if (logic_ == Logic::all)
      return has(Half::state) ? Half::state : has(Half::code) ? Half::code : Half::none;
    return logic_ == Logic::any && same ? first : Half::none;
  }

  void needs(Needs& needs) const override {
    if (logic_ == Logic::negation) return;
    if (logic_ == Logic::all || count_ == children_.size()) {
      for (const auto& child : children_) child->needs(needs);
      return;
    }
    std::vector<Needs> of_each(children_.size());
    for (std::size_t i = 0; i < children_.size(); ++i) children_[i]->needs(of_each[i]);
    add_common(of_each, needs);
  }

  // What holds at least: all of them, or as many of the lightest as are asked for.
  unsigned weight() const override {
    if (logic_ == Logic::negation) return 0;
    std::vector<unsigned> weights;
    for (const auto& child : children_) weights.push_back(child->weight());
    std::ranges::sort(weights);
    const std::size_t held = logic_ == Logic::all ? weights.size() : count_;
    return std::accumulate(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(held),
                           0u);
  }

private:
  bool has(Half half) const {
    return std::ranges::any_of(children_, [&](const auto& c) { return c->half() == half; });
  }

  // One of the children holds: whichever it is, one atom of a Need that each of them has is there.
  static void add_common(const std::vector<Needs>& of_each, Needs& needs) {
    for (const Need& first : of_each.front()) {
      Need common{first.kind, {}};
      const bool in_all = std::ranges::all_of(of_each, [&](const Needs& some) {
        const auto same = std::ranges::find(some, first.kind, &Need::kind);
        if (same == some.end()) return false;
        const Need& need = &some == &of_each.front() ? first : *same;
        common.any_of.insert(common.any_of.end(), need.any_of.begin(), need.any_of.end());
        return true;
      });
      if (in_all) needs.push_back(std::move(common));
    }
  }

  Logic logic_;
  std::size_t count_;
  std::vector<ConditionPtr> children_;
};

std::vector<ConditionPtr> read_children(YamlReader& yaml, const RuleContext& context) {
  std::vector<ConditionPtr> children;
  bool whole = true;
  yaml.each("a list of conditions", [&] {
    auto child = read_condition(yaml, context);
    whole = whole && child;
    if (child) children.push_back(std::move(child));
  });
  if (!whole) children.clear();
  return children;
}

ConditionPtr combined(Logic logic, std::size_t count, std::vector<ConditionPtr> children) {
  if (children.empty()) return nullptr;
  return std::make_shared<Combined>(logic, count, std::move(children));
}

} // namespace

ConditionPtr read_all(YamlReader& yaml, const RuleContext& context) {
  return combined(Logic::all, 0, read_children(yaml, context));
}
ConditionPtr read_any(YamlReader& yaml, const RuleContext& context) {
  return combined(Logic::any, 1, read_children(yaml, context));
}
ConditionPtr read_not(YamlReader& yaml, const RuleContext& context) {
  if (yaml.kind() == YamlReader::Kind::list) {
    yaml.error("expected one condition under 'not'; for several write 'not: {any: [...]}'");
    return nullptr;
  }
  return combined(Logic::negation, 1, read_children(yaml, context));
}
ConditionPtr read_count(YamlReader& yaml, const RuleContext& context) {
  std::size_t least = 0;
  std::vector<ConditionPtr> children;
  yaml.fields("count", {{"at_least", true,
                         [&] { least = yaml.number("a number of conditions").value_or(0); }},
                        {"of", true, [&] { children = read_children(yaml, context); }}});
  if (children.empty()) return nullptr;
  if (least == 0 || least > children.size()) {
    yaml.error(fmt::format("expected 'at_least' between 1 and {}", children.size()));
    return nullptr;
  }
  return combined(Logic::count, least, std::move(children));
}

} // namespace dumptriage::rules
