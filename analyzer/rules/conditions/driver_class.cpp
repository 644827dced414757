// driver_class: antivirus, or a list.  A driver of one of these classes is loaded.  The table of
// classes cannot know every driver: "no" needs every module to be in it.
#include <algorithm>

#include <fmt/format.h>

#include "evidence/driver_classes.h"
#include "rules/conditions/arguments.h"
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
      keys.add(!found.empty(), std::ranges::find(classes_, found) != classes_.end());
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
  std::vector<std::string_view> known;
  for (const auto& row : evidence::driver_classes()) known.push_back(row.name);
  std::ranges::sort(known);
  const auto doubles = std::ranges::unique(known);
  known.erase(doubles.begin(), doubles.end());
  read_words(yaml, classes, known, "a class of drivers");
  if (classes.empty()) return nullptr;
  return std::make_shared<DriverClass>(std::move(classes));
}

} // namespace dumptriage::rules
