#include "cli/rules.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/paper.h"

namespace dumptriage::cli {
namespace {

struct Settings {
  std::vector<std::string> paths;
  std::string format = "text";
};

std::string ceiling_of(const rules::Rule& rule) {
  return rule.ceiling           ? std::string(rules::name_of(*rule.ceiling))
         : rule.confirm.empty() ? "likely"
                                : "confirmed";
}

std::string as_text(const rules::Catalogue& catalogue, bool colour) {
  report::Paper paper(colour);
  std::vector<report::Paper::Row> rows;
  for (const rules::Rule* rule : catalogue.all())
    rows.push_back({report::flat(rule->id), report::flat(rule->kb.empty() ? "-" : rule->kb),
                    ceiling_of(*rule), report::flat(rule->title)});
  if (!rows.empty())
    paper.table({{"rule", 40}, {"known issue", 16}, {"at best", 10}, {"title", 72}}, rows);
  paper.line(fmt::format("{} rule{}", rows.size(), rows.size() == 1 ? "" : "s"));
  return paper.text();
}

std::string as_json(const rules::Catalogue& catalogue) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const rules::Rule* rule : catalogue.all())
    all.push_back({{"id", rule->id},
                   {"kb", rule->kb},
                   {"title", rule->title},
                   {"about", rule->about},
                   {"at_best", ceiling_of(*rule)},
                   {"rivals", rule->rivals},
                   {"references", rule->references},
                   {"file", rule->source_file}});
  nlohmann::ordered_json json;
  json["schema"] = "dumptriage.rules/1";
  json["digest"] = catalogue.digest;
  json["rules"] = std::move(all);
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

int list(const Settings& settings) {
  auto catalogue = load_rules(settings.paths, /*builtin=*/true);
  if (!catalogue) {
    complain(catalogue.error().message());
    return kWrongUsage;
  }
  for (const Error& error : catalogue->errors) complain("rule left out: " + rule_error_text(error));
  Output output;
  output.write(settings.format == "json" ? as_json(*catalogue)
                                         : as_text(*catalogue, output.colour()));
  return output.finish() ? kAllAnalysed : kSomeFailed;
}

int show(const std::string& id) {
  for (const rules::RuleText& text : rules::builtin_rule_texts()) {
    const std::string file = text.name.substr(text.name.rfind('/') + 1);
    if (file != id + ".yaml") continue;
    Output output;
    output.write(text.text);
    return output.finish() ? kAllAnalysed : kSomeFailed;
  }
  complain(fmt::format("no built-in rule '{}'; `dumptriage rules list` has them all", id));
  return kWrongUsage;
}

} // namespace

void add_rules(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("rules", "List, check, test, explain and begin rules");
  command->require_subcommand(1);
  command->footer("Examples:\n"
                  "  dumptriage rules list\n"
                  "  dumptriage rules check ./my-rules\n"
                  "  dumptriage rules explain kb961799 MEMORY.DMP\n"
                  "  dumptriage rules new --from MEMORY.DMP --id site-001 --out ./my-rules");

  auto listing = std::make_shared<Settings>();
  CLI::App* list_command = command->add_subcommand("list", "The built-in rules and those of PATH");
  list_command->add_option("PATH", listing->paths, "Folders of rule files, or files")
      ->type_name("");
  list_command->add_option("--format", listing->format, "Text or JSON")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json")
      ->capture_default_str();
  list_command->callback([listing, &run] { run = [listing] { return list(*listing); }; });

  auto id = std::make_shared<std::string>();
  CLI::App* show_command = command->add_subcommand("show", "A built-in rule as its file has it");
  show_command->add_option("ID", *id, "Id of the rule")->required()->type_name("");
  show_command->callback([id, &run] { run = [id] { return show(*id); }; });

  add_rules_check(*command, run);
  add_rules_test(*command, run);
  add_rules_explain(*command, run);
  add_rules_new(*command, run);
}

} // namespace dumptriage::cli
