// dump_set: {at_least: 3, distinct_codes: 3}.  Several dumps of one machine together tell failing
// memory, which stops with ever other codes, from one bug.  The facts are those of one dump, so the
// answer is "cannot tell"; the condition lets a rule say what to collect.
#include <fmt/format.h>

#include "rules/conditions/condition.h"

namespace dumptriage::rules {
namespace {

class DumpSet : public Condition {
public:
  DumpSet(std::uint64_t dumps, std::uint64_t codes) {
    condition_ = fmt::format("at least {} dumps of this machine", dumps);
    if (codes > 1) condition_ += fmt::format(" with {} different codes", codes);
  }

  Finding judge(const FactView&) const override {
    return cannot_tell(condition_, "one dump alone cannot tell");
  }
  unsigned weight() const override { return 1; }

private:
  std::string condition_;
};

} // namespace

ConditionPtr read_dump_set(YamlReader& yaml, const RuleContext&) {
  std::uint64_t dumps = 0, codes = 0;
  yaml.fields("dump_set",
              {{"at_least", true, [&] { dumps = yaml.number("a number of dumps").value_or(0); }},
               {"distinct_codes", false,
                [&] { codes = yaml.number("a number of stop codes").value_or(0); }}});
  if (yaml.kind() != YamlReader::Kind::map) return nullptr;
  if (dumps < 2 || codes > dumps) {
    yaml.error(
        "dump_set: expected 'at_least' of 2 or more, and no more 'distinct_codes' than that");
    return nullptr;
  }
  return std::make_shared<DumpSet>(dumps, codes);
}

} // namespace dumptriage::rules
