#include "cli/cli.h"

#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/document.h"
#include "symbols/fetch/fetch.h"
#include "symbols/store_key.h"

namespace dumptriage::cli {
namespace {

namespace fetching = symbols::fetch;

// What is fetched may show what else is wanted: an image brings frames, and these their modules.
constexpr int kMostRounds = 8;

struct Settings {
  Common common;
  std::string dump, format = "text";
  bool no_siblings = false, list_paths = false, fetch = false, all = false, again = false;
};

struct Fetched {
  std::string path; // in the store
  fetching::Outcome outcome;
};

std::string path_of(const fetching::Wanted& wanted) {
  return symbols::slot_path(wanted.slot, wanted.key);
}

// What is not at hand: for the stacks, or with `all` for every module.
std::vector<fetching::Wanted> missing_files(const report::Document& document, bool all) {
  std::vector<fetching::Wanted> files;
  std::set<std::string> known;
  auto add = [&](const std::string& kind, std::string_view name, std::string_view id) {
    symbols::StorePlace place = symbols::place_of(kind, name, id);
    if (id.empty() || !symbols::usable_name(place.slot.file) ||
        !symbols::usable_name(place.slot.folder))
      return;
    using Kind = fetching::Wanted::Kind;
    Kind what = kind == "image" ? Kind::image : kind == "pdb" ? Kind::pdb : Kind::breakpad;
    fetching::Wanted wanted{what, std::move(place.slot), std::move(place.key)};
    if (known.insert(path_of(wanted)).second) files.push_back(std::move(wanted));
  };
  for (const report::Wanted& row : document.wanted) add(row.kind, row.name, row.id);
  if (!all) return files;
  for (const report::ModuleRow& row : document.modules) {
    if (row.image != "file") add("image", row.name, row.image_id);
    bool none = row.symbols != "pdb" && row.symbols != "dbg" && row.symbols != "breakpad";
    std::string_view pdb = base_name(row.debug_file);
    if (none && !pdb.empty()) add("pdb", pdb, row.debug_id);
    if (none && pdb.empty()) add("sym", row.name + ".sym", row.debug_id);
  }
  return files;
}

report::Document analyze(const Settings& settings, const symbols::SearchPath& path) {
  auto analyzer = settings.common.make_analyzer(path.roots, /*with_rules=*/false);
  pipeline::Options options;
  options.threads = pipeline::Threads::crashed;
  options.trust_siblings = !settings.no_siblings;
  options.search_all_modules = true;
  options.judge = false;
  return analyzer->analyze(settings.dump, options);
}

// Fetches until nothing new is wanted; `document` is then what is known with all that came.
Result<std::vector<Fetched>> fetch_all(const Settings& settings, const symbols::SearchPath& path,
                                       report::Document& document) {
  std::vector<Fetched> fetched;
  std::set<std::string> asked;
  ProgressLine line;
  fetching::Options options;
  options.user_agent = "dumptriage/" DUMPTRIAGE_VERSION;
  if (settings.again) options.missing_for = std::chrono::seconds(0);
  options.progress = [&line](const fetching::Progress& p) {
    line.show(fmt::format("[{}/{}] {:.1f} MiB {}", p.done, p.all,
                          static_cast<double>(p.bytes) / (1 << 20), p.name));
  };
  for (int round = 0; round < kMostRounds && !document.error; ++round) {
    auto files = missing_files(document, settings.all);
    std::erase_if(files, [&](const auto& file) { return !asked.insert(path_of(file)).second; });
    if (files.empty()) break;
    auto outcomes = fetching::fetch(path.servers, files, options);
    if (!outcomes) return std::unexpected(std::move(outcomes.error()));
    bool any = false;
    for (std::size_t i = 0; i < files.size(); ++i) {
      any |= (*outcomes)[i].result == fetching::Outcome::Result::fetched;
      fetched.push_back({path_of(files[i]), std::move((*outcomes)[i])});
    }
    if (!any) break;
    line.clear();
    document = analyze(settings, path);
  }
  return fetched;
}

std::string_view name_of(fetching::Outcome::Result result) {
  switch (result) {
  case fetching::Outcome::Result::fetched: return "fetched";
  case fetching::Outcome::Result::missing: return "missing";
  case fetching::Outcome::Result::failed: return "failed";
  }
  return "failed";
}

std::string to_text(const Settings& settings, const report::Document& document,
                    const std::vector<Fetched>& fetched, bool colour) {
  std::string text;
  if (settings.list_paths) {
    for (const fetching::Wanted& file : missing_files(document, settings.all))
      text += path_of(file) + "\n";
    return text;
  }
  text = report::symbols_table(document, colour);
  if (!fetched.empty()) text += "\nAsked of servers\n";
  for (const Fetched& file : fetched)
    text += fmt::format("  {:<7}  {}{}\n", name_of(file.outcome.result), file.path,
                        file.outcome.why.empty() ? "" : ": " + file.outcome.why);
  return text;
}

std::string to_json(const Settings& settings, const report::Document& document,
                    const std::vector<Fetched>& fetched) {
  std::string text = report::symbols_json(document);
  if (!settings.fetch) return text + "\n";
  auto json = nlohmann::ordered_json::parse(text);
  auto rows = nlohmann::ordered_json::array();
  for (const Fetched& file : fetched) {
    nlohmann::ordered_json row = {{"path", file.path}, {"result", name_of(file.outcome.result)}};
    if (!file.outcome.path.empty()) row["file"] = utf8_from_ansi(file.outcome.path);
    if (!file.outcome.why.empty()) row["why"] = file.outcome.why;
    rows.push_back(std::move(row));
  }
  json["fetched"] = std::move(rows);
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

int symbols(const Settings& settings) {
  auto path = settings.common.search_path();
  if (!path) return kWrongUsage;
  if (settings.fetch && path->servers.empty()) {
    complain("--fetch: no server is named; say for example "
             "--symbols 'srv*FOLDER*https://SERVER/PATH'");
    return kWrongUsage;
  }
  report::Document document = analyze(settings, *path);
  std::vector<Fetched> fetched;
  bool failed = document.error.has_value();
  if (settings.fetch && !failed) {
    auto outcome = fetch_all(settings, *path, document);
    if (!outcome) {
      complain(outcome.error().message());
      return kSomeFailed;
    }
    fetched = std::move(*outcome);
    for (const Fetched& file : fetched)
      failed |= file.outcome.result == fetching::Outcome::Result::failed;
  }
  Output output;
  bool json = settings.format == "json" && !settings.list_paths;
  if (document.error && (json || settings.list_paths))
    complain_of(document.dump.path, *document.error);
  output.write(json ? to_json(settings, document, fetched)
                    : to_text(settings, document, fetched, output.colour()));
  if (!output.finish()) return kSomeFailed;
  return failed ? kSomeFailed : kAllAnalysed;
}

constexpr char kFooter[] =
    "Nothing is fetched without --fetch, and then only from the URLs of the symbol path: those of\n"
    "--symbols and --images, or when neither is given those of _NT_SYMBOL_PATH. A file enters the\n"
    "folder in front of the URL when its id is the wanted one, else never. What a server does not\n"
    "have is not asked for again for a day. Proxies: http_proxy, https_proxy, no_proxy.\n"
    "Exit codes: 0 the dump was analysed, 1 it could not be or a server failed (not: does not "
    "have\n"
    "the file), 2 wrong usage.\n\n"
    "Examples:\n"
    "  dumptriage symbols crash.dmp\n"
    "  dumptriage symbols crash.dmp --images ./bin --symbols ./pdb\n"
    "  dumptriage symbols crash.dmp --fetch \\\n"
    "      --symbols 'srv*/srv/symbols*https://msdl.microsoft.com/download/symbols'\n"
    "  dumptriage analyze crash.dmp --symbols /srv/symbols\n"
    "For a machine without a network, take the list to one that has it:\n"
    "  dumptriage symbols crash.dmp --list-paths > list\n"
    "  while read -r f; do curl -fsSL --create-dirs -o \"symbols/$f\" \"$URL/$f\"; done < list";

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
  CLI::Option* fetch =
      command->add_flag("--fetch", settings->fetch,
                        "Get what is missing from the URLs of the symbol path, then look again");
  CLI::Option* list = command->add_flag(
      "--list-paths", settings->list_paths,
      "Only list where a symbol store keeps what is missing: one NAME/KEY/NAME a line");
  fetch->excludes(list);
  command->add_flag("--all-modules", settings->all,
                    "With --fetch or --list-paths: all modules, not only those on the stack");
  command
      ->add_flag("--ask-again", settings->again,
                 "With --fetch: also ask for what a server did not have a short time ago")
      ->needs(fetch);
  command->footer(kFooter);
  command->callback([settings, &run] { run = [settings] { return symbols(*settings); }; });
}

} // namespace dumptriage::cli
