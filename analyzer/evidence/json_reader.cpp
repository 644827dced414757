#include "evidence/json_reader.h"

#include "base/text.h"

namespace dumptriage::evidence {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// As UTF-8, which every reader of text below knows; halves of pairs stay as they are and are
// replaced with all that is no UTF-8.
void append_utf8(std::string& text, std::uint32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | c >> 6);
    text += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | c >> 12);
    text += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | c >> 18);
    text += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    text += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    text += static_cast<char>(0x80 | (c & 0x3F));
  }
}

} // namespace

bool JsonReader::fail_at(std::size_t at, std::string why) {
  if (failed_) return false; // the first one counts
  failed_ = true;
  failed_at_ = at;
  why_ = std::move(why);
  return false;
}

char JsonReader::peek() {
  if (failed_) return 0;
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
    ++at_;
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool JsonReader::open(char bracket, const char* what) {
  if (failed_) return false;
  if (peek() != bracket) return fail(what);
  if (first_.size() == kMostDepth) return fail("nested too deep");
  ++at_;
  first_.push_back(true);
  objects_.push_back(bracket == '{');
  return true;
}
bool JsonReader::open_object() { return open('{', "expected an object"); }
bool JsonReader::open_array() { return open('[', "expected a list"); }

bool JsonReader::next(char bracket) {
  if (failed_ || first_.empty()) return false;
  if (peek() == bracket) {
    ++at_;
    first_.pop_back();
    objects_.pop_back();
    return false;
  }
  if (first_.back()) {
    first_.back() = false;
    return true;
  }
  if (peek() != ',') return fail(std::string("expected ',' or '") + bracket + "'");
  ++at_;
  return true;
}

bool JsonReader::next_key(std::string& key) {
  if (!next('}') || !read_text(key)) return false;
  if (peek() != ':') return fail("expected ':'");
  ++at_;
  return true;
}
bool JsonReader::next_item() { return next(']'); }

bool JsonReader::read_text(std::string& text) {
  if (failed_) return false;
  if (peek() != '"') return fail("expected a text");
  ++at_;
  return string(text);
}

// Behind the opening quote.
bool JsonReader::string(std::string& text) {
  const std::size_t start = at_;
  text.clear();
  bool plain = true; // printable ASCII only
  for (;;) {
    const std::size_t run = at_;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"' || c == '\\' || c < 0x20) break;
      plain &= c < 0x7F;
      ++at_;
    }
    if (text.size() + (at_ - run) > kMostText) return fail_at(start, "the text is too long");
    text.append(text_, run, at_ - run);
    if (at_ == text_.size()) return fail("the text does not end");
    const char c = text_[at_++];
    if (c == '"') break;
    if (c != '\\') return fail_at(at_ - 1, "a control character inside of a text");
    if (!escape(text)) return false;
    plain = false;
  }
  if (!plain) text = utf8_from_ansi(text, text.size());
  return true;
}

bool JsonReader::escape(std::string& text) {
  constexpr std::string_view kShort = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
  if (at_ == text_.size()) return fail("the text does not end");
  const char c = text_[at_++];
  if (const auto found = kShort.find(c); c != 0 && found != std::string_view::npos) {
    text += kMeant[found];
    return true;
  }
  if (c != 'u') return fail_at(at_ - 1, "no such escape");
  auto unit = four_digits();
  if (!unit) return false;
  const bool first_half = *unit >= 0xD800 && *unit < 0xDC00;
  if (first_half && text_.substr(at_, 2) == "\\u") {
    const std::size_t back = at_;
    at_ += 2;
    const auto second = four_digits();
    if (!second) return false;
    if (*second >= 0xDC00 && *second < 0xE000)
      unit = 0x10000 + ((*unit - 0xD800) << 10) + (*second - 0xDC00);
    else
      at_ = back;
  }
  constexpr std::uint32_t kReplacement = 0xFFFD;
  append_utf8(text, *unit >= 0xD800 && *unit < 0xE000 ? kReplacement : *unit);
  return true;
}

std::optional<std::uint32_t> JsonReader::four_digits() {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const int digit = is_digit(c)            ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) {
      fail("expected four hexadecimal digits");
      return std::nullopt;
    }
    value = value << 4 | static_cast<std::uint32_t>(digit);
    ++at_;
  }
  return value;
}

bool JsonReader::read_number(std::uint64_t& number) {
  if (!is_digit(peek())) return fail("expected a whole number");
  const std::size_t start = at_;
  number = 0;
  for (; at_ < text_.size() && is_digit(text_[at_]); ++at_) {
    const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
    if (number > (UINT64_MAX - digit) / 10) return fail_at(start, "the number is too large");
    number = number * 10 + digit;
  }
  const bool padded = text_[start] == '0' && at_ - start > 1;
  const char next = at_ < text_.size() ? text_[at_] : '\0';
  if (padded || next == '.' || next == 'e' || next == 'E')
    return fail_at(start, "expected a whole number");
  return true;
}

bool JsonReader::word(std::string_view word) {
  const std::string_view there = text_.substr(at_, word.size());
  if (there != word)
    return fail_at(word.starts_with(there) ? text_.size() : at_, "expected a value");
  at_ += word.size();
  return true;
}

bool JsonReader::read_flag(bool& flag) {
  const char c = peek();
  if (c != 't' && c != 'f') return fail("expected true or false");
  flag = c == 't';
  return word(flag ? "true" : "false");
}

bool JsonReader::skip_number() {
  const std::size_t start = at_;
  while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '-' || text_[at_] == '+' ||
                                text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E'))
    ++at_;
  return at_ != start || fail("expected a value");
}

// By the number of brackets that are open, so that depth costs no stack.
bool JsonReader::skip() {
  const std::size_t depth = first_.size();
  std::string scratch;
  for (;;) {
    switch (peek()) {
    case '{': open_object(); break;
    case '[': open_array(); break;
    case '"': read_text(scratch); break;
    case 't': word("true"); break;
    case 'f': word("false"); break;
    case 'n': word("null"); break;
    default: skip_number(); break;
    }
    // On to the next value: out of what ends, into the next member of what goes on.
    for (;;) {
      if (failed_) return false;
      if (first_.size() == depth) return true;
      const std::size_t open_before = first_.size();
      const bool in_object = objects_.back();
      const bool more = in_object ? next_key(scratch) : next_item();
      if (more) break;
      if (failed_ || first_.size() == open_before) return false;
    }
  }
}

bool JsonReader::expect_end() {
  if (failed_) return false;
  peek();
  return at_ == text_.size() || fail("expected nothing more");
}

} // namespace dumptriage::evidence
