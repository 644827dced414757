#include "cli/cli.h"

#include <optional>

#include "report/document.h"

namespace dumptriage::cli {
namespace {

struct Settings {
  Common common;
  std::vector<std::string> dumps;
  std::string format = "text", output;
  bool no_siblings = false;
};

report::TextOptions text_options(const Settings& settings, bool colour) {
  report::TextOptions options;
  options.colour = colour;
  options.threads = settings.common.threads == "all"       ? report::TextOptions::Threads::all
                    : settings.common.threads == "crashed" ? report::TextOptions::Threads::crashed
                                                           : report::TextOptions::Threads::cpus;
  options.locks = settings.common.locks;
  options.irps = settings.common.irps;
  return options;
}

// One dump gives one JSON document; several give an array of them.  An archive may hold several, so
// the first document waits until it is known.
class Writer {
public:
  Writer(const Settings& settings, Output& output)
      : settings_(settings), output_(output), many_(settings.dumps.size() > 1) {}

  void write(report::Document document) {
    if (first_ || count_ != 0) many_ = true;
    flush_first();
    if (many_)
      put(document);
    else
      first_ = std::move(document);
  }

  void finish() {
    flush_first();
    if (json() && many_) output_.write(count_ == 0 ? "[\n]\n" : "\n]\n");
  }

private:
  bool json() const { return settings_.format == "json"; }

  void flush_first() {
    if (!first_) return;
    put(*first_);
    first_.reset();
  }

  void put(const report::Document& document) {
    if (json()) {
      if (many_) output_.write(count_ != 0 ? ",\n" : "[\n");
      output_.write(report::to_json(document));
      if (!many_) output_.write("\n");
      if (document.error) complain_of(document.dump.path, *document.error);
    } else if (settings_.format == "html") {
      if (count_ == 0)
        output_.write(report::to_html(document));
      else
        complain(document.dump.path + ": left out, a page shows one dump");
      if (document.error) complain_of(document.dump.path, *document.error);
    } else {
      if (many_)
        output_.write((count_ != 0 ? "\n" : "") + std::string("======== ") + document.dump.path +
                      "\n");
      output_.write(report::to_text(document, text_options(settings_, output_.colour())));
    }
    ++count_;
  }

  const Settings& settings_;
  Output& output_;
  bool many_;
  std::size_t count_ = 0;
  std::optional<report::Document> first_;
};

int analyze(const Settings& settings) {
  if (settings.format == "html" && settings.dumps.size() > 1) {
    complain("--format html: a page shows one dump; name one");
    return kWrongUsage;
  }
  auto analyzer = settings.common.make_analyzer();
  if (!analyzer) return kWrongUsage;
  pipeline::Options options = settings.common.options();
  options.trust_siblings = !settings.no_siblings;
  Output output(settings.output);
  if (output.failed()) {
    output.finish();
    return kWrongUsage;
  }
  bool failed = false;
  {
    ProgressLine progress;
    Writer writer(settings, output);
    options.unpacking = [&](const std::string& path) { progress.show("unpacking " + path); };
    for (std::size_t i = 0; i < settings.dumps.size() && !output.failed(); ++i) {
      if (settings.dumps.size() > 1)
        progress.show("[" + std::to_string(i + 1) + "/" + std::to_string(settings.dumps.size()) +
                      "] " + settings.dumps[i]);
      analyzer->analyze_each(settings.dumps[i], options, [&](report::Document document) {
        failed |= document.error.has_value();
        progress.clear();
        writer.write(std::move(document));
        return !output.failed();
      });
    }
    writer.finish();
  }
  if (!output.finish()) return kSomeFailed;
  return failed ? kSomeFailed : kAllAnalysed;
}

} // namespace

void add_analyze(CLI::App& app, Run& run) {
  auto settings = std::make_shared<Settings>();
  CLI::App* command = app.add_subcommand("analyze", "Analyse one or more dumps");
  command->add_option("DUMP", settings->dumps, "Dump files, or archives of dumps")
      ->required()
      ->type_name("");
  command
      ->add_option("--format", settings->format,
                   "Text for people, JSON (docs/report.schema.json), or a web page")
      ->check(CLI::IsMember({"text", "json", "html"}))
      ->type_name("text|json|html")
      ->capture_default_str();
  settings->common.add_analysis(*command);
  command->add_flag("--no-siblings", settings->no_siblings,
                    "Do not look for images and symbols beside the dump; what is found there is "
                    "marked `sibling` and never confirms anything");
  command->add_option("-o,--output", settings->output, "Write the result to this file")
      ->type_name("FILE");
  command->footer(
      "Of an archive (zip, cab, 7z, tar, gz, xz, zst, bz2, SZDD) every dump in it is analysed.\n"
      "With --format json, one dump gives one document, several give an array.\n"
      "Exit codes: 0 every dump analysed, 1 some dump could not be, 2 wrong usage.\n\n"
      "Examples:\n"
      "  dumptriage analyze MEMORY.DMP\n"
      "  dumptriage analyze crash.dmp --images ./bin --symbols ./pdb --format json\n"
      "  dumptriage analyze hang.dmp --threads all");
  command->callback([settings, &run] { run = [settings] { return analyze(*settings); }; });
}

} // namespace dumptriage::cli
