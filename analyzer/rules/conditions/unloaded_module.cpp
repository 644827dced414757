// unloaded_module: driver.sys, or a list of which one was unloaded.  The system remembers only the
// last ones, so the facts never say "no" here.
#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

// Triage dumps keep 12 characters of a name (DUMP_UNLOADED_DRIVERS).
constexpr std::size_t kMostCharacters = 12;

class UnloadedModule : public Condition {
public:
  explicit UnloadedModule(ModuleNames modules) : modules_(std::move(modules)) {
    condition_ = "unloaded_module " + modules_.written();
  }

  Finding judge(const FactView& facts) const override {
    Search search;
    for (const evidence::Fact* module : facts.of_kind("unloaded_module")) {
      const std::string_view name = text_of(*module, "name");
      Keys keys;
      const bool whole = modules_.match(name);
      keys.add(whole || cut(name));
      if (!whole) keys.doubt("the dump keeps only a part of the name");
      if (search.add(*module, keys, [&] { return fmt::format("{} was unloaded", name); })) break;
    }
    return std::move(search).result(condition_, facts, {"unloaded_module"},
                                    modules_.written() + " was not unloaded", {});
  }
  unsigned weight() const override { return 2; }

private:
  bool cut(std::string_view name) const {
    for (const auto& pattern : modules_.patterns())
      if (may_be_cut(name, pattern.written(), kMostCharacters)) return true;
    return false;
  }

  ModuleNames modules_;
  std::string condition_;
};

} // namespace

ConditionPtr read_unloaded_module(YamlReader& yaml, const RuleContext&) {
  ModuleNames modules;
  modules.read(yaml);
  if (modules.empty()) return nullptr;
  return std::make_shared<UnloadedModule>(std::move(modules));
}

} // namespace dumptriage::rules
