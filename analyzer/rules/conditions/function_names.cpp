#include "rules/conditions/function_names.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/frames.h"

namespace dumptriage::rules {
namespace {

constexpr std::array<std::string_view, 5> kKernelStems = {"nt", "ntoskrnl", "ntkrnlmp", "ntkrnlpa",
                                                          "ntkrpamp"};

template <typename Pattern> std::string join_written(const std::vector<Pattern>& patterns) {
  std::vector<std::string> words;
  for (const auto& p : patterns) words.push_back(p.written());
  return join(words);
}

} // namespace

bool ModuleNames::add(std::string_view name) {
  if (name.find_first_of("!/\\ ") != std::string_view::npos ||
      name.find_first_not_of("*.") == std::string_view::npos)
    return false;
  const ModulePattern& pattern = patterns_.emplace_back(name);
  if (name.find('*') != std::string_view::npos) {
    wildcard_ = true;
    stems_.clear();
  }
  if (pattern.matches(kKernelStems.back()) && name.find('*') == std::string_view::npos) {
    kernel_ = true;
    if (!wildcard_) stems_.insert(stems_.end(), kKernelStems.begin(), kKernelStems.end());
  } else if (!wildcard_) {
    stems_.push_back(lower(stem(name)));
  }
  // The same module twice ("a.sys", "a.dll") is looked up once.
  std::ranges::sort(stems_);
  const auto doubles = std::ranges::unique(stems_);
  stems_.erase(doubles.begin(), doubles.end());
  return true;
}

void ModuleNames::read(YamlReader& yaml) {
  constexpr std::string_view kExpected = "a module such as netbt.sys";
  yaml.each(kExpected, [&] {
    auto name = yaml.text(kExpected);
    if (name && !add(*name)) yaml.error(fmt::format("expected {}, found '{}'", kExpected, *name));
  });
}

bool ModuleNames::match(std::string_view module) const {
  return std::ranges::any_of(patterns_, [&](const auto& p) { return p.matches(module); });
}

bool ModuleNames::match_driver(std::string_view driver) const {
  const std::string_view name = base_name(driver);
  return !name.empty() && (match(name) || match(std::string(name) + ".sys"));
}

bool ModuleNames::literal() const { return !wildcard_; }

std::string ModuleNames::written() const { return join_written(patterns_); }

void ModuleNames::need(Needs& needs, NeedKind kind) const {
  if (!stems_.empty() && !kernel_) needs.push_back({kind, stems_});
}

void FunctionNames::read(YamlReader& yaml) {
  constexpr std::string_view kExpected = "a function such as netbt!NbtConnect";
  yaml.each(kExpected, [&] {
    auto name = yaml.text(kExpected);
    if (!name) return;
    const std::string_view module = std::string_view(*name).substr(0, name->find('!'));
    if (!FunctionPattern::well_formed(*name) || !modules_.add(module))
      return yaml.error(fmt::format("expected {}, found '{}'", kExpected, *name));
    place_only_.push_back(std::string_view(*name).substr(module.size()) == "!*");
    patterns_.emplace_back(*name);
  });
}

FunctionNames::Hit FunctionNames::match(const evidence::Fact& frame) const {
  const std::string_view module = frame_module(frame), function = frame_function(frame);
  Hit best = Hit::none;
  for (std::size_t i = 0; i < patterns_.size() && best != Hit::place; ++i) {
    if (place_only_[i] && patterns_[i].module().matches(module))
      best = Hit::place;
    else if (patterns_[i].matches(module, function))
      best = Hit::name;
  }
  return best;
}

bool FunctionNames::name_functions() const {
  return !patterns_.empty() && std::ranges::all_of(patterns_, &FunctionPattern::names_a_function);
}

std::string FunctionNames::written() const { return join_written(patterns_); }

std::string read_word(YamlReader& yaml, std::initializer_list<std::string_view> choices) {
  const std::string expected = join(std::vector<std::string>(choices.begin(), choices.end()));
  auto word = yaml.text(expected);
  if (!word) return {};
  if (std::ranges::find(choices, *word) != choices.end()) return std::move(*word);
  yaml.error(fmt::format("expected {}, found '{}'", expected, *word));
  return {};
}

std::size_t read_choice(YamlReader& yaml, std::initializer_list<std::string_view> choices) {
  const auto found = std::ranges::find(choices, read_word(yaml, choices));
  return found == choices.end() ? 0 : static_cast<std::size_t>(found - choices.begin());
}

} // namespace dumptriage::rules
