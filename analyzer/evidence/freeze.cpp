#include "evidence/freeze.h"

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::evidence {

namespace {

// Larger numbers cannot be told apart by readers that hold numbers as doubles (RFC 8259, 6).
constexpr std::uint64_t kExactNumber = (std::uint64_t{1} << 53) - 1;

class Writer {
public:
  explicit Writer(int pointer_size) : pointer_size_(pointer_size) {}

  void begin(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
  }
  void end(char bracket) {
    out_ += bracket;
    first_ = false;
  }
  void key(std::string_view name) {
    text(name);
    out_ += ':';
    first_ = true; // its value follows no comma
  }
  void text(std::string_view value) {
    separate();
    out_ += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\')
        (out_ += '\\') += c;
      else if (static_cast<unsigned char>(c) < 0x20)
        fmt::format_to(std::back_inserter(out_), "\\u{:04x}", static_cast<unsigned>(c));
      else
        out_ += c;
    }
    out_ += '"';
  }
  void number(std::uint64_t value) {
    if (value > kExactNumber) return text(hex(value, 16));
    separate();
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }
  void address(std::uint64_t value) { text(hex_address(value, pointer_size_)); }
  void flag(bool value) {
    separate();
    out_ += value ? "true" : "false";
  }
  // Texts that are empty are left out.
  void member(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    key(name);
    text(value);
  }
  std::string take() { return std::move(out_); }

private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }

  std::string out_;
  int pointer_size_;
  bool first_ = true;
};

void write_value(Writer& writer, const Value& value) {
  if (const bool* flag = std::get_if<bool>(&value))
    writer.flag(*flag);
  else if (const auto* number = std::get_if<std::uint64_t>(&value))
    writer.number(*number);
  else if (const auto* address = std::get_if<Address>(&value))
    writer.address(address->value);
  else
    writer.text(std::get<std::string>(value));
}

void write_where(Writer& writer, const Where& where) {
  if (where.space == Space::none) return;
  writer.key("where");
  writer.begin('{');
  writer.member("space", name_of(where.space));
  writer.key("at");
  writer.address(where.at);
  if (where.column != 0) {
    writer.key("column");
    writer.number(where.column);
  }
  writer.end('}');
}

void write_fact(Writer& writer, const Fact& fact) {
  writer.begin('{');
  writer.key("kind");
  writer.text(fact.kind);
  writer.key("id");
  writer.text(fact.id);
  writer.key("fields");
  writer.begin('{');
  for (const auto& [name, value] : fact.fields) {
    writer.key(name);
    write_value(writer, value);
  }
  writer.end('}');
  if (!fact.refs.empty()) {
    writer.key("refs");
    writer.begin('[');
    for (const std::string& ref : fact.refs) writer.text(ref);
    writer.end(']');
  }
  write_where(writer, fact.where);
  writer.member("trust", fact.trust);
  writer.end('}');
}

std::string_view name_of_extent(Coverage::Extent extent) {
  switch (extent) {
  case Coverage::Extent::complete: return "complete";
  case Coverage::Extent::partial: return "partial";
  case Coverage::Extent::none: break;
  }
  return "none";
}

void write_coverage(Writer& writer, const Coverage& row) {
  writer.begin('{');
  writer.key("kind");
  writer.text(row.kind);
  writer.key("extent");
  writer.text(name_of_extent(row.extent));
  writer.key("seen");
  writer.number(row.seen);
  writer.key("of");
  writer.number(row.of);
  writer.member("missing", row.missing);
  writer.end('}');
}

} // namespace

std::string freeze(const FrozenFacts& frozen) {
  Writer writer(frozen.pointer_size);
  writer.begin('{');
  writer.key("schema");
  writer.text(kFactsSchema);
  writer.key("tool");
  writer.begin('{');
  writer.key("name");
  writer.text("dumptriage");
  writer.member("version", frozen.tool_version);
  writer.end('}');
  writer.key("dump");
  writer.begin('{');
  writer.member("path", frozen.path);
  writer.member("id", frozen.dump_id);
  writer.key("pointer_size");
  writer.number(static_cast<std::uint64_t>(frozen.pointer_size));
  writer.end('}');
  writer.key("facts");
  writer.begin('[');
  for (const Fact& fact : frozen.facts.facts) write_fact(writer, fact);
  writer.end(']');
  writer.key("coverage");
  writer.begin('[');
  for (const Coverage& row : frozen.facts.coverage) write_coverage(writer, row);
  writer.end(']');
  writer.end('}');
  return writer.take();
}

} // namespace dumptriage::evidence
