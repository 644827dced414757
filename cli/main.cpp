#include <csignal>
#include <exception>
#include <new>

#include "cli/cli.h"

namespace dumptriage::cli {
namespace {

// CLI11 has its own exit codes; ours are 0, 1 and 2.
int explain(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) { // --help, --version
    app.exit(error);
    return kAllAnalysed;
  }
  complain(error.what());
  std::fputs("Run with --help for usage.\n", stderr);
  return kWrongUsage;
}

int run_program(int argc, char** argv) {
  CLI::App app(
      "Windows crash-dump triage: what stopped it, where, and whether it is a known issue.",
      "dumptriage");
  app.set_version_flag("--version", "dumptriage " DUMPTRIAGE_VERSION);
  app.require_subcommand(1);
  app.footer("Examples:\n"
             "  dumptriage analyze MEMORY.DMP\n"
             "  dumptriage scan /srv/dumps --symbols /srv/symbols\n\n"
             "`dumptriage COMMAND --help` explains one command.");
  Run run;
  add_analyze(app, run);
  add_scan(app, run);
  add_symbols(app, run);
  add_rules(app, run);
  add_facts(app, run);
  add_judge(app, run);
  if (argc < 2) {
    std::fputs(app.help().c_str(), stderr);
    return kWrongUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return explain(app, error);
  }
  return run ? run() : kWrongUsage;
}

} // namespace
} // namespace dumptriage::cli

int main(int argc, char** argv) {
  // A reader that closes the pipe must not look like a crash: writes fail instead.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return dumptriage::cli::run_program(argc, argv);
  } catch (const std::bad_alloc&) {
    dumptriage::cli::complain("out of memory");
  } catch (const std::exception& error) {
    dumptriage::cli::complain(std::string("internal error: ") + error.what());
  }
  return dumptriage::cli::kSomeFailed;
}
