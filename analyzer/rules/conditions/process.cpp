// process: lsass.exe, or a list.  The crashing thread belongs to it.
#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

// EPROCESS.ImageFileName has room for 15 characters.
constexpr std::size_t kMostCharacters = 15;

class Process : public Condition {
public:
  explicit Process(ModuleNames names) : names_(std::move(names)) {
    condition_ = "process " + names_.written();
  }

  Finding judge(const FactView& facts) const override {
    const auto [name, id] = crashed_process(facts);
    if (name.empty())
      return cannot_tell(condition_,
                         "the dump does not tell to which process the crashing thread belongs");
    std::string because = fmt::format("the crashing thread belongs to {}", name);
    if (names_.match(name)) return yes(condition_, because, {id});
    for (const auto& pattern : names_.patterns())
      if (may_be_cut(name, pattern.written(), kMostCharacters) ||
          may_be_cut(name, pattern.written(), kMostCharacters - 1))
        return weak_yes(condition_, because + ", a name that is cut", {id});
    return no(condition_, because, {id});
  }

  unsigned weight() const override { return 2; }

private:
  static std::pair<std::string_view, std::string> crashed_process(const FactView& facts) {
    for (const Fact* process : facts.of_kind("process"))
      if (process->flag("crashed")) return {text_of(*process, "name"), process->id};
    if (const Fact* thread = crashed_thread(facts))
      return {text_of(*thread, "process_name"), thread->id};
    return {};
  }

  ModuleNames names_;
  std::string condition_;
};

} // namespace

ConditionPtr read_process(YamlReader& yaml, const RuleContext&) {
  ModuleNames names;
  names.read(yaml);
  if (names.empty()) return nullptr;
  return std::make_shared<Process>(std::move(names));
}

} // namespace dumptriage::rules
