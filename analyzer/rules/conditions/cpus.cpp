// cpus: {at_least: 2} or {at_most: 1}, of the machine.
#include <fmt/format.h>

#include "rules/conditions/condition.h"

namespace dumptriage::rules {
namespace {

class Cpus : public Condition {
public:
  Cpus(std::uint64_t least, std::uint64_t most) : least_(least), most_(most) {
    condition_ = most == UINT64_MAX ? fmt::format("at least {} CPUs", least)
                 : least == 0       ? fmt::format("at most {} CPUs", most)
                                    : fmt::format("{} to {} CPUs", least, most);
  }

  Finding judge(const FactView& facts) const override {
    const evidence::Fact* os = facts.first("os");
    auto count = os ? os->number("cpus") : std::nullopt;
    if (!count) return cannot_tell(condition_, "the dump does not say how many CPUs there were");
    auto because = fmt::format("the machine had {}", *count);
    return *count >= least_ && *count <= most_ ? yes(condition_, because, {os->id})
                                               : no(condition_, because, {os->id});
  }

private:
  std::uint64_t least_, most_;
  std::string condition_;
};

} // namespace

ConditionPtr read_cpus(YamlReader& yaml, const RuleContext&) {
  std::optional<std::uint64_t> least, most;
  yaml.fields("cpus", {{"at_least", false, [&] { least = yaml.number("a number of CPUs"); }},
                       {"at_most", false, [&] { most = yaml.number("a number of CPUs"); }}});
  if (!least && !most) {
    if (yaml.kind() == YamlReader::Kind::map) yaml.error("cpus: expected at_least or at_most");
    return nullptr;
  }
  if (least.value_or(0) > most.value_or(UINT64_MAX)) {
    yaml.error("cpus: at_least is more than at_most");
    return nullptr;
  }
  return std::make_shared<Cpus>(least.value_or(0), most.value_or(UINT64_MAX));
}

} // namespace dumptriage::rules
