// module_linked: {module: elxsli2.sys, on: 1999-12-14, within_days: 3}.  The module was linked on
// that day, give or take; without `within_days` one day, for the clocks.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"
#include "rules/conditions/function_names.h"
#include "rules/conditions/os_words.h"
#include "rules/fix_state.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

constexpr std::int64_t kDay = 86400;

// From Windows 10 on the field holds a hash; the families stand in the order of their releases.
bool has_link_times(const Fact* os) {
  const auto families = os_families();
  const auto found = os ? std::ranges::find(families, text_of(*os, "family")) : families.end();
  return found < std::ranges::find(families, "win10");
}

class ModuleLinked : public Condition {
public:
  ModuleLinked(ModuleNames modules, std::int64_t day, const std::string& written,
               std::uint64_t days)
      : modules_(std::move(modules)), first_(day - static_cast<std::int64_t>(days) * kDay),
        last_(day + static_cast<std::int64_t>(days + 1) * kDay) {
    condition_ = fmt::format("{} linked on {} (within {} days)", modules_.written(), written, days);
  }

  Finding judge(const FactView& facts) const override {
    const bool dated = has_link_times(facts.first("os"));
    Search search;
    bool loaded = false;
    look_at_modules(facts, modules_, [&](const Fact& module) {
      loaded = true;
      const auto link = module.number("timestamp");
      const bool known = dated && link && *link > 0 && *link <= UINT32_MAX;
      Keys keys;
      const auto time = static_cast<std::int64_t>(link.value_or(0));
      keys.add(known, time >= first_ && time < last_);
      return search.add(module, keys, [&] {
        return fmt::format("{} was linked {}", text_of(module, "name"), iso_time_from_unix(*link));
      });
    });
    return std::move(search).result(
        condition_, facts, {"module"},
        modules_.written() + (loaded ? " was linked at another time" : " is not loaded"),
        dated ? "the link time of the module is not known"
              : "time stamps of modules are no link times on this system, or it is not known");
  }

  void needs(Needs& needs) const override { modules_.need(needs, NeedKind::module); }
  unsigned weight() const override { return 4; }

private:
  ModuleNames modules_;
  std::int64_t first_, last_;
  std::string condition_;
};

} // namespace

ConditionPtr read_module_linked(YamlReader& yaml, const RuleContext&) {
  constexpr std::string_view kExpected = "a date such as 1999-12-14";
  ModuleNames modules;
  std::string written;
  std::optional<std::int64_t> day;
  std::uint64_t days = 1;
  yaml.fields("module_linked",
              {{"module", true, [&] { modules.read(yaml); }},
               {"on", true,
                [&] {
                  yaml.text_into(written, kExpected);
                  day = parse_file_time(written);
                  if (!day && !written.empty())
                    yaml.error(fmt::format("expected {}, found '{}'", kExpected, written));
                }},
               {"within_days", false, [&] {
                  constexpr std::string_view kDays = "a number of days up to 60";
                  days = yaml.number(kDays).value_or(days);
                  if (days > 60) yaml.error(fmt::format("expected {}, found {}", kDays, days));
                }}});
  if (modules.empty() || !day || days > 60) return nullptr;
  // The whole day counts, whatever the hour.
  return std::make_shared<ModuleLinked>(std::move(modules), *day - *day % kDay, written, days);
}

} // namespace dumptriage::rules
