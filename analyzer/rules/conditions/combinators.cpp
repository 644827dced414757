// all, any, not, count: three-valued logic over other conditions.
#include <algorithm>

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
    case Logic::all: return proofs > 0;
    case Logic::any: return proofs == children_.size();
    case Logic::count: return count_ > children_.size() - proofs;
    case Logic::negation: return false;
    }
    return false;
  }

private:
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
