// LLVM's YAML parser, for all that the quick reader leaves alone, and for what it says about text
// that is no YAML.
#include <algorithm>
#include <memory>

#include <llvm/ADT/SmallString.h>
#include <llvm/Support/Casting.h>
#include <llvm/Support/SourceMgr.h>
#include <llvm/Support/YAMLParser.h>

#include "base/text.h"
#include "rules/yaml_tree.h"

namespace dumptriage::rules {
namespace {

using llvm::yaml::Node;

bool white(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

class LlvmReader {
public:
  LlvmReader(const std::string& file, std::string_view text, std::vector<Error>& errors)
      : file_(file), text_(text), errors_(errors) {
    for (std::size_t at = 0; at < text.size(); at = lines_.back()) {
      lines_.push_back(std::min(text.find('\n', at), text.size()) + 1);
    }
    manager_.setDiagHandler(&LlvmReader::diagnose, this);
  }

  std::optional<YamlTree> read() {
    llvm::yaml::Stream stream(llvm::StringRef(text_.data(), text_.size()), manager_, false);
    bool found = false;
    for (auto document = stream.begin(); document != stream.end() && !broken_; ++document) {
      Node* root = document->getRoot();
      if (!root || stream.failed()) break;
      if (llvm::isa<llvm::yaml::NullNode>(root)) continue;
      if (found) {
        error(start_of(root), "more than one document; one file holds one rule");
        break;
      }
      found = true;
      add(root);
    }
    if (errors_.empty() && (stream.failed() || !found))
      error(text_.data(), stream.failed() ? "this is no YAML" : "the file holds no rule");
    if (!errors_.empty()) return std::nullopt;
    return std::move(tree_);
  }

private:
  static void diagnose(const llvm::SMDiagnostic& diagnostic, void* context) {
    auto& self = *static_cast<LlvmReader*>(context);
    const YamlPlace place = {static_cast<std::uint32_t>(std::max(diagnostic.getLineNo(), 1)),
                             static_cast<std::uint32_t>(std::max(diagnostic.getColumnNo() + 1, 1))};
    self.broken_ = true;
    self.add_error(place, diagnostic.getMessage().str());
  }

  void add_error(YamlPlace place, const std::string& why) {
    constexpr std::size_t kMostErrors = 100; // a file of noise need not fill the screen
    if (errors_.size() < kMostErrors)
      errors_.push_back({Code::bad_value, file_, utf8_from_ansi(why, 2000),
                         Where::text(place.line, place.column)});
  }
  void error(const char* at, const std::string& why) { add_error(place_of(at), why); }

  YamlPlace place_of(const char* at) const {
    const char* begin = text_.data();
    if (!at || at < begin || at > begin + text_.size()) return {};
    const auto offset = static_cast<std::size_t>(at - begin);
    const auto line = std::ranges::upper_bound(lines_, offset) - lines_.begin();
    const std::size_t start = line == 0 ? 0 : lines_[static_cast<std::size_t>(line - 1)];
    return {static_cast<std::uint32_t>(line + 1), static_cast<std::uint32_t>(offset - start + 1)};
  }

  const char* back_over_white(const char* at) const {
    while (at > text_.data() && white(at[-1])) --at;
    return at;
  }

  // Right for whatever stands before a list or map: at worst a place is a little late.
  bool in_comment(const char* at) const {
    const std::string_view before = text_.substr(0, static_cast<std::size_t>(at - text_.data()));
    const std::size_t line = before.rfind('\n');
    return before.find('#', line == std::string_view::npos ? 0 : line) != std::string_view::npos;
  }

  const char* last_before(const char* at, const char* wanted) const {
    const std::size_t found =
        text_.substr(0, static_cast<std::size_t>(at - text_.data())).find_last_of(wanted);
    return found == std::string_view::npos ? at : text_.data() + found;
  }

  // The parser's place of a list or map in brackets is behind the bracket, of a text by `>` or `|`
  // on the next line, of an absent value at the next token, of an alias behind it: step back to
  // what a reader of a message looks for.
  const char* start_of(const Node* node) const {
    const char *at = node->getSourceRange().Start.getPointer(), *begin = text_.data();
    if (!at || at < begin || at > begin + text_.size()) return begin;
    switch (node->getType()) {
    case Node::NK_Sequence:
    case Node::NK_Mapping: {
      const char* back = back_over_white(at);
      const char bracket = node->getType() == Node::NK_Sequence ? '[' : '{';
      return back > begin && back[-1] == bracket && !in_comment(back - 1) ? back - 1 : at;
    }
    case Node::NK_Null: return back_over_white(at);
    case Node::NK_BlockScalar: return last_before(at, ">|");
    case Node::NK_Alias: return last_before(at, "*");
    default: return at;
    }
  }

  std::uint32_t open(const Node* node, YamlKind kind) {
    const auto index = static_cast<std::uint32_t>(tree_.nodes.size());
    tree_.nodes.push_back({0, 0, index + 1, kind});
    tree_.places.push_back(place_of(start_of(node)));
    return index;
  }
  void close(std::uint32_t index) {
    tree_.nodes[index].end = static_cast<std::uint32_t>(tree_.nodes.size());
  }

  void add_text(const Node* node, std::string_view raw) {
    const std::uint32_t index = open(node, YamlKind::scalar);
    std::string line;
    for (char c : raw) {
      if (!white(c))
        line += c;
      else if (!line.empty() && line.back() != ' ')
        line += ' ';
    }
    if (!line.empty() && line.back() == ' ') line.pop_back();
    line = utf8_from_ansi(line, line.size() * 3);
    tree_.nodes[index].text = static_cast<std::uint32_t>(tree_.texts.size());
    tree_.nodes[index].size = static_cast<std::uint32_t>(line.size());
    tree_.texts += line;
  }

  // Recursion is as deep as the parser's own, which refuse_nesting bounds.
  void add(Node* node) {
    if (!node) return error(nullptr, "this is no YAML");
    if (!node->getAnchor().empty())
      error(start_of(node), "YAML anchors are not supported, write the value out");
    if (!node->getRawTag().empty())
      error(start_of(node), "YAML tags are not supported, write the value alone");
    switch (node->getType()) {
    case Node::NK_Scalar: {
      llvm::SmallString<128> storage;
      const llvm::StringRef value = llvm::cast<llvm::yaml::ScalarNode>(node)->getValue(storage);
      return add_text(node, {value.data(), value.size()});
    }
    case Node::NK_BlockScalar: {
      const llvm::StringRef value = llvm::cast<llvm::yaml::BlockScalarNode>(node)->getValue();
      return add_text(node, {value.data(), value.size()});
    }
    case Node::NK_Sequence: return add_list(llvm::cast<llvm::yaml::SequenceNode>(node));
    case Node::NK_Mapping: return add_map(llvm::cast<llvm::yaml::MappingNode>(node));
    case Node::NK_Alias:
      return error(start_of(node), "YAML aliases are not supported, write the value out");
    default: open(node, YamlKind::nothing);
    }
  }

  void add_list(llvm::yaml::SequenceNode* node) {
    const std::uint32_t index = open(node, YamlKind::list);
    for (Node& item : *node) {
      add(&item);
      if (broken_) return;
    }
    close(index);
  }

  void add_map(llvm::yaml::MappingNode* node) {
    const std::uint32_t index = open(node, YamlKind::map);
    for (llvm::yaml::KeyValueNode& pair : *node) {
      Node* key = pair.getKey();
      if (broken_) return;
      if (key && key->getType() == Node::NK_Scalar)
        add(key);
      else
        error(key ? start_of(key) : nullptr, "expected a key of plain text in front of ':'");
      add(pair.getValue());
      if (broken_) return;
    }
    close(index);
  }

  const std::string& file_;
  std::string_view text_;
  std::vector<Error>& errors_;
  std::vector<std::size_t> lines_; // where the second line begins, the third, ...
  llvm::SourceMgr manager_;
  YamlTree tree_;
  bool broken_ = false; // the parser gave up
};

} // namespace

std::optional<YamlTree> read_llvm_yaml(const std::string& file, std::string_view text,
                                       std::vector<Error>& errors) {
  return LlvmReader(file, text, errors).read();
}

} // namespace dumptriage::rules
