#include "rules/yaml_reader.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <llvm/Support/SourceMgr.h>
#include <llvm/Support/YAMLParser.h>
#include <llvm/Support/YAMLTraits.h>

#include "base/text.h"
#include "rules/yaml_limits.h"

namespace dumptriage::rules {

using llvm::yaml::Node;

struct YamlReader::State {
  YamlReader& reader;
  std::unique_ptr<llvm::yaml::Input> input;

  explicit State(YamlReader& owner) : reader(owner) {}
  llvm::yaml::IO& io() { return *input; }
  const Node* node() const { return input ? input->getCurrentNode() : nullptr; }

  // The start of the alias in front of `at`.
  const char* alias_before(const char* at) const {
    std::string_view text(reader.text_);
    if (!at || at < text.data() || at > text.data() + text.size()) return nullptr;
    std::size_t star = text.substr(0, static_cast<std::size_t>(at - text.data())).rfind('*');
    return star == std::string_view::npos ? at : text.data() + star;
  }

  static void diagnose(const llvm::SMDiagnostic& diagnostic, void* context) {
    auto& self = *static_cast<State*>(context);
    std::string why = diagnostic.getMessage().str();
    // Unknown keys come as warnings (see setAllowUnknownKeys below), so that reading goes on.
    if (why.starts_with("unknown key") && !self.reader.expected_keys_.empty())
      why += ", expected " + self.reader.expected_keys_;
    else if (why == "unknown node kind")
      return self.reader.error_at(self.alias_before(diagnostic.getLoc().getPointer()), Kind::scalar,
                                  "YAML aliases are not supported, write the value out");
    self.reader.add_error(diagnostic.getLineNo() > 0 ? diagnostic.getLineNo() : 1,
                          diagnostic.getColumnNo() >= 0 ? diagnostic.getColumnNo() + 1 : 1,
                          std::move(why));
  }
};

YamlReader::YamlReader(std::string file, std::string_view text)
    : file_(std::move(file)), text_(text), state_(std::make_unique<State>(*this)) {}
YamlReader::~YamlReader() = default;

void YamlReader::add_error(std::uint32_t line, std::uint32_t column, std::string why) {
  constexpr std::size_t kMostErrors = 100; // a file of noise need not fill the screen
  if (errors_.size() < kMostErrors)
    errors_.push_back(
        {Code::bad_value, file_, utf8_from_ansi(why, 2000), Where::text(line, column)});
}

bool YamlReader::acceptable() {
  auto refused = refuse_yaml(file_, text_);
  if (refused) errors_.push_back(std::move(*refused));
  return errors_.empty();
}

void YamlReader::document(const std::function<void()>& read) {
  if (!acceptable()) return;
  state_->input = std::make_unique<llvm::yaml::Input>(llvm::StringRef(text_.data(), text_.size()),
                                                      nullptr, &State::diagnose, state_.get());
  state_->input->setAllowUnknownKeys(true);
  // What the parser could not take apart is not judged any further.
  if (state_->input->setCurrentDocument() && errors_.empty() && !state_->input->error())
    read();
  else if (errors_.empty())
    add_error(1, 1, "the file holds no rule");
  if (errors_.empty() && state_->input->nextDocument() && state_->input->setCurrentDocument())
    error("more than one document; one file holds one rule");
  std::ranges::stable_sort(errors_, {},
                           [](const Error& e) { return std::pair(e.where.at, e.where.column); });
}

YamlReader::Kind YamlReader::kind() const {
  const Node* node = state_->node();
  if (!node) return Kind::nothing;
  switch (node->getType()) {
  case Node::NK_Scalar:
  case Node::NK_BlockScalar: return Kind::scalar;
  case Node::NK_Sequence: return Kind::list;
  case Node::NK_Mapping: return Kind::map;
  default: return Kind::nothing;
  }
}

void YamlReader::error(std::string why) {
  const Node* node = state_->node();
  error_at(node ? node->getSourceRange().Start.getPointer() : nullptr, kind(), std::move(why));
}

// The parser's place of a list or map in brackets is behind the bracket, of an absent value at the
// next token, of an alias behind it: step back to what a reader of the message looks for.
void YamlReader::error_at(const char* at, Kind kind, std::string why) {
  const char *begin = text_.data(), *end = begin + text_.size();
  if (!at || at < begin || at > end) return add_error(1, 1, std::move(why));
  auto white = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  bool bracket = at > begin && (at[-1] == '[' || at[-1] == '{');
  if ((kind == Kind::list || kind == Kind::map) && bracket) --at;
  if (kind == Kind::nothing)
    while (at > begin && white(at[-1])) --at;
  std::string_view before(begin, static_cast<std::size_t>(at - begin));
  auto line = std::ranges::count(before, '\n') + 1;
  std::size_t last = before.rfind('\n');
  std::size_t column = last == std::string_view::npos ? before.size() + 1 : before.size() - last;
  add_error(static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(column), std::move(why));
}

std::optional<std::string> YamlReader::text(std::string_view expected) {
  if (kind() != Kind::scalar) {
    error(fmt::format("expected {}", expected));
    return std::nullopt;
  }
  llvm::StringRef raw;
  state_->io().scalarString(raw, llvm::yaml::QuotingType::None);
  std::string line;
  for (char c : raw) {
    bool white = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!white)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.empty()) {
    error(fmt::format("expected {}, found empty text", expected));
    return std::nullopt;
  }
  return utf8_from_ansi(line);
}

std::optional<std::uint64_t> YamlReader::number(std::string_view expected) {
  auto written = text(expected);
  if (!written) return std::nullopt;
  std::string_view digits = *written;
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  }
  std::uint64_t value = 0;
  auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (failed == std::errc{} && end == digits.data() + digits.size()) return value;
  error(fmt::format("expected {}, found '{}'", expected, *written));
  return std::nullopt;
}

std::optional<bool> YamlReader::boolean(std::string_view expected) {
  auto written = text(fmt::format("{}: true or false", expected));
  if (!written) return std::nullopt;
  if (*written == "true") return true;
  if (*written == "false") return false;
  error(fmt::format("expected {}: true or false, found '{}'", expected, *written));
  return std::nullopt;
}

void YamlReader::each(std::string_view expected, const std::function<void()>& item) {
  if (kind() == Kind::nothing) return error(fmt::format("expected {}, found nothing", expected));
  if (kind() != Kind::list) return item();
  auto& io = state_->io();
  unsigned count = io.beginSequence();
  if (count == 0) error(fmt::format("expected {}, found an empty list", expected));
  for (unsigned i = 0; i < count; ++i) {
    void* save = nullptr;
    if (!io.preflightElement(i, save)) continue;
    item();
    io.postflightElement(save);
  }
  io.endSequence();
}

void YamlReader::fields(std::string_view expected, const std::vector<Field>& fields) {
  std::string known;
  for (const auto& field : fields) known += (known.empty() ? "" : ", ") + field.key;
  if (fields.size() > 1) known = "one of: " + known;
  if (kind() != Kind::map) return error(fmt::format("expected {} with keys {}", expected, known));
  auto& io = state_->io();
  std::vector<std::string> present;
  for (llvm::StringRef key : io.keys()) present.push_back(key.str());
  io.beginMapping();
  for (const auto& field : fields) {
    if (std::ranges::find(present, field.key) == present.end()) {
      if (field.required) error(fmt::format("{}: missing key '{}'", expected, field.key));
      continue;
    }
    bool use_default = false;
    void* save = nullptr;
    if (!io.preflightKey(field.key.c_str(), false, false, use_default, save)) continue;
    field.read();
    io.postflightKey(save);
  }
  expected_keys_ = known;
  io.endMapping();
  expected_keys_.clear();
}

std::optional<std::string> YamlReader::one_of(std::string_view expected,
                                              const std::vector<std::string_view>& known,
                                              const std::function<void(std::string_view)>& read) {
  if (kind() != Kind::map) {
    error(fmt::format("expected {}, written as 'name: arguments'", expected));
    return std::nullopt;
  }
  std::vector<std::string> present;
  for (llvm::StringRef key : state_->io().keys()) present.push_back(key.str());
  std::ranges::sort(present);
  if (present.size() > 1)
    error(fmt::format("expected {} with one key, found {}", expected, present.size()));
  std::optional<std::string> found;
  std::vector<Field> fields_known;
  for (std::string_view name : known) {
    fields_known.push_back({std::string(name), false, [&, name] {
                              if (found) return;
                              found = std::string(name);
                              read(name);
                            }});
  }
  fields(expected, fields_known);
  return found;
}

void YamlReader::text_into(std::string& to, std::string_view expected) {
  if (auto value = text(expected)) to = std::move(*value);
}

void YamlReader::texts_into(std::vector<std::string>& to, std::string_view expected) {
  each(expected, [&] {
    if (auto value = text(expected)) to.push_back(std::move(*value));
  });
}

} // namespace dumptriage::rules
