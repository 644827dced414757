#include "evidence/fact_fields.h"

#include <algorithm>

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

std::map<std::string_view, FieldTypes> make_table() {
  std::map<std::string_view, FieldTypes> table;
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

const std::map<std::string_view, FieldTypes>& table() {
  static const auto made = make_table();
  return made;
}

} // namespace

const FieldTypes* field_types(std::string_view kind) {
  const auto fields = table().find(kind);
  return fields == table().end() ? nullptr : &fields->second;
}

FieldType field_type(std::string_view kind, std::string_view field) {
  const FieldTypes* fields = field_types(kind);
  if (!fields) return FieldType::unknown;
  const auto found = fields->find(field);
  return found == fields->end() ? FieldType::unknown : found->second;
}

bool is_fact_kind(std::string_view kind) { return table().contains(kind); }

} // namespace dumptriage::evidence
