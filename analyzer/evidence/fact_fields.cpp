#include "evidence/fact_fields.h"

#include <map>

namespace dumptriage::evidence {
namespace {

struct Row {
  std::string_view kind;
  FieldType type;
  std::string_view fields;
};

constexpr Row kRows[] = {
#define FACT_FIELDS(kind, type, fields) {kind, FieldType::type, fields},
#include "evidence/fact_fields.def"
#undef FACT_FIELDS
};

using Fields = std::map<std::string_view, FieldType>;

std::map<std::string_view, Fields> make_table() {
  std::map<std::string_view, Fields> table;
  for (const Row& row : kRows) {
    std::string_view rest = row.fields;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      table[row.kind].emplace(rest.substr(0, end), row.type);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return table;
}

const std::map<std::string_view, Fields>& table() {
  static const auto made = make_table();
  return made;
}

} // namespace

FieldType field_type(std::string_view kind, std::string_view field) {
  const auto fields = table().find(kind);
  if (fields == table().end()) return FieldType::unknown;
  const auto found = fields->second.find(field);
  return found == fields->second.end() ? FieldType::unknown : found->second;
}

bool is_fact_kind(std::string_view kind) { return table().contains(kind); }

} // namespace dumptriage::evidence
