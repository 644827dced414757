// The quick reader.  It knows less YAML than there is, and gives up rather than guess: whatever it
// is not sure that LLVM's parser reads the same way is left to LLVM's parser.
#include <algorithm>

#include "rules/yaml_tree.h"

namespace dumptriage::rules {
namespace {

constexpr int kDeepest = 48;             // levels; each costs a few frames of this program's stack
constexpr std::size_t kLongestKey = 100; // YAML allows 1024 for a key without '?'

bool word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// What an unquoted scalar may begin with: no indicator of YAML, nor '-' and '?', which may be one.
bool opens_plain(char c) {
  return word(c) || static_cast<unsigned char>(c) >= 0x80 ||
         std::string_view("./\\($+~^=<;").find(c) != std::string_view::npos;
}

// Line ends become '\n'.  Nothing when the text holds what only the other reader knows: tabs, lone
// carriage returns, a byte-order mark and what else LLVM takes for no character of a scalar.
std::optional<std::string> simple_lines(std::string_view text) {
  std::string lines;
  lines.reserve(text.size() + 64);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if ((c < 0x20 && c != '\n') || c == 0x7F || c == 0xEF) return std::nullopt;
    if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0)
      return std::nullopt;
    lines += text[i];
  }
  return lines;
}

class PlainReader {
public:
  explicit PlainReader(std::string text) : source_(std::move(text)), text_(source_) {
    tree_.nodes.reserve(text_.size() / 12);
    tree_.places.reserve(text_.size() / 12);
  }

  std::optional<YamlTree> read() {
    start_line(0);
    to_content();
    if (done() || column() != 0 || !at_key() || !block_map(0) || !done()) return std::nullopt;
    tree_.texts = std::move(source_) + extra_;
    return std::move(tree_);
  }

private:
  // --- the cursor ------------------------------------------------------------------------------
  bool done() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\n';
  }
  std::size_t column() const { return at_ - line_start_; }
  void start_line(std::size_t at) {
    at_ = line_start_ = at;
    ++line_;
  }
  void skip_spaces() {
    while (peek() == ' ') ++at_;
  }
  bool at_line_end() const { return done() || text_[at_] == '\n'; }
  std::size_t line_end() const { return std::min(text_.find('\n', at_), text_.size()); }
  void next_line() {
    const std::size_t end = line_end();
    start_line(std::min(end + 1, text_.size()));
  }
  // To the first character of the next line that is neither empty nor a comment.
  void to_content() {
    while (!done()) {
      skip_spaces();
      if (!at_line_end() && peek() != '#') return;
      next_line();
    }
  }
  // Nothing but a comment may follow on the line.
  bool rest_is_empty() {
    const std::size_t from = at_;
    skip_spaces();
    return at_line_end() || (peek() == '#' && at_ > from);
  }
  bool finish_line() {
    if (!rest_is_empty()) return false;
    next_line();
    to_content();
    return true;
  }

  // --- nodes -----------------------------------------------------------------------------------
  std::uint32_t open(YamlKind kind) {
    const auto index = static_cast<std::uint32_t>(tree_.nodes.size());
    tree_.nodes.push_back({0, 0, index + 1, kind});
    tree_.places.push_back({line_, static_cast<std::uint32_t>(column() + 1)});
    return index;
  }
  bool close(std::uint32_t index) {
    tree_.nodes[index].end = static_cast<std::uint32_t>(tree_.nodes.size());
    return true;
  }
  void set_text(std::uint32_t node, std::size_t from, std::size_t to) {
    while (to > from && text_[to - 1] == ' ') --to;
    while (to > from && text_[from] == ' ') ++from;
    if (text_.substr(from, to - from).find("  ") != std::string_view::npos)
      return begin_extra(node), append(text_.substr(from, to - from)), end_extra(node);
    tree_.nodes[node].text = static_cast<std::uint32_t>(from);
    tree_.nodes[node].size = static_cast<std::uint32_t>(to - from);
  }
  // Text that does not stand in the source as it is.
  void begin_extra(std::uint32_t node) {
    tree_.nodes[node].text = static_cast<std::uint32_t>(source_.size() + extra_.size());
    extra_start_ = extra_.size();
  }
  void append(std::string_view part) {
    for (char c : part)
      if (c != ' ' || (extra_.size() > extra_start_ && extra_.back() != ' ')) extra_ += c;
  }
  void end_extra(std::uint32_t node) {
    if (extra_.size() > extra_start_ && extra_.back() == ' ') extra_.pop_back();
    tree_.nodes[node].size = static_cast<std::uint32_t>(extra_.size() - extra_start_);
  }

  // --- maps and lists by indentation -----------------------------------------------------------
  bool at_dash() const { return peek() == '-' && (peek(1) == ' ' || peek(1) == '\n'); }
  // The length of the key in front of ": ", 0 when there is none.
  std::size_t key_length() const {
    std::size_t size = 0;
    if (!word(peek())) return 0;
    while (word(peek(size)) || peek(size) == '-' || peek(size) == '.') ++size;
    const bool ends = peek(size) == ':' && (peek(size + 1) == ' ' || peek(size + 1) == '\n');
    return ends && size <= kLongestKey ? size : 0;
  }
  bool at_key() const { return key_length() > 0; }
  void take_key() {
    const std::size_t size = key_length();
    set_text(open(YamlKind::scalar), at_, at_ + size);
    at_ += size + 1;
  }

  bool block_map(std::size_t indent) {
    if (++depth_ > kDeepest) return false;
    const std::uint32_t map = open(YamlKind::map);
    while (!done() && column() == indent) {
      if (!at_key()) return false;
      take_key();
      if (!value(indent, /*list_at_indent=*/true)) return false;
    }
    --depth_;
    return (done() || column() < indent) && close(map);
  }

  bool block_list(std::size_t indent) {
    if (++depth_ > kDeepest) return false;
    const std::uint32_t list = open(YamlKind::list);
    while (!done() && column() == indent && at_dash()) {
      ++at_;
      const std::size_t dash = at_;
      skip_spaces();
      if (at_ > dash && at_key()) {
        if (!block_map(column())) return false;
      } else if (at_dash()) {
        return false;
      } else {
        at_ = dash;
        if (!value(indent, false)) return false;
      }
    }
    --depth_;
    return (done() || column() <= indent) && close(list);
  }

  // What follows ':' or '-'; the collection around it stands at `indent`.  Ends at the next
  // content.
  bool value(std::size_t indent, bool list_at_indent) {
    if (!rest_is_empty()) return on_this_line(indent);
    if (!finish_line() || done()) return false;
    if (column() > indent)
      return at_dash() ? block_list(column()) : at_key() && block_map(column());
    return list_at_indent && column() == indent && at_dash() && block_list(indent);
  }

  bool on_this_line(std::size_t indent) {
    switch (peek()) {
    case '[':
    case '{': return flow(indent) && finish_line();
    case '"':
    case '\'': return quoted() && finish_line();
    case '>':
    case '|': return block_scalar(indent);
    default: return opens_plain(peek()) && plain(indent);
    }
  }

  // --- scalars ---------------------------------------------------------------------------------
  // To the end of the words on this line; false for what looks like a key.
  bool plain_words(std::size_t& to) {
    for (to = at_; !at_line_end(); ++at_) {
      const char c = peek();
      if (c == '#' && text_[at_ - 1] == ' ') return true;
      if (c == ':' && (peek(1) == ' ' || peek(1) == '\n')) return false;
      if (c != ' ') to = at_ + 1;
    }
    return true;
  }

  bool plain(std::size_t indent) {
    const std::uint32_t node = open(YamlKind::scalar);
    const std::size_t from = at_;
    std::size_t to = 0;
    if (!plain_words(to)) return false;
    bool several = false;
    while (at_line_end() && !done()) {
      next_line();
      skip_spaces();
      if (at_line_end() || peek() == '#' || column() <= indent) break;
      if (!opens_plain(peek())) return false;
      if (!several) begin_extra(node), append(text_.substr(from, to - from));
      several = true;
      const std::size_t begin = at_;
      if (!plain_words(to)) return false;
      append(" "), append(text_.substr(begin, to - begin));
    }
    several ? end_extra(node) : set_text(node, from, to);
    if (!done() && peek() == '#') next_line();
    to_content();
    return true; // a deeper line is now no content of anybody, which the caller finds
  }

  bool quoted() {
    const std::uint32_t node = open(YamlKind::scalar);
    const char quote = text_[at_++];
    const std::size_t from = at_;
    bool escaped = false;
    for (; !at_line_end(); ++at_) {
      if (quote == '"' && peek() == '\\') {
        if (peek(1) != '"' && peek(1) != '\\') return false;
        escaped = true;
        ++at_;
      } else if (peek() == quote) {
        if (quote == '"' || peek(1) != '\'') break;
        escaped = true;
        ++at_;
      }
    }
    if (at_line_end()) return false;
    if (escaped) {
      begin_extra(node);
      for (std::size_t i = from; i < at_; ++i) {
        if (text_[i] == '\'' && quote == '\'') ++i;
        if (text_[i] == '\\' && quote == '"') ++i;
        append(text_.substr(i, 1));
      }
      end_extra(node);
    } else {
      set_text(node, from, at_);
    }
    ++at_;
    const char next = peek();
    return next == ' ' || next == '\n' || next == ',' || next == ']' || next == '}';
  }

  bool block_scalar(std::size_t indent) {
    const std::uint32_t node = open(YamlKind::scalar);
    ++at_;
    if (peek() == '-' || peek() == '+') ++at_;
    if (!at_line_end()) return false;
    begin_extra(node);
    std::size_t block = 0; // indentation of its first line
    for (next_line(); !done(); next_line()) {
      skip_spaces();
      if (at_line_end()) {
        if (column() > 0) return false;
        continue;
      }
      if (column() <= indent) break;
      if (block == 0) block = column();
      if (column() < block) return false;
      append(" "), append(text_.substr(at_, line_end() - at_));
    }
    end_extra(node);
    to_content();
    return block > 0;
  }

  // --- brackets --------------------------------------------------------------------------------
  bool flow_space(std::size_t indent) {
    skip_spaces();
    while (!done() && at_line_end()) {
      next_line();
      skip_spaces();
      if (at_line_end() || column() <= indent) return false;
    }
    return !done() && peek() != '#';
  }

  bool flow(std::size_t indent) {
    if (++depth_ > kDeepest) return false;
    const bool map = peek() == '{';
    const std::uint32_t node = open(map ? YamlKind::map : YamlKind::list);
    ++at_;
    for (;;) {
      if (!flow_space(indent)) return false;
      if (map) {
        if (!at_key()) return false;
        take_key();
        if (!flow_space(indent)) return false;
      }
      if (!flow_value(indent) || !flow_space(indent)) return false;
      const char c = text_[at_++];
      if (c == (map ? '}' : ']')) break;
      if (c != ',') return false;
    }
    --depth_;
    return close(node);
  }

  bool flow_value(std::size_t indent) {
    const char c = peek();
    if (c == '[' || c == '{') return flow(indent);
    if (c == '"' || c == '\'') return quoted();
    return opens_plain(c) && flow_plain();
  }

  bool flow_plain() {
    const std::uint32_t node = open(YamlKind::scalar);
    const std::size_t from = at_;
    for (; !at_line_end() && std::string_view(",]}").find(peek()) == std::string_view::npos;
         ++at_) {
      if (std::string_view("[{#?").find(peek()) != std::string_view::npos) return false;
      if (peek() == ':' && !word(peek(1)) && peek(1) != '/' && peek(1) != '\\') return false;
    }
    set_text(node, from, at_);
    return true; // a word on the next line is no ',' or bracket, which the caller finds
  }

  std::string source_, extra_;
  std::string_view text_;
  YamlTree tree_;
  std::size_t at_ = 0, line_start_ = 0, extra_start_ = 0;
  std::uint32_t line_ = 0;
  int depth_ = 0;
};

} // namespace

std::optional<YamlTree> read_plain_yaml(std::string_view text) {
  auto lines = simple_lines(text);
  if (!lines) return std::nullopt;
  return PlainReader(std::move(*lines)).read();
}

} // namespace dumptriage::rules
