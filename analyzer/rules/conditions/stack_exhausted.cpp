// stack_exhausted: true.  The crashing thread's stack ran out.
#include <fmt/format.h>

#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"

namespace dumptriage::rules {
namespace {

class StackExhausted : public Condition {
public:
  Finding judge(const FactView& facts) const override {
    const std::string condition = "stack exhausted";
    Search search;
    for (const evidence::Fact* limit : facts.of_kind("stack_limit")) {
      Keys keys;
      keys.add(limit->fields.contains("exhausted"), limit->flag("exhausted"));
      keys.doubt(doubt_about_fact(*limit));
      if (search.add(*limit, keys, [&] {
            const std::string_view why = text_of(*limit, "why");
            return why.empty() ? std::string("the crashing thread's stack ran out")
                               : std::string(why);
          }))
        break;
    }
    const evidence::Fact* fault = facts.first("fault");
    if (fault && text_of(*fault, "address_class") == "stack exhausted") {
      Keys keys;
      keys.doubt(doubt_about_fact(*fault));
      search.add(*fault, keys, [] { return "the fault ran into the end of the stack"; });
    }
    return std::move(search).result(condition, facts, {"stack_limit"},
                                    "the crashing thread has stack left",
                                    "how much stack is left is not known");
  }
  unsigned weight() const override { return 2; }
};

} // namespace

ConditionPtr read_stack_exhausted(YamlReader& yaml, const RuleContext&) {
  return read_true(yaml, "stack_exhausted") ? std::make_shared<StackExhausted>() : nullptr;
}

} // namespace dumptriage::rules
