// Words and lines of Breakpad .sym text.  Private to the breakpad*.cpp files.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dumptriage::symbols::breakpad {

inline constexpr std::size_t kLongestName = 4096;

// Takes the next word of a line; empty at the end.
inline std::string_view word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view found = line.substr(0, line.find(' '));
  line.remove_prefix(found.size());
  return found;
}

template <class T> std::optional<T> number(std::string_view text, int base) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// The next word of a line as an address or a size.
inline std::optional<std::uint32_t> hex_word(std::string_view& line) {
  return number<std::uint32_t>(word(line), 16);
}
inline std::optional<std::uint32_t> decimal_word(std::string_view& line) {
  return number<std::uint32_t>(word(line), 10);
}

inline std::string_view rest_of(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return line.substr(0, kLongestName);
}

// The line at `at`, without its end; `at` moves to the next line.
inline std::string_view next_line(std::string_view text, std::size_t& at) {
  std::string_view line = text.substr(at, text.find('\n', at) - at);
  at += line.size() + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

} // namespace dumptriage::symbols::breakpad
