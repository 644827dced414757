// cli: the only place that knows flags, terminals and exit codes.  One file per command; each adds
// itself to the CLI11 application and leaves what to run in `Run`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/output.h"
#include "pipeline/analyze.h"

namespace dumptriage::cli {

enum ExitCode { kAllAnalysed = 0, kSomeFailed = 1, kWrongUsage = 2 };

// What the chosen command does; empty until one was chosen.
using Run = std::function<int()>;

void add_analyze(CLI::App& app, Run& run);
void add_scan(CLI::App& app, Run& run);
void add_rules(CLI::App& app, Run& run);
void add_facts(CLI::App& app, Run& run);
void add_judge(CLI::App& app, Run& run);
void add_symbols(CLI::App& app, Run& run);

// Options that several commands share, and what becomes of them.
struct Common {
  std::vector<std::string> images, symbols, rules;
  std::string threads = "cpus", hash = "auto";
  bool all_rules = false, locks = false, irps = false, peers = false;
  std::vector<std::string> pool; // addresses, checked

  void add_folders(CLI::App& command);
  void add_analysis(CLI::App& command);
  // Nothing after a message on stderr when a folder or rule path is missing: that is wrong usage.
  std::unique_ptr<pipeline::Analyzer> make_analyzer(bool with_rules = true) const;
  std::unique_ptr<pipeline::Analyzer> make_analyzer(std::vector<symbols::SearchRoot> roots,
                                                    bool with_rules) const;
  // Of --images and --symbols; without them, of the variables that Windows' debuggers read.
  std::optional<symbols::SearchPath> search_path() const;
  pipeline::Options options() const;
};

// The built-in rules and those of `paths`; errors in rule files stay in the catalogue.
Result<rules::Catalogue> load_rules(const std::vector<std::string>& paths, bool builtin);
// "file:line:column: why", as editors and people read it.
std::string rule_error_text(const Error& error);

// One line on stderr, after the program's name.
void complain(const std::string& text);
// Why a dump could not be analysed, with its path said once.
void complain_of(const std::string& path, const Error& error);

} // namespace dumptriage::cli
