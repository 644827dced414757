#include "rules/yaml_limits.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace dumptriage::rules {
namespace {

constexpr std::size_t kMostFlowOpeners = 400;   // '[' and '{' in the whole file
constexpr std::size_t kMostQuestionMarks = 100; // an explicit key opens a level as well
constexpr std::size_t kMostIndent = 60;         // spaces in front of a line
constexpr std::size_t kMostMarkersOnLine = 60;  // '-' and ':' on one line

// Length of the UTF-8 sequence at `at`, 0 when it is not one.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  std::uint8_t first = byte(at);
  if (first < 0x80) return 1;
  std::size_t length = first >= 0xF0 && first <= 0xF4   ? 4
                       : first >= 0xE0 && first <= 0xEF ? 3
                       : first >= 0xC2 && first <= 0xDF ? 2
                                                        : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  if (first == 0xE0 && byte(at + 1) < 0xA0) return 0; // overlong
  if (first == 0xED && byte(at + 1) > 0x9F) return 0; // surrogate
  if (first == 0xF0 && byte(at + 1) < 0x90) return 0; // overlong
  if (first == 0xF4 && byte(at + 1) > 0x8F) return 0; // beyond Unicode
  return length;
}

// LLVM's parser also recurses from one empty list item, and from one empty place between commas, to
// the next.
constexpr std::size_t kMostListItems = 1000; // '-' in front of white space
constexpr std::size_t kMostCommas = 5000;

struct Counts {
  std::size_t flow = 0, questions = 0, items = 0, commas = 0, documents = 0, ends = 0;
};

const char* refuse_line(std::string_view line, Counts& counts) {
  std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
  if (line.substr(0, indent).find('\t') != std::string_view::npos)
    return "expected spaces in front of the text, found a tab";
  if (indent > kMostIndent) return "the line is indented by more than 60 spaces";
  std::size_t markers = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    markers += c == '-' || c == ':';
    counts.items += c == '-' && (i + 1 == line.size() || line[i + 1] == ' ' || line[i + 1] == '\t');
    counts.commas += c == ',';
    counts.flow += c == '[' || c == '{';
    counts.questions += c == '?';
  }
  if (markers > kMostMarkersOnLine) return "more than 60 '-' and ':' on one line";
  if (counts.flow > kMostFlowOpeners) return "more than 400 '[' and '{' in one file";
  if (counts.questions > kMostQuestionMarks) return "more than 100 '?' in one file";
  if (counts.items > kMostListItems) return "more than 1000 list items in one file";
  if (counts.commas > kMostCommas) return "more than 5000 ',' in one file";
  counts.documents += line.starts_with("---");
  counts.ends += line.starts_with("...");
  if (counts.documents > 1 || counts.ends > 1)
    return "more than one document; one file holds one rule";
  if (line.starts_with('%')) return "YAML directives are not supported";
  return nullptr;
}

} // namespace

std::optional<Error> refuse_text(const std::string& file, std::string_view text) {
  if (text.size() > kMostRuleBytes)
    return Error{
        Code::limit, file,
        fmt::format("the file has {} bytes, a rule file at most {}", text.size(), kMostRuleBytes),
        Where::text(1, 1)};
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<std::uint8_t>(text[at]);
    if (c >= 0x20 && c < 0x7F) {
      ++at;
      continue;
    }
    const std::size_t length = utf8_length(text, at);
    const bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
    if (length > 0 && !control) {
      at += length;
      continue;
    }
    const std::string_view before = text.substr(0, at);
    const auto line = static_cast<std::uint32_t>(std::ranges::count(before, '\n') + 1);
    const std::size_t start = before.rfind('\n') + 1; // 0 when there is none
    return Error{Code::bad_value, file,
                 control ? fmt::format("expected text, found control character 0x{:02X}", c)
                         : "expected UTF-8 text",
                 Where::text(line, static_cast<std::uint32_t>(at - start + 1))};
  }
  return std::nullopt;
}

std::optional<Error> refuse_nesting(const std::string& file, std::string_view text) {
  Counts counts;
  std::uint32_t number = 0;
  for (std::size_t begin = 0; begin <= text.size();) {
    ++number;
    std::size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
    if (const char* why = refuse_line(text.substr(begin, end - begin), counts))
      return Error{Code::limit, file, why, Where::text(number, 1)};
    if (end + 1 < text.size() && text[end] == '\r' && text[end + 1] == '\n') ++end;
    begin = end + 1;
  }
  return std::nullopt;
}

} // namespace dumptriage::rules
