#include <fmt/format.h>

#include "cli/judged.h"
#include "cli/rules.h"
#include "pipeline/judge.h"
#include "report/verdicts.h"

namespace dumptriage::cli {
namespace {

struct Settings {
  Common common;
  std::string id, path;
};

int explain(const Settings& settings) {
  auto judged = Judged::open(settings.common);
  if (!judged) return kWrongUsage;
  const rules::Rule* rule = judged->catalogue().find(settings.id);
  if (!rule) {
    complain(fmt::format("no rule '{}'; `dumptriage rules list` has them all", settings.id));
    return kWrongUsage;
  }
  Output output;
  const bool good = judged->each(
      settings.path, [&](const report::Document& document, const evidence::FactSet& facts) {
        const rules::Match match = rules::judge_rule(*rule, rules::FactView(facts));
        output.write(document.dump.path + "\n");
        output.write(report::explained(pipeline::match_row(match), output.colour()));
        return !output.failed();
      });
  if (!output.finish()) return kSomeFailed;
  return good ? kAllAnalysed : kSomeFailed;
}

} // namespace

void add_rules_explain(CLI::App& rules, Run& run) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = rules.add_subcommand(
      "explain", "Why one rule gives its verdict on a dump, why not a better one, what is missing");
  command->add_option("ID", settings->id, "Id of the rule")->required()->type_name("");
  command->add_option("FILE", settings->path, "A dump, or frozen facts")->required()->type_name("");
  settings->common.add_analysis(*command);
  command->footer("Examples:\n"
                  "  dumptriage rules explain kb961799 MEMORY.DMP --symbols ./symbols\n"
                  "  dumptriage rules explain site-001 memory.facts.json --rules ./my-rules");
  command->callback([settings, &run] { run = [settings] { return explain(*settings); }; });
}

} // namespace dumptriage::cli
