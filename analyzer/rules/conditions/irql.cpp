// irql: 2, or {at_least: 2}, {at_most: 1}, {equals: 2}.  IRQL of the crashed CPU.
#include <fmt/format.h>

#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"

namespace dumptriage::rules {
namespace {

class Irql : public Condition {
public:
  explicit Irql(const Range& range) : range_(range), condition_("IRQL " + in_words(range, "")) {}

  Finding judge(const FactView& facts) const override {
    for (const evidence::Fact* cpu : facts.of_kind("cpu")) {
      const auto irql = cpu->number("irql");
      if (!cpu->flag("crashed") || !irql) continue;
      auto because = fmt::format("the crashed CPU was at IRQL {}", *irql);
      return (range_.holds(*irql) ? yes : no)(condition_, because, {cpu->id});
    }
    return cannot_tell(condition_, "the dump does not tell the IRQL of the crashed CPU");
  }
  unsigned weight() const override { return 1; }

private:
  Range range_;
  std::string condition_;
};

} // namespace

ConditionPtr read_irql(YamlReader& yaml, const RuleContext&) {
  Range range;
  auto level = [&] { return yaml.number("an IRQL such as 2"); };
  auto exactly = [&] {
    if (auto value = level()) range = {*value, *value};
  };
  if (yaml.kind() != YamlReader::Kind::map) {
    exactly();
    return std::make_shared<Irql>(range);
  }
  yaml.fields("irql", {{"equals", false, exactly},
                       {"at_least", false, [&] { range.least = level().value_or(range.least); }},
                       {"at_most", false, [&] { range.most = level().value_or(range.most); }}});
  if (!acceptable(yaml, range, "irql")) return nullptr;
  return std::make_shared<Irql>(range);
}

} // namespace dumptriage::rules
