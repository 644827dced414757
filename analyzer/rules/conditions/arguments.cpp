#include "rules/conditions/arguments.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "formats/ntstatus.h"
#include "rules/conditions/condition.h"

namespace dumptriage::rules {
namespace {

template <typename Item, typename Words>
std::string join_each(const std::vector<Item>& items, Words in_words) {
  std::vector<std::string> words;
  for (const auto& item : items) words.push_back(in_words(item));
  return join(words);
}

} // namespace

void read_numbers(YamlReader& yaml, std::vector<std::uint64_t>& to, std::string_view expected) {
  yaml.each(expected, [&] {
    if (auto value = yaml.number(expected)) to.push_back(*value);
  });
}

std::string numbers_in_words(const std::vector<std::uint64_t>& numbers) {
  return join_each(numbers, [](std::uint64_t number) { return hex(number); });
}

void read_words(YamlReader& yaml, std::vector<std::string>& to,
                std::span<const std::string_view> known, std::string_view expected) {
  std::vector<std::string> words(known.begin(), known.end());
  std::string all = fmt::format("{}: {}", expected, join(words));
  yaml.each(all, [&] {
    auto word = yaml.text(all);
    if (!word) return;
    if (std::ranges::find(known, *word) == known.end())
      return yaml.error(fmt::format("expected {}, found '{}'", all, *word));
    to.push_back(std::move(*word));
  });
}

std::optional<std::uint32_t> read_status(YamlReader& yaml) {
  constexpr std::string_view kExpected =
      "an NTSTATUS such as 0xC0000005 or STATUS_ACCESS_VIOLATION";
  auto word = yaml.text(kExpected);
  if (!word) return std::nullopt;
  if (const formats::StatusInfo* known = formats::find_ntstatus(std::string_view(*word)))
    return known->code;
  const bool hexadecimal = word->starts_with("0x") || word->starts_with("0X");
  const char *at = word->data() + (hexadecimal ? 2 : 0), *end = word->data() + word->size();
  std::uint32_t value = 0;
  const auto [stop, failed] = std::from_chars(at, end, value, hexadecimal ? 16 : 10);
  if (failed == std::errc{} && stop == end) return value;
  yaml.error(fmt::format("expected {}, found '{}'", kExpected, *word));
  return std::nullopt;
}

void read_statuses(YamlReader& yaml, std::vector<std::uint32_t>& to) {
  yaml.each("an NTSTATUS", [&] {
    if (auto status = read_status(yaml)) to.push_back(*status);
  });
}

std::string status_in_words(std::uint32_t status) {
  const formats::StatusInfo* known = formats::find_ntstatus(status);
  return known ? fmt::format("{} ({})", hex(status, 8), known->name) : hex(status, 8);
}

std::string statuses_in_words(const std::vector<std::uint32_t>& statuses) {
  return join_each(statuses, status_in_words);
}

std::string in_words(const Range& range, std::string_view unit) {
  if (range.least == range.most) return fmt::format("{}{}", range.least, unit);
  if (range.most == UINT64_MAX) return fmt::format("at least {}{}", range.least, unit);
  if (range.least == 0) return fmt::format("at most {}{}", range.most, unit);
  return fmt::format("{} to {}{}", range.least, range.most, unit);
}

bool acceptable(YamlReader& yaml, const Range& range, std::string_view condition) {
  if (yaml.kind() != YamlReader::Kind::map) return false;
  const bool given = range.least != 0 || range.most != UINT64_MAX;
  if (!given) yaml.error(fmt::format("{}: expected at_least or at_most", condition));
  if (range.least > range.most)
    yaml.error(fmt::format("{}: at_least is more than at_most", condition));
  return given && range.least <= range.most;
}

std::optional<std::uint64_t> read_percent(YamlReader& yaml) {
  constexpr std::string_view kExpected = "a share such as 25%";
  auto word = yaml.text(kExpected);
  if (!word) return std::nullopt;
  std::uint64_t value = 0;
  const char* end = word->data() + word->size();
  const auto [stop, failed] = std::from_chars(word->data(), end, value);
  if (failed == std::errc{} && stop + 1 == end && *stop == '%' && value <= 100) return value;
  yaml.error(fmt::format("expected {}, found '{}'", kExpected, *word));
  return std::nullopt;
}

bool read_true(YamlReader& yaml, std::string_view condition) {
  const auto value = yaml.boolean(condition);
  if (value == false)
    yaml.error(fmt::format("expected true; for the opposite write 'not: {{{}: true}}'", condition));
  return value == true;
}

} // namespace dumptriage::rules
