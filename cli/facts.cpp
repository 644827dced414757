#include "cli/cli.h"
#include "evidence/freeze.h"
#include "pipeline/judge.h"

namespace dumptriage::cli {
namespace {

struct Settings {
  Common common;
  std::vector<std::string> dumps;
  std::string output;
  bool no_siblings = false;
};

int facts(const Settings& settings) {
  auto analyzer = settings.common.make_analyzer(/*with_rules=*/false);
  if (!analyzer) return kWrongUsage;
  pipeline::Options options = settings.common.options();
  options.trust_siblings = !settings.no_siblings;
  options.judge = false;
  Output output(settings.output);
  if (output.failed()) {
    output.finish();
    return kWrongUsage;
  }
  bool failed = false;
  for (const std::string& path : settings.dumps)
    analyzer->analyze_each(path, options, [&](report::Document document) {
      if (document.error) {
        failed = true;
        complain_of(document.dump.path, *document.error);
      } else {
        output.write(evidence::freeze(pipeline::frozen_facts(document)) + "\n");
      }
      return !output.failed();
    });
  if (!output.finish()) return kSomeFailed;
  return failed ? kSomeFailed : kAllAnalysed;
}

} // namespace

void add_facts(CLI::App& app, Run& run) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand(
      "facts", "Freeze what a dump proves, so that rules can be judged later without it");
  command->add_option("DUMP", settings->dumps, "Dump files, or archives of dumps")
      ->required()
      ->type_name("");
  settings->common.add_analysis(*command);
  command->add_flag("--no-siblings", settings->no_siblings,
                    "Do not look for images and symbols beside the dump");
  command->add_option("-o,--output", settings->output, "Write the facts to this file")
      ->type_name("FILE");
  command->footer("One line of JSON (dumptriage.facts/1, docs/facts.md) for each dump.\n"
                  "Exit codes: 0 every dump analysed, 1 some dump could not be, 2 wrong usage.\n\n"
                  "Examples:\n"
                  "  dumptriage facts MEMORY.DMP > memory.facts.json\n"
                  "  dumptriage judge memory.facts.json --rules ./my-rules");
  command->callback([settings, &run] { run = [settings] { return facts(*settings); }; });
}

} // namespace dumptriage::cli
