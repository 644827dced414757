// cpus: {at_least: 2} or {at_most: 1}, of the machine.
#include <fmt/format.h>

#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"

namespace dumptriage::rules {
namespace {

class Cpus : public Condition {
public:
  explicit Cpus(const Range& range) : range_(range), condition_(in_words(range, " CPUs")) {}

  Finding judge(const FactView& facts) const override {
    const evidence::Fact* os = facts.first("os");
    auto count = os ? os->number("cpus") : std::nullopt;
    if (!count) return cannot_tell(condition_, "the dump does not say how many CPUs there were");
    auto because = fmt::format("the machine had {}", *count);
    return (range_.holds(*count) ? yes : no)(condition_, because, {os->id});
  }
  unsigned weight() const override { return 0; }

private:
  Range range_;
  std::string condition_;
};

} // namespace

ConditionPtr read_cpus(YamlReader& yaml, const RuleContext&) {
  Range range;
  auto bound = [&](std::uint64_t& to) { to = yaml.number("a number of CPUs").value_or(to); };
  yaml.fields("cpus", {{"at_least", false, [&] { bound(range.least); }},
                       {"at_most", false, [&] { bound(range.most); }}});
  if (!acceptable(yaml, range, "cpus")) return nullptr;
  return std::make_shared<Cpus>(range);
}

} // namespace dumptriage::rules
