// The checks of `rules check` on rules that load.
#include <algorithm>

#include <fmt/format.h>

#include "rules/rules.h"

namespace dumptriage::rules {
namespace {

void lint_rule(const Rule& rule, std::vector<Error>& errors) {
  auto wrong = [&](std::string why) {
    errors.push_back({Code::bad_value, rule.source_file, std::move(why), {}});
  };
  for (std::size_t i = 0; i < rule.confirm.size(); ++i)
    if (!rule.confirm[i]->discriminating())
      wrong(
          fmt::format("confirm group {} holds nothing that tells one bug from another (a function, "
                      "not a stop code, a module or a system)",
                      i + 1));
  if (rule.confirm.empty() && !rule.ceiling)
    wrong("no 'confirm': expected 'ceiling: possible' or 'ceiling: likely'");
  if (rule.applies.empty()) wrong("no 'applies': expected the systems that the article names");
  const Fix& fix = rule.fix;
  bool has_fix = fix.hotfix || !fix.service_packs.empty() || !fix.vendor.empty();
  if (!has_fix && rule.workaround.empty()) wrong("neither a fix nor a workaround");
  if (!rule.confirm.empty() && !rule.ceiling && fix.files.empty() && !fix.unpublished)
    wrong("can never be confirmed: expected 'fix: files' or 'fix: unpublished: true'");
  for (const auto& file : fix.files)
    if (file.version.empty() && !file.built_time && !file.older_before && !file.fixed_from)
      wrong(fmt::format("{}: expected a version or a date to compare with", file.file));
  if (rule.about.empty()) wrong("no 'about'");
}

} // namespace

std::vector<Error> lint(const Catalogue& catalogue) {
  std::vector<Error> errors;
  for (const Rule* rule : catalogue.all()) lint_rule(*rule, errors);
  return errors;
}

} // namespace dumptriage::rules
