#include "cli/cli.h"

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

std::string as_text(const rules::Catalogue& catalogue, bool colour) {
  report::Paper paper(colour);
  std::vector<report::Paper::Row> rows;
  for (const rules::Rule* rule : catalogue.all())
    rows.push_back({report::flat(rule->id), report::flat(rule->kb.empty() ? "-" : rule->kb),
                    report::flat(rule->title)});
  if (!rows.empty()) paper.table({{"rule", 40}, {"known issue", 16}, {"title", 72}}, rows);
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

// With paths, those alone: two copies of a rule would be an error of their own.
int check(const Settings& settings) {
  auto catalogue = load_rules(settings.paths, /*builtin=*/settings.paths.empty());
  if (!catalogue) {
    complain(catalogue.error().message());
    return kWrongUsage;
  }
  Output output;
  for (const Error& error : catalogue->errors)
    output.write(report::flat(rule_error_text(error)) + "\n");
  output.write(fmt::format("{} rule{} good, {} error{}\n", catalogue->size(),
                           catalogue->size() == 1 ? "" : "s", catalogue->errors.size(),
                           catalogue->errors.size() == 1 ? "" : "s"));
  if (!output.finish()) return kSomeFailed;
  return catalogue->errors.empty() ? kAllAnalysed : kSomeFailed;
}

} // namespace

void add_rules(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("rules", "List or check rule files");
  command->require_subcommand(1);
  command->footer("Examples:\n  dumptriage rules list\n  dumptriage rules check ./my-rules");

  auto listing = std::make_shared<Settings>();
  CLI::App* list_command = command->add_subcommand("list", "The built-in rules and those of PATH");
  list_command->add_option("PATH", listing->paths, "Folders of rule files, or files")
      ->type_name("");
  list_command->add_option("--format", listing->format, "Text or JSON")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json")
      ->capture_default_str();
  list_command->callback([listing, &run] { run = [listing] { return list(*listing); }; });

  auto checking = std::make_shared<Settings>();
  CLI::App* check_command = command->add_subcommand(
      "check", "Say what is wrong in the rule files of PATH (or the built-in rules), by file, line "
               "and column; exit code 1 when anything is");
  check_command->add_option("PATH", checking->paths, "Folders of rule files, or files")
      ->type_name("");
  check_command->callback([checking, &run] { run = [checking] { return check(*checking); }; });
}

} // namespace dumptriage::cli
