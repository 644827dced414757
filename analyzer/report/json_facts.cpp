#include "report/json_parts.h"

#include "base/text.h"

namespace dumptriage::report::json {
namespace {

// Numbers above this cannot be told apart by readers that hold numbers as doubles (RFC 8259, 6).
constexpr std::uint64_t kExactNumber = (1ULL << 53) - 1;

Json value_of(const evidence::Value& value, int pointer_size) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* number = std::get_if<std::uint64_t>(&value))
    return *number <= kExactNumber ? Json(*number) : Json(hex(*number, 16));
  if (const auto* place = std::get_if<evidence::Address>(&value))
    return address(place->value, pointer_size);
  return std::get<std::string>(value);
}

std::string_view extent_of(evidence::Coverage::Extent extent) {
  switch (extent) {
  case evidence::Coverage::Extent::complete: return "complete";
  case evidence::Coverage::Extent::partial: return "partial";
  case evidence::Coverage::Extent::none: return "none";
  }
  return "none";
}

} // namespace

Json facts_of(const Document& d) {
  Json facts = Json::array();
  for (const evidence::Fact& row : d.facts) {
    Json fact;
    fact["kind"] = row.kind;
    fact["id"] = row.id;
    Json fields = Json::object();
    for (const auto& [name, value] : row.fields) fields[name] = value_of(value, d.pointer_size);
    fact["fields"] = std::move(fields);
    fact["refs"] = row.refs;
    put_object(fact, "where", where_of(row.where, d.pointer_size));
    put(fact, "trust", row.trust);
    facts.push_back(std::move(fact));
  }
  return facts;
}

Json coverage_of(const Document& d) {
  Json all = Json::array();
  for (const evidence::Coverage& row : d.coverage) {
    Json coverage;
    coverage["kind"] = row.kind;
    coverage["extent"] = extent_of(row.extent);
    coverage["seen"] = row.seen;
    if (row.of != 0) coverage["of"] = row.of;
    put(coverage, "missing", row.missing);
    all.push_back(std::move(coverage));
  }
  return all;
}

} // namespace dumptriage::report::json
