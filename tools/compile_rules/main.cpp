// Makes the built-in catalogue while the program is built: the rule files of signatures/ become
// constant tables in C++, with nothing to be relocated or parsed when the program starts.
//   compile_rules FOLDER TABLE.cpp TEXTS.cpp [--lenient]
// A broken rule fails the build; with --lenient it is reported and left out.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "rules/catalogue_state.h"
#include "rules/loader.h"
#include "rules/yaml_tree.h"

namespace {

using namespace dumptriage;
using namespace dumptriage::rules;

struct Source {
  const RuleText* text = nullptr;
  Rule rule;
  Needs needs;
  YamlTree tree;
};

// Every text once.
class Texts {
public:
  std::uint32_t add(std::string_view text) {
    auto [at, added] = places_.try_emplace(std::string(text), 0);
    if (added) {
      at->second = static_cast<std::uint32_t>(all_.size());
      all_ += text;
    }
    return at->second;
  }
  const std::string& all() const { return all_; }

private:
  std::map<std::string, std::uint32_t, std::less<>> places_;
  std::string all_;
};

// A literal of any bytes, in lines of a size that compilers like.
std::string literal(std::string_view text) {
  std::string code = "\n    \"";
  std::size_t column = 0;
  for (char c : text) {
    if (column >= 100) {
      code += "\"\n    \"";
      column = 0;
    }
    const std::size_t before = code.size();
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || c == '?')
      code.append("\\").append(1, c);
    else if (byte >= 0x20 && byte < 0x7F)
      code += c;
    else
      code += fmt::format("\\{:03o}", byte);
    column += code.size() - before;
  }
  return code + "\"";
}

class Writer {
public:
  void line(const std::string& text) { code_ += text + "\n"; }

  // `const Type kName[] = {...}` and how a span of it is written; nothing for an empty one.
  std::string table(const char* type, const char* name, const std::vector<std::string>& rows) {
    if (rows.empty()) return "{}";
    code_ += fmt::format("const {} {}[] = {{\n", type, name);
    std::size_t column = 0;
    for (const std::string& row : rows) {
      code_ += row + ",";
      column += row.size() + 1;
      if (column < 100) continue;
      code_ += "\n";
      column = 0;
    }
    code_ += "};\n";
    return name;
  }
  std::string numbers(const char* name, const std::vector<std::uint32_t>& all) {
    std::vector<std::string> rows;
    for (std::uint32_t n : all) rows.push_back(std::to_string(n));
    return table("std::uint32_t", name, rows);
  }
  const std::string& code() const { return code_; }

private:
  std::string code_;
};

std::string index_code(Writer& out, const IndexTables& index) {
  std::vector<std::string> keys, rules, needs, articles;
  for (const IndexKey& k : index.keys)
    keys.push_back(fmt::format("{{NeedKind({}),{},{},{},{}}}", static_cast<unsigned>(k.kind),
                               k.text, k.size, k.first, k.rules));
  for (const IndexRule& r : index.rules)
    rules.push_back(fmt::format("{{{},{}}}", r.first, r.needs));
  for (const IndexNeed& n : index.needs) needs.push_back(fmt::format("{{{},{}}}", n.first, n.keys));
  for (const IndexArticle& a : index.articles)
    articles.push_back(fmt::format("{{{},{},{},{}}}", a.text, a.size, a.first, a.rules));
  std::vector<std::string> parts = {out.table("IndexKey", "kKeys", keys),
                                    out.numbers("kPosted", index.posted),
                                    out.numbers("kAlways", index.always),
                                    out.table("IndexRule", "kIndexRules", rules),
                                    out.table("IndexNeed", "kNeeds", needs),
                                    out.numbers("kNeedKeys", index.need_keys),
                                    out.table("IndexArticle", "kArticles", articles),
                                    out.numbers("kReplacing", index.replacing)};
  out.line("constexpr char kIndexTexts[] =" + literal(index.texts) + ";");
  parts.push_back(fmt::format("std::string_view(kIndexTexts, {})", index.texts.size()));
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

std::string table_code(const std::vector<Source>& sources, const std::string& digest) {
  Texts texts;
  std::vector<std::string> rules, nodes;
  std::vector<IndexedRule> indexed;
  for (const Source& source : sources) {
    const std::string& id = source.rule.id;
    const std::string& file = source.text->name;
    const YamlView tree = source.tree.view();
    rules.push_back(fmt::format("{{{},{},{},{},{},{}}}", texts.add(id), id.size(), texts.add(file),
                                file.size(), nodes.size(), tree.nodes.size()));
    for (std::uint32_t i = 0; i < tree.nodes.size(); ++i) {
      const YamlNode& node = tree.nodes[i];
      const std::uint32_t text = node.size > 0 ? texts.add(tree.text(i)) : 0;
      nodes.push_back(fmt::format("{{{},{},{},YamlKind({})}}", text, node.size, node.end,
                                  static_cast<unsigned>(node.kind)));
    }
    indexed.push_back({source.needs, source.rule.fix.replaces});
  }
  Writer out;
  out.line("// Made by tools/compile_rules from signatures/.");
  out.line("#include \"rules/compiled_rules.h\"\n\nnamespace dumptriage::rules {\nnamespace {\n");
  const std::string rule_table = out.table("CompiledRule", "kRules", rules);
  const std::string node_table = out.table("YamlNode", "kNodes", nodes);
  const std::string index = index_code(out, make_index(indexed));
  out.line("constexpr char kTexts[] =" + literal(texts.all()) + ";");
  out.line("\n} // namespace\n\nCompiledRules compiled_rules() {");
  out.line(fmt::format("  return {{{}, {}, {},\n          std::string_view(kTexts, {}), \"{}\"}};",
                       rule_table, node_table, index, texts.all().size(), digest));
  out.line("}\n\n} // namespace dumptriage::rules");
  return out.code();
}

std::string texts_code(const std::vector<RuleText>& texts) {
  Writer out;
  out.line("// Made by tools/compile_rules from signatures/.");
  out.line("#include \"rules/rules.h\"\n\nnamespace dumptriage::rules {\nnamespace {\n");
  std::string rows;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    out.line(fmt::format("constexpr char kText{}[] ={};", i, literal(texts[i].text)));
    rows += fmt::format("    texts.push_back({{\"{}\", std::string(kText{}, {}), {{}}}});\n",
                        texts[i].name, i, texts[i].text.size());
  }
  out.line("\n} // namespace\n\nconst std::vector<RuleText>& builtin_rule_texts() {");
  out.line("  static const std::vector<RuleText> all = [] {\n    std::vector<RuleText> texts;");
  out.line(rows +
           "    return texts;\n  }();\n  return all;\n}\n\n} // namespace dumptriage::rules");
  return out.code();
}

// A file that stays the same is not touched: nothing is built again for it.
bool write(const char* path, const std::string& code) {
  std::ostringstream before;
  if (std::ifstream old(path, std::ios::binary); old) before << old.rdbuf();
  if (before.str() == code) return true;
  std::ofstream file(path, std::ios::binary);
  return static_cast<bool>(file << code) && static_cast<bool>(file.flush());
}

// As compilers print it, so that editors find the place.
void print(const Error& error, bool lenient) {
  const std::string place = error.where.space == Space::text
                                ? fmt::format(":{}:{}", error.where.at, error.where.column)
                                : "";
  fmt::print(stderr, "{}{}: {}: {}\n", error.what, place, lenient ? "warning" : "error", error.why);
}

// Appends the rules that are good; false when one is not.
bool read_rules(const std::vector<RuleText>& texts, std::vector<Source>& sources, bool lenient) {
  bool good = true;
  std::map<std::string, std::string> ids;
  for (const RuleText& text : texts) {
    std::vector<Error> errors;
    LoadedRule loaded;
    if (text.error) {
      errors.push_back(*text.error);
    } else {
      loaded = load_rule(text.name, text.text);
      errors = loaded.errors;
    }
    if (loaded.rule) {
      auto [at, added] = ids.try_emplace(loaded.rule->id, text.name);
      if (!added)
        errors.push_back({Code::bad_value, text.name,
                          fmt::format("the id '{}' is taken by {}", at->first, at->second),
                          Where::text(1, 1)});
    }
    for (const Error& error : errors) print(error, lenient);
    good = good && errors.empty();
    if (!errors.empty()) continue;
    auto tree = read_yaml(text.name, text.text, errors);
    sources.push_back({&text, std::move(*loaded.rule), std::move(loaded.needs), std::move(*tree)});
  }
  std::ranges::sort(sources, {}, [](const Source& s) -> const std::string& { return s.rule.id; });
  return good;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 4)
    return std::fputs("compile_rules FOLDER TABLE.cpp TEXTS.cpp [--lenient]\n", stderr), 2;
  const bool lenient = argc > 4 && std::strcmp(argv[4], "--lenient") == 0;
  auto texts = read_rule_files(argv[1]);
  if (!texts) return fmt::print(stderr, "{}\n", texts.error().message()), 1;
  std::vector<Source> sources;
  if (!read_rules(*texts, sources, lenient) && !lenient) return 1;
  // Errors name the file as it lies on disk, the program names it as it lies in the project.
  const std::size_t folder = std::string(argv[1]).size();
  for (RuleText& text : *texts) text.name = "signatures" + text.name.substr(folder);
  std::vector<RuleText> good;
  for (const RuleText& text : *texts)
    if (std::ranges::find(sources, &text, &Source::text) != sources.end()) good.push_back(text);
  if (!write(argv[2], table_code(sources, digest_of(good))) || !write(argv[3], texts_code(good)))
    return fmt::print(stderr, "{}: cannot be written\n", argv[2]), 1;
  return 0;
}
