#include <filesystem>

#include <fmt/format.h>

#include "cli/judged.h"
#include "cli/rules.h"
#include "rules/scaffold.h"

namespace dumptriage::cli {
namespace {

struct Settings {
  Common common;
  std::string from, id = "site-rule", folder;
};

bool write_new(const std::filesystem::path& path, const std::string& text) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    complain(path.string() + ": is there already, nothing was written");
    return false;
  }
  Output output(path.string());
  output.write(text);
  return output.finish();
}

int begin(const Settings& settings) {
  auto judged = Judged::open(settings.common);
  if (!judged) return kWrongUsage;
  rules::Scaffold made;
  const bool good =
      judged->each(settings.from, [&](const report::Document&, const evidence::FactSet& facts) {
        made = rules::scaffold(rules::FactView(facts), settings.id);
        return false;
      });
  if (made.rule.empty()) return kSomeFailed;
  // An id that cannot be one shows here.
  for (const Error& error : rules::load({{settings.id + ".yaml", made.rule}}).errors) {
    complain(rule_error_text(error));
    return kWrongUsage;
  }
  if (settings.folder.empty()) {
    Output output;
    output.write(made.rule);
    return output.finish() && good ? kAllAnalysed : kSomeFailed;
  }
  const std::filesystem::path folder(settings.folder);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const bool written = write_new(folder / (settings.id + ".yaml"), made.rule) &&
                       write_new(folder / (settings.id + ".examples.yaml"), made.examples);
  return written ? kAllAnalysed : kSomeFailed;
}

} // namespace

void add_rules_new(CLI::App& rules, Run& run) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = rules.add_subcommand(
      "new", "Begin a rule with what a dump shows: system, stop, place of the fault, sure frames");
  command->add_option("--from", settings->from, "A dump, or frozen facts")
      ->required()
      ->type_name("FILE");
  command->add_option("--id", settings->id, "Id of the rule")
      ->type_name("ID")
      ->capture_default_str();
  command
      ->add_option("--out", settings->folder,
                   "Write ID.yaml and ID.examples.yaml into this folder, not to standard output")
      ->type_name("DIR");
  settings->common.add_analysis(*command);
  command->footer("Examples:\n"
                  "  dumptriage rules new --from MEMORY.DMP --symbols ./symbols\n"
                  "  dumptriage rules new --from MEMORY.DMP --id site-001 --out ./my-rules");
  command->callback([settings, &run] { run = [settings] { return begin(*settings); }; });
}

} // namespace dumptriage::cli
