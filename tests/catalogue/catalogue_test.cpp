// The built-in rules: all of them load, pass `rules check` and give their examples' verdicts.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "catalogue/folder.h"

namespace dumptriage::rules::test {
namespace {

std::vector<std::string> messages(const std::vector<Error>& errors) {
  std::vector<std::string> lines;
  for (const auto& error : errors) lines.push_back(error.message());
  return lines;
}

TEST(Catalogue, HoldsHundredsOfRulesThatAllLoad) {
  const RuleFolder& folder = signatures();
  EXPECT_EQ(first_lines(messages(folder.errors)), "");
  EXPECT_EQ(first_lines(messages(folder.catalogue.errors)), "");
  EXPECT_GE(folder.catalogue.size(), 500u);
}

TEST(Catalogue, PassesTheChecksOfRuleWriters) {
  const RuleFolder& folder = signatures();
  EXPECT_EQ(first_lines(messages(lint(folder.catalogue, &folder.examples))), "");
}

TEST(Catalogue, EveryExampleGivesItsVerdict) {
  const RuleFolder& folder = signatures();
  std::vector<std::string> wrong;
  std::size_t run = 0;
  for (const auto& file : folder.examples)
    for (const auto& error : file.errors) wrong.push_back(error.message());
  for (const auto& result : run_examples(folder.catalogue, folder.examples)) {
    ++run;
    if (!result.passed)
      wrong.push_back(fmt::format("{} '{}': expected {}, got {}: {}", result.rule, result.example,
                                  name_of(result.expected), name_of(result.got), result.why));
  }
  EXPECT_EQ(first_lines(wrong, 60), "");
  EXPECT_GE(run, 3 * signatures().catalogue.size() / 2);
}

} // namespace
} // namespace dumptriage::rules::test
