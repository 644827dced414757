#include "cli/cli.h"
#include "cli/judged.h"
#include "report/verdicts.h"

namespace dumptriage::cli {
namespace {

struct Settings {
  Common common;
  std::vector<std::string> paths;
  std::string format = "text", output;
};

class Writer {
public:
  Writer(const Settings& settings, Output& output) : settings_(settings), output_(output) {}

  void write(const report::Document& document, bool last) {
    if (settings_.format == "ndjson") {
      output_.write(report::verdicts_json(document, -1) + "\n");
    } else if (settings_.format == "json") {
      const bool many = settings_.paths.size() > 1 || count_ != 0 || !last;
      if (many) output_.write(count_ == 0 ? "[\n" : ",\n");
      output_.write(report::verdicts_json(document));
      if (many && last) output_.write("\n]");
      if (last) output_.write("\n");
    } else {
      if (settings_.paths.size() > 1 || count_ != 0)
        output_.write((count_ != 0 ? "\n" : "") + std::string("======== ") + document.dump.path +
                      "\n");
      output_.write(report::verdicts_text(document, output_.colour()));
    }
    ++count_;
  }

private:
  const Settings& settings_;
  Output& output_;
  std::size_t count_ = 0;
};

int judge(const Settings& settings) {
  auto judged = Judged::open(settings.common);
  if (!judged) return kWrongUsage;
  Output output(settings.output);
  if (output.failed()) {
    output.finish();
    return kWrongUsage;
  }
  bool failed = false;
  Writer writer(settings, output);
  // One document is kept back: a list of them ends with the last one.
  std::optional<report::Document> waiting;
  for (const std::string& path : settings.paths)
    failed |= !judged->each(path, [&](report::Document document, const evidence::FactSet&) {
      if (waiting) writer.write(*waiting, false);
      waiting = std::move(document);
      return !output.failed();
    });
  if (waiting) writer.write(*waiting, true);
  if (!output.finish()) return kSomeFailed;
  return failed ? kSomeFailed : kAllAnalysed;
}

} // namespace

void add_judge(CLI::App& app, Run& run) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand(
      "judge",
      "Judge frozen facts (or dumps) by the rules: verdicts alone, the same bytes for both");
  command
      ->add_option("FILE", settings->paths,
                   "What `dumptriage facts` wrote, one document or one a line; or dumps")
      ->required()
      ->type_name("");
  command
      ->add_option("--format", settings->format,
                   "Text for people, JSON (dumptriage.verdicts/1), or one JSON document a line")
      ->check(CLI::IsMember({"text", "json", "ndjson"}))
      ->type_name("text|json|ndjson")
      ->capture_default_str();
  settings->common.add_analysis(*command);
  command->add_option("-o,--output", settings->output, "Write the result to this file")
      ->type_name("FILE");
  command->footer(
      "Options about images, symbols and threads are for dumps only: facts are frozen.\n"
      "Exit codes: 0 everything judged, 1 something could not be, 2 wrong usage.\n\n"
      "Examples:\n"
      "  dumptriage facts /srv/dumps/*.dmp > all.facts\n"
      "  dumptriage judge all.facts --rules ./new-rules --format ndjson");
  command->callback([settings, &run] { run = [settings] { return judge(*settings); }; });
}

} // namespace dumptriage::cli
