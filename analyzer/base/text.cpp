#include "base/text.h"

#include <array>

#include <fmt/format.h>

namespace dumptriage {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }
// Directional overrides let a file name read backwards on a terminal or page.
bool is_bidi(char32_t c) { return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069); }

void append(std::string& out, char32_t c) {
  if ((is_control(c) && c != '\t' && c != '\n' && c != '\r') || is_bidi(c)) c = kReplacement;
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

// The 0x80..0x9F row of Windows-1252 (Microsoft's code page table); the rest equals Latin-1.
constexpr std::array<char16_t, 32> kCp1252 = {
    0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD, 0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178};

// Decodes one UTF-8 sequence at `i`; 0xFFFFFFFF when it is not one.
char32_t decode_utf8(std::string_view s, std::size_t& i) {
  auto byte = [&](std::size_t k) { return static_cast<unsigned char>(s[k]); };
  unsigned char lead = byte(i);
  if (lead < 0x80) {
    ++i;
    return lead;
  }
  int more = lead >= 0xF0 && lead < 0xF5   ? 3
             : lead >= 0xE0 && lead < 0xF0 ? 2
             : lead >= 0xC2 && lead < 0xE0 ? 1
                                           : 0;
  if (more == 0 || i + more >= s.size()) return 0xFFFFFFFF;
  char32_t c = lead & (0x3F >> more);
  for (int k = 1; k <= more; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80) return 0xFFFFFFFF;
    c = (c << 6) | (byte(i + k) & 0x3F);
  }
  constexpr std::array<char32_t, 4> kLeast = {0, 0x80, 0x800, 0x10000};
  if (c < kLeast[more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 0xFFFFFFFF;
  i += more + 1;
  return c;
}

} // namespace

std::string utf8_from_utf16(ByteView bytes, std::uint64_t most_units) {
  std::string out;
  std::uint64_t units = std::min<std::uint64_t>(bytes.size() / 2, most_units);
  out.reserve(units);
  for (std::uint64_t i = 0; i < units; ++i) {
    char32_t c = *bytes.u16(2 * i);
    if (c >= 0xD800 && c < 0xDC00) {
      char32_t next = i + 1 < units ? *bytes.u16(2 * (i + 1)) : 0;
      if (next >= 0xDC00 && next < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (next - 0xDC00);
        ++i;
      } else {
        c = kReplacement;
      }
    } else if (c >= 0xDC00 && c < 0xE000) {
      c = kReplacement;
    }
    append(out, c);
  }
  return out;
}

std::string utf8_from_ansi(std::string_view bytes, std::size_t most) {
  bytes = bytes.substr(0, most);
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    char32_t c = decode_utf8(bytes, i);
    if (c == 0xFFFFFFFF) {
      out.clear();
      for (unsigned char b : bytes) append(out, b >= 0x80 && b < 0xA0 ? kCp1252[b - 0x80] : b);
      return out;
    }
    append(out, c);
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool equals_no_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && lower(a) == lower(b);
}

std::string_view base_name(std::string_view path) {
  auto slash = path.find_last_of("\\/");
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view stem(std::string_view path) {
  std::string_view name = base_name(path);
  auto dot = name.find_last_of('.');
  return dot == std::string_view::npos || dot == 0 ? name : name.substr(0, dot);
}

bool glob_match(std::string_view pattern, std::string_view text) {
  // The greedy walk with one point of return: linear space, no recursion, at most |pattern|*|text|.
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string hex(std::uint64_t value, int digits) { return fmt::format("0x{:0{}X}", value, digits); }

std::string hex_address(std::uint64_t value, int pointer_size) {
  return hex(value, pointer_size == 4 ? 8 : 16);
}

std::string iso_time_from_unix(std::uint64_t seconds) {
  if (seconds == 0 || seconds > 253402300799ULL) return {}; // year 9999
  // Days to civil date, http://howardhinnant.github.io/date_algorithms.html (public domain).
  std::int64_t days = static_cast<std::int64_t>(seconds / 86400) + 719468;
  std::int64_t era = days / 146097;
  std::int64_t doe = days - era * 146097;
  std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  std::int64_t mp = (5 * doy + 2) / 153;
  std::int64_t day = doy - (153 * mp + 2) / 5 + 1;
  std::int64_t month = mp < 10 ? mp + 3 : mp - 9;
  std::int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  std::uint64_t rest = seconds % 86400;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month, day, rest / 3600,
                     rest / 60 % 60, rest % 60);
}

std::string iso_time_from_filetime(std::uint64_t hundred_ns_since_1601) {
  constexpr std::uint64_t kUnixEpoch = 116444736000000000ULL;
  if (hundred_ns_since_1601 <= kUnixEpoch) return {};
  return iso_time_from_unix((hundred_ns_since_1601 - kUnixEpoch) / 10000000);
}

} // namespace dumptriage
