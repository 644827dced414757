// Many rule files: reading them from disk and putting the good ones together.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "base/digest.h"
#include "rules/loader.h"
#include "rules/rules.h"
#include "rules/yaml_limits.h"

namespace dumptriage::rules {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMostFiles = 200000, kMostBytes = std::size_t{512} << 20;

// Lengths in front, so that no two catalogues share their bytes.
std::string digest_of(const std::vector<RuleText>& texts) {
  std::string all;
  for (const auto& text : texts)
    all += fmt::format("{}:{}{}:{}", text.name.size(), text.name, text.text.size(), text.text);
  return blake3_hex(ByteView(all.data(), all.size()));
}

RuleText read_one(const fs::path& path) {
  RuleText text{path.generic_string(), {}, {}};
  std::ifstream file(path, std::ios::binary);
  // One byte more than a rule may have: load() then says that it is too large.
  text.text.resize(kMostRuleBytes + 1);
  if (file) file.read(text.text.data(), static_cast<std::streamsize>(text.text.size()));
  if (!file && !file.eof()) {
    text.text.clear();
    text.error = Error{Code::io, text.name, "the file cannot be read", {}};
    return text;
  }
  text.text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return text;
}

bool is_rule_file(const fs::path& path) {
  std::string name = path.filename().generic_string();
  return name.ends_with(".yaml") && !name.ends_with(".examples.yaml");
}

} // namespace

struct Catalogue::State {
  std::vector<Rule> rules; // by id
};

Catalogue::Catalogue() : state_(std::make_unique<State>()) {}
Catalogue::~Catalogue() = default;
Catalogue::Catalogue(Catalogue&&) noexcept = default;
Catalogue& Catalogue::operator=(Catalogue&&) noexcept = default;

std::size_t Catalogue::size() const { return state_->rules.size(); }

std::vector<const Rule*> Catalogue::all() const {
  std::vector<const Rule*> rules;
  for (const Rule& rule : state_->rules) rules.push_back(&rule);
  return rules;
}

const Rule* Catalogue::find(std::string_view id) const {
  auto found = std::ranges::lower_bound(state_->rules, id, {}, &Rule::id);
  return found != state_->rules.end() && found->id == id ? &*found : nullptr;
}

std::vector<const Rule*> Catalogue::candidates(const FactView&) const { return all(); }

std::vector<const Rule*> Catalogue::replacing(std::string_view kb) const {
  std::vector<const Rule*> found;
  for (const Rule& rule : state_->rules)
    if (std::ranges::find(rule.fix.replaces, kb) != rule.fix.replaces.end()) found.push_back(&rule);
  return found;
}

Catalogue builtin_catalogue(const std::vector<RuleText>& texts) {
  std::vector<RuleText> all = builtin_rule_texts();
  all.insert(all.end(), texts.begin(), texts.end());
  return load(all);
}

Catalogue load(const std::vector<RuleText>& texts) {
  Catalogue catalogue;
  std::vector<Rule>& rules = catalogue.state().rules;
  catalogue.digest = digest_of(texts);
  for (const auto& text : texts) {
    if (text.error) {
      catalogue.errors.push_back(*text.error);
      continue;
    }
    LoadedRule loaded = load_rule(text.name, text.text);
    std::ranges::move(loaded.errors, std::back_inserter(catalogue.errors));
    if (loaded.rule) rules.push_back(std::move(*loaded.rule));
  }
  std::ranges::stable_sort(rules, {}, &Rule::id);
  auto same_id = [](const Rule& a, const Rule& b) { return a.id == b.id; };
  for (std::size_t i = 1; i < rules.size(); ++i)
    if (same_id(rules[i - 1], rules[i]))
      catalogue.errors.push_back({Code::bad_value, rules[i].source_file,
                                  fmt::format("the id '{}' is taken by {}, this rule is left out",
                                              rules[i].id, rules[i - 1].source_file),
                                  Where::text(1, 1)});
  auto doubles = std::unique(rules.begin(), rules.end(), same_id);
  rules.erase(doubles, rules.end());
  return catalogue;
}

Result<std::vector<RuleText>> read_rule_files(const std::string& path) {
  std::error_code error;
  fs::file_status status = fs::status(path, error);
  if (error || !fs::exists(status)) return fail(Code::io, path, "no such file or folder");
  if (fs::is_regular_file(status)) return std::vector<RuleText>{read_one(path)};
  if (!fs::is_directory(status)) return fail(Code::io, path, "neither a file nor a folder");
  std::vector<fs::path> files;
  fs::recursive_directory_iterator at(path, fs::directory_options::skip_permission_denied, error),
      end;
  for (; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (!is_rule_file(at->path()) || !at->is_regular_file(ignored)) continue;
    if (files.size() == kMostFiles)
      return fail(Code::limit, path, fmt::format("more than {} rule files", kMostFiles));
    files.push_back(at->path());
  }
  if (error) return fail(Code::io, path, error.message());
  std::ranges::sort(files, {}, [](const fs::path& p) { return p.generic_string(); });
  std::vector<RuleText> texts;
  std::size_t bytes = 0;
  for (const auto& file : files) {
    texts.push_back(read_one(file));
    bytes += texts.back().text.size();
    if (bytes > kMostBytes) return fail(Code::limit, path, "more than 512 MiB of rule files");
  }
  return texts;
}

} // namespace dumptriage::rules
