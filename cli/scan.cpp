#include "cli/cli.h"

#include <cstdio>

#include <unistd.h>

#include <fmt/format.h>

#include "batch/scan.h"

namespace dumptriage::cli {
namespace {

struct Settings {
  Common common;
  std::vector<std::string> paths;
  std::string format, output;
};

int scan(const Settings& settings) {
  auto analyzer = settings.common.make_analyzer();
  if (!analyzer) return kWrongUsage;
  Output output(settings.output);
  if (output.failed()) {
    output.finish();
    return kWrongUsage;
  }
  bool table = settings.format.empty() ? settings.output.empty() && isatty(STDOUT_FILENO) != 0
                                       : settings.format == "table";
  bool unreadable = false;
  ProgressLine progress;
  batch::Callbacks callbacks;
  callbacks.progress = [&](const batch::Progress& p) {
    if (p.done < p.found) progress.show(fmt::format("[{}/{}] {}", p.done + 1, p.found, p.path));
  };
  callbacks.unreadable = [&](const Error& error) {
    unreadable = true;
    progress.clear();
    complain(error.message());
  };
  callbacks.document = [&](const report::Document& document) {
    if (table) return;
    progress.clear();
    output.write(report::to_json(document, -1));
    output.write("\n");
  };
  callbacks.stop = [&] { return output.failed(); };
  report::ShareDocument share =
      batch::scan(settings.paths, *analyzer, settings.common.options(), callbacks);
  progress.clear();
  bool colour = output.colour(), whole = !output.terminal();
  if (table) {
    output.write(report::share_table(share, colour, whole));
    if (!share.rows.empty()) output.write("\n");
    output.write(report::share_summary(share, colour, whole));
  } else if (!output.failed()) {
    std::fputs(report::share_summary(share, false, isatty(STDERR_FILENO) == 0).c_str(), stderr);
  }
  if (!output.finish()) return kSomeFailed;
  return share.failed != 0 || unreadable ? kSomeFailed : kAllAnalysed;
}

} // namespace

void add_scan(CLI::App& app, Run& run) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command =
      app.add_subcommand("scan", "Analyse every dump in folders, with a summary by bucket and KB");
  command->add_option("PATH", settings->paths, "Folders (searched recursively) or dump files")
      ->required()
      ->type_name("");
  command
      ->add_option("--format", settings->format,
                   "A table, or one JSON document a line; default: a table on a terminal")
      ->check(CLI::IsMember({"table", "ndjson"}))
      ->type_name("table|ndjson");
  settings->common.add_analysis(*command);
  command->add_option("-o,--output", settings->output, "Write the result to this file")
      ->type_name("FILE");
  command->footer(
      "Dumps inside of archives are analysed as well.\n"
      "Files that are no dumps are counted, not reported. Files beside a dump are not used:\n"
      "name their folders with --images and --symbols. Links in folders are not followed.\n"
      "With ndjson the summary goes to standard error.\n"
      "Exit codes: 0 every dump analysed, 1 some dump could not be, 2 wrong usage.\n\n"
      "Examples:\n"
      "  dumptriage scan /srv/dumps\n"
      "  dumptriage scan /srv/dumps --symbols /srv/symbols --format ndjson > all.ndjson");
  command->callback([settings, &run] { run = [settings] { return scan(*settings); }; });
}

} // namespace dumptriage::cli
