// driver_class: antivirus, or a list.  A driver of one of these classes is loaded.  The table of
// classes cannot know every driver: "no" needs every module to be of a known class or the system's
// own.
#include <algorithm>

#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"

namespace dumptriage::rules {
namespace {

class DriverClass : public Condition {
public:
  explicit DriverClass(std::vector<std::string> classes) : classes_(std::move(classes)) {
    condition_ = "a driver of class " + join(classes_);
  }

  Finding judge(const FactView& facts) const override {
    Search search;
    for (const evidence::Fact* module : facts.of_kind("module")) {
      const std::string_view found = text_of(*module, "class");
      Keys keys;
      const bool own = module->fields.contains("third_party") && !module->flag("third_party");
      keys.add(!found.empty() || own, std::ranges::find(classes_, found) != classes_.end());
      if (search.add(*module, keys, [&] {
            const std::string_view company = text_of(*module, "company");
            return fmt::format("{} is loaded ({}{}{})", text_of(*module, "name"), found,
                               company.empty() ? "" : ", ", company);
          }))
        break;
    }
    return std::move(search).result(condition_, facts, {"module"}, "no such driver is loaded",
                                    "what some of the loaded modules are is not known");
  }
  unsigned weight() const override { return 1; }

private:
  std::vector<std::string> classes_;
  std::string condition_;
};

} // namespace

ConditionPtr read_driver_class(YamlReader& yaml, const RuleContext&) {
  std::vector<std::string> classes;
  yaml.texts_into(classes, "a class of drivers such as antivirus");
  if (classes.empty()) return nullptr;
  return std::make_shared<DriverClass>(std::move(classes));
}

} // namespace dumptriage::rules
