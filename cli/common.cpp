#include "cli/cli.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Where "srv*URL" and "cache*" keep what they get when no folder is named.
std::string default_cache(const std::string& home) {
  std::string caches = environment("XDG_CACHE_HOME"); // XDG Base Directory Specification
  if (!caches.starts_with('/')) caches = home.empty() ? "" : home + "/.cache";
  return caches.empty() ? "" : caches + "/dumptriage/symbols";
}

symbols::SearchPath parse(const std::string& text) {
  std::string home = environment("HOME");
  return symbols::parse_search_path(text, memory::Origin::image, default_cache(home), home);
}

// The folders of an option.  Nothing after a message when one cannot be meant.
std::optional<symbols::SearchPath> path_of(const std::vector<std::string>& values,
                                           const char* option) {
  symbols::SearchPath path;
  for (const std::string& value : values) path.append(parse(value));
  for (const Error& error : path.refused) {
    complain(fmt::format("{}: {}", option, error.message()));
    return std::nullopt;
  }
  for (const symbols::SearchRoot& root : path.roots) {
    std::error_code error;
    if (root.cache || std::filesystem::exists(root.path, error)) continue;
    complain(fmt::format("{}: no such folder: {}", option, utf8_from_ansi(root.path)));
    return std::nullopt;
  }
  return path;
}

// A variable may be meant for other programs: what cannot be used of it is left out.
symbols::SearchPath path_of_environment(std::initializer_list<const char*> names) {
  symbols::SearchPath path;
  for (const char* name : names) {
    symbols::SearchPath part = parse(environment(name));
    for (const Error& error : part.refused)
      complain(fmt::format("{}: {}; left out", name, error.message()));
    part.refused.clear();
    path.append(std::move(part));
  }
  return path;
}

// "0xFFFFFA8001234560", "8A01F3C8", "fffffa80`01234560".
std::optional<std::uint64_t> address_of(std::string text) {
  std::erase(text, '`');
  if (text.starts_with("0x") || text.starts_with("0X")) text.erase(0, 2);
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string check_address(const std::string& text) {
  return address_of(text) ? "" : text + " is no hexadecimal address";
}

} // namespace

void Common::add_folders(CLI::App& command) {
  command
      .add_option("--images", images,
                  "Where program images are (exe, dll, sys): folders with all below them, symbol "
                  "stores, single files; joined by ';', as in _NT_SYMBOL_PATH (srv*, cache*). "
                  "Repeatable. Symbols there are used as well")
      ->type_name("PATH")
      ->allow_extra_args(false);
  command
      .add_option(
          "--symbols", symbols,
          "Where symbol files are (pdb, dbg, Breakpad sym), in the same forms. Images there are "
          "used as well. With neither option the folders of _NT_SYMBOL_PATH are used")
      ->type_name("PATH")
      ->allow_extra_args(false);
}

void Common::add_analysis(CLI::App& command) {
  add_folders(command);
  command
      .add_option("--threads", threads,
                  "Whose stacks are walked: the crashed thread, what every CPU was running, or all")
      ->check(CLI::IsMember({"crashed", "cpus", "all"}))
      ->type_name("crashed|cpus|all")
      ->capture_default_str();
  command.add_flag(
      "--locks", locks,
      "All locks that are held or waited for, with owners and waiters; without it those "
      "that somebody waits for");
  command.add_flag("--irps", irps, "The I/O requests of all threads");
  command.add_flag("--peers", peers,
                   "Where a stop has to do with the network, search all memory in the dump for the "
                   "sender, not only its first 256 MiB");
  command
      .add_option("--pool", pool,
                  "The pool block around this address and its page. Hexadecimal; repeatable")
      ->check(CLI::Validator(check_address, ""))
      ->type_name("ADDR")
      ->allow_extra_args(false);
  command
      .add_option("--rules", rules,
                  "Folder of rule files (or one file) beside the built-in rules. Repeatable")
      ->type_name("PATH")
      ->allow_extra_args(false);
  command.add_flag("--all-rules", all_rules, "Also report rules that do not apply or do not match");
  command
      .add_option("--hash", hash,
                  "The dump's id is made of all bytes up to 64 MiB, above that of a sample; "
                  "`full` takes all bytes always")
      ->check(CLI::IsMember({"auto", "full"}))
      ->type_name("auto|full")
      ->capture_default_str();
}

pipeline::Options Common::options() const {
  pipeline::Options options;
  options.threads = threads == "all"       ? pipeline::Threads::all
                    : threads == "crashed" ? pipeline::Threads::crashed
                                           : pipeline::Threads::cpus;
  options.hash_full = hash == "full";
  options.all_rules = all_rules;
  options.locks = locks;
  if (peers) options.peer_bytes = UINT64_MAX;
  for (const std::string& text : pool)
    if (auto address = address_of(text)) options.pool.push_back(*address);
  return options;
}

std::unique_ptr<pipeline::Analyzer> Common::make_analyzer(bool with_rules) const {
  auto path = search_path();
  if (!path) return nullptr;
  return make_analyzer(std::move(path->roots), with_rules);
}

std::optional<symbols::SearchPath> Common::search_path() const {
  if (images.empty() && symbols.empty())
    return path_of_environment(
        {"_NT_ALT_SYMBOL_PATH", "_NT_SYMBOL_PATH", "_NT_EXECUTABLE_IMAGE_PATH"});
  auto path = path_of(images, "--images");
  if (!path) return std::nullopt;
  auto more = path_of(symbols, "--symbols");
  if (!more) return std::nullopt;
  path->append(std::move(*more));
  return path;
}

std::unique_ptr<pipeline::Analyzer> Common::make_analyzer(std::vector<symbols::SearchRoot> roots,
                                                          bool with_rules) const {
  rules::Catalogue catalogue;
  if (with_rules) {
    auto loaded = load_rules(rules, /*builtin=*/true);
    if (!loaded) {
      complain("--rules: " + loaded.error().message());
      return nullptr;
    }
    catalogue = std::move(*loaded);
  }
  // A broken rule costs that rule; the report says so as well.
  for (const Error& error : catalogue.errors) complain("rule left out: " + rule_error_text(error));
  return std::make_unique<pipeline::Analyzer>(std::move(catalogue), std::move(roots));
}

Result<rules::Catalogue> load_rules(const std::vector<std::string>& paths, bool builtin) {
  std::vector<rules::RuleText> texts;
  for (const std::string& path : paths) {
    auto read = rules::read_rule_files(path);
    if (!read) return std::unexpected(read.error());
    for (rules::RuleText& text : *read) texts.push_back(std::move(text));
  }
  return builtin ? rules::builtin_catalogue(texts) : rules::load(texts);
}

std::string rule_error_text(const Error& error) {
  if (error.where.space != Space::text) return error.message();
  return fmt::format("{}:{}:{}: {}", error.what, error.where.at, error.where.column, error.why);
}

} // namespace dumptriage::cli
