#include "rules/conditions/function_names.h"

#include <algorithm>

#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/frames.h"

namespace dumptriage::rules {

void read_functions(YamlReader& yaml, std::vector<FunctionPattern>& to) {
  constexpr std::string_view kExpected = "a function such as netbt!NbtConnect";
  yaml.each(kExpected, [&] {
    auto name = yaml.text(kExpected);
    if (!name) return;
    if (!FunctionPattern::well_formed(*name))
      return yaml.error(fmt::format("expected {}, found '{}'", kExpected, *name));
    to.emplace_back(*name);
  });
}

void read_modules(YamlReader& yaml, std::vector<ModulePattern>& to) {
  constexpr std::string_view kExpected = "a module such as netbt.sys";
  yaml.each(kExpected, [&] {
    auto name = yaml.text(kExpected);
    if (!name) return;
    if (name->find_first_of("!/\\ ") != std::string::npos ||
        name->find_first_not_of("*.") == std::string::npos)
      return yaml.error(fmt::format("expected {}, found '{}'", kExpected, *name));
    to.emplace_back(*name);
  });
}

std::size_t read_choice(YamlReader& yaml, std::initializer_list<std::string_view> choices) {
  std::string expected = join(std::vector<std::string>(choices.begin(), choices.end()));
  auto word = yaml.text(expected);
  if (!word) return 0;
  auto found = std::ranges::find(choices, *word);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  yaml.error(fmt::format("expected {}, found '{}'", expected, *word));
  return 0;
}

bool any_matches(const std::vector<FunctionPattern>& patterns, const evidence::Fact& frame) {
  std::string module = frame_module(frame), function = frame_function(frame);
  return std::ranges::any_of(patterns, [&](const auto& p) { return p.matches(module, function); });
}

bool any_matches(const std::vector<ModulePattern>& patterns, const std::string& module) {
  return std::ranges::any_of(patterns, [&](const auto& p) { return p.matches(module); });
}

bool all_name_functions(const std::vector<FunctionPattern>& patterns) {
  return !patterns.empty() && std::ranges::all_of(patterns, &FunctionPattern::names_a_function);
}

std::string written(const std::vector<FunctionPattern>& patterns) {
  std::vector<std::string> words;
  for (const auto& p : patterns) words.push_back(p.written());
  return join(words);
}

std::string written(const std::vector<ModulePattern>& patterns) {
  std::vector<std::string> words;
  for (const auto& p : patterns) words.push_back(p.written());
  return join(words);
}

} // namespace dumptriage::rules
