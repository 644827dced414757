// The types of the fields that docs/facts.md lists, by kind of fact: frozen facts and examples of
// rules are text, and are read back by this table only.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

namespace dumptriage::evidence {

enum class FieldType : std::uint8_t { unknown, boolean, number, address, text };

using FieldTypes = std::map<std::string_view, FieldType>;

// Of one kind; null when there is no such kind.
const FieldTypes* field_types(std::string_view kind);
FieldType field_type(std::string_view kind, std::string_view field);
bool is_fact_kind(std::string_view kind);

} // namespace dumptriage::evidence
