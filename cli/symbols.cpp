#include "cli/cli.h"

#include "report/document.h"

namespace dumptriage::cli {
namespace {

struct Settings {
  Common common;
  std::string dump, format = "text";
  bool no_siblings = false;
};

int symbols(const Settings& settings) {
  auto analyzer = settings.common.make_analyzer(/*with_rules=*/false);
  if (!analyzer) return kWrongUsage;
  pipeline::Options options;
  options.threads = pipeline::Threads::crashed;
  options.trust_siblings = !settings.no_siblings;
  options.search_all_modules = true;
  options.judge = false;
  report::Document document = analyzer->analyze(settings.dump, options);
  Output output;
  bool json = settings.format == "json";
  if (document.error && json) complain_of(document.dump.path, *document.error);
  output.write(json ? report::symbols_json(document) + "\n"
                    : report::symbols_table(document, output.colour()));
  if (!output.finish()) return kSomeFailed;
  return document.error ? kSomeFailed : kAllAnalysed;
}

} // namespace

void add_symbols(CLI::App& app, Run& run) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand(
      "symbols", "Which images and symbol files a dump wants, what was found, what did not match");
  command->add_option("DUMP", settings->dump, "Dump file")->required()->type_name("");
  command->add_option("--format", settings->format, "Text or JSON")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json")
      ->capture_default_str();
  settings->common.add_folders(*command);
  command->add_flag("--no-siblings", settings->no_siblings,
                    "Do not look for images and symbols beside the dump");
  command->footer("Exit codes: 0 the dump was analysed, 1 it could not be, 2 wrong usage.\n\n"
                  "Examples:\n"
                  "  dumptriage symbols crash.dmp\n"
                  "  dumptriage symbols crash.dmp --images ./bin --symbols ./pdb");
  command->callback([settings, &run] { run = [settings] { return symbols(*settings); }; });
}

} // namespace dumptriage::cli
