// Arguments that many conditions take: numbers, ranges, words out of a list, statuses.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/yaml_reader.h"

namespace dumptriage::rules {

// A number or a list of numbers.
void read_numbers(YamlReader& yaml, std::vector<std::uint64_t>& to, std::string_view expected);
std::string numbers_in_words(const std::vector<std::uint64_t>& numbers); // "0xA or 0x1E"

// One word or a list, each out of `known`.
void read_words(YamlReader& yaml, std::vector<std::string>& to,
                std::span<const std::string_view> known, std::string_view expected);

// An NTSTATUS by name (STATUS_ACCESS_VIOLATION) or number.
std::optional<std::uint32_t> read_status(YamlReader& yaml);
void read_statuses(YamlReader& yaml, std::vector<std::uint32_t>& to);
// "0xC0000005 (STATUS_ACCESS_VIOLATION)"
std::string status_in_words(std::uint32_t status);
std::string statuses_in_words(const std::vector<std::uint32_t>& statuses);

// at_least, at_most; a key that is left out sets no bound.
struct Range {
  std::uint64_t least = 0, most = UINT64_MAX;
  bool holds(std::uint64_t value) const { return value >= least && value <= most; }
};
std::string in_words(const Range& range, std::string_view unit); // "at least 2 CPUs"
// With the cursor on the map that it was read from; else an error was noted.
bool acceptable(YamlReader& yaml, const Range& range, std::string_view condition);

// "25%".
std::optional<std::uint64_t> read_percent(YamlReader& yaml);

// `true`, for conditions that have no other argument.
bool read_true(YamlReader& yaml, std::string_view condition);

} // namespace dumptriage::rules
