// The two readers of YAML: what the quick one accepts, LLVM's parser reads the same way.
#include <random>

#include <gtest/gtest.h>

#include "rules/rules.h"
#include "rules/yaml_limits.h"
#include "rules/yaml_tree.h"

namespace dumptriage::rules::test {
namespace {

// "map@1:1 [scalar@1:1 'a', ...]": kinds, places and texts.
std::string in_words(const YamlView& tree, std::uint32_t& at) {
  constexpr const char* kKinds[] = {"nothing", "scalar", "list", "map"};
  const std::uint32_t node = at++;
  std::string words = kKinds[static_cast<int>(tree.nodes[node].kind)];
  words +=
      "@" + std::to_string(tree.places[node].line) + ":" + std::to_string(tree.places[node].column);
  if (tree.nodes[node].kind == YamlKind::scalar)
    return words + " '" + std::string(tree.text(node)) + "'";
  words += " [";
  while (at < tree.nodes[node].end) words += in_words(tree, at) + ", ";
  return words + "]";
}
std::string in_words(const YamlTree& tree) {
  std::uint32_t at = 0;
  std::string words = in_words(tree.view(), at);
  EXPECT_EQ(at, tree.nodes.size());
  return words;
}

std::string by_llvm(const std::string& text) {
  std::vector<Error> errors;
  auto tree = read_llvm_yaml("f.yaml", text, errors);
  return tree ? in_words(*tree) : errors.at(0).message();
}

const char* const kMine[] = {
    "a: b\n",
    "a: b",
    "a: b # comment\n# more\nc: d\n",
    "# first\n\na:\n  b: c\n  d:\n    - e\n    - f: g\n      h: i\nj: k\n",
    "a:\n- b\n- c: d\n  e: f\ng: h\n",
    "a:\n  -   b: c\n      d: e\n",
    "a:\n  -\n    b: c\n  -\n    d: e\n",
    "a: [b, c,d , 0xA]\n",
    "a: {b: c, d: [e, {f: g}], h: \"i, j\", k: 1999-09-29 19:49}\n",
    "a: [b,\n    c,\n  {d: e}]\nf: g\n",
    "a: \"b  c\"\nd: 'it''s'\ne: \"say \\\"x\\\" \\\\ y\"\n",
    "a: >\n  two\n  lines\nb: |\n  one\n\n   deeper   words\n  three\nc: d\n",
    "a: >-\n  text: with # no comment\n\n\nb: c\n",
    "a: several words\n   go  on here\n  and here\nb: c\n",
    "a: x:y http://z a#b it's -5 {c}\n",
    "a: caf\xC3\xA9 \xE2\x80\x9Cquoted\xE2\x80\x9D\n",
    "a: netbt!Nbt*\nb: *.sys\n",
    "a:\r\n  - b\r\n  - {c: d}\r\ne: >\r\n  f\r\n  g\r\n",
    "a: >\n  last\n",
    "a: |\n  last",
    "a: 'x' # c\nb: [c] # d\n",
    "a: b#c\nd:\n  # between\n  e: f\n# g\n",
    "a: $(b)/c\\d <e> ~f\n",
};

TEST(Yaml, TheQuickReaderReadsAsLlvmDoes) {
  for (const std::string text : kMine) {
    auto tree = read_plain_yaml(text);
    if (text.find("b: *") != std::string::npos) {
      EXPECT_FALSE(tree) << text; // an alias
      continue;
    }
    ASSERT_TRUE(tree) << text;
    std::string source; // places in a file with CRLF are the same
    EXPECT_EQ(in_words(*tree), by_llvm(text)) << text;
  }
}

TEST(Yaml, RuleFilesAreReadByTheQuickReader) {
  ASSERT_FALSE(builtin_rule_texts().empty());
  for (const RuleText& text : builtin_rule_texts()) {
    auto tree = read_plain_yaml(text.text);
    ASSERT_TRUE(tree) << text.name;
    EXPECT_EQ(in_words(*tree), by_llvm(text.text)) << text.name;
  }
}

TEST(Yaml, WhatIsNotPlainIsLeftToLlvm) {
  for (const char* text : {"",
                           "\n",
                           "# a\n",
                           "a\n",
                           "- a\n",
                           "a:\n",
                           "a: &x b\n",
                           "a: *b\n",
                           "a: !t b\n",
                           "? a\n: b\n",
                           "--- \na: b\n",
                           "a: b\n---\n",
                           "a: b\n...\n",
                           "%YAML 1.2\n---\na: b\n",
                           "\xEF\xBB\xBF"
                           "a: b\n",
                           "a: b: c\n",
                           "a:\tb\n",
                           "a: \"b\n",
                           "a: \"\\x41\"\n",
                           "a: [b\n",
                           "a: [b, ]\n",
                           "a: []\n",
                           "a: [b: c]\n",
                           "a: {b}\n",
                           "a: {b:c}\n",
                           "a: >2\n  b\n",
                           "a: >\n",
                           "a: b\n  c: d\n",
                           "a: b\n c\n# d\n e\n",
                           "  a: b\n",
                           "a:\n  b\n",
                           "a:\n    b: c\n  d: e\n",
                           "a: 'b' c\n",
                           "\"a\": b\n",
                           "<<: a\n",
                           "a: - b\n",
                           "a: | # c\n  b\n",
                           "a: @b\n",
                           "a: `b\n",
                           "a: b\rc: d\n",
                           "a:\n  - - b\n",
                           "a: [b]c\n",
                           "a: [\n b]\nc: d\ne\n",
                           "a: >\n   b\n  c\n"})
    EXPECT_FALSE(read_plain_yaml(text)) << text;
}

// Small changes to good files: accepted by both with one tree, or not by the quick one.
TEST(Yaml, ChangedFilesNeverTellTheReadersApart) {
  std::mt19937 random(6);
  constexpr std::string_view kBytes = " \n:-#[]{},'\">|&*!?%@ab0\\.";
  std::vector<std::string> seeds(std::begin(kMine), std::end(kMine));
  for (const RuleText& text : builtin_rule_texts()) seeds.push_back(text.text);
  std::size_t accepted = 0;
  for (int round = 0; round < 10000; ++round) {
    std::string text = seeds[random() % seeds.size()];
    for (std::uint32_t edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % (text.size() + 1);
      const char byte = kBytes[random() % kBytes.size()];
      switch (random() % 3) {
      case 0: text.insert(at, 1, byte); break;
      case 1: text.erase(at, 1 + random() % 4); break;
      default:
        if (at < text.size()) text[at] = byte;
      }
    }
    auto tree = read_plain_yaml(text);
    if (!tree || refuse_text("f.yaml", text) || refuse_nesting("f.yaml", text)) continue;
    ++accepted;
    ASSERT_EQ(in_words(*tree), by_llvm(text)) << text;
  }
  EXPECT_GT(accepted, 2000u);
}

TEST(Yaml, EveryTruncationReadsTheSame) {
  const auto& texts = builtin_rule_texts();
  for (std::size_t i = 0; i < texts.size(); i += texts.size() / 4 + 1) // some of hundreds
    for (std::size_t size = 0; size < texts[i].text.size(); ++size) {
      const std::string text = texts[i].text.substr(0, size);
      if (auto tree = read_plain_yaml(text)) ASSERT_EQ(in_words(*tree), by_llvm(text)) << text;
    }
}

} // namespace
} // namespace dumptriage::rules::test
