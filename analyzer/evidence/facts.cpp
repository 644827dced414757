#include "evidence/facts.h"

namespace dumptriage::evidence {

namespace {

template <class T>
const T* value_of(const std::map<std::string, Value>& fields, const std::string& field) {
  auto found = fields.find(field);
  return found == fields.end() ? nullptr : std::get_if<T>(&found->second);
}

} // namespace

const std::string* Fact::text(const std::string& field) const {
  return value_of<std::string>(fields, field);
}

std::optional<std::uint64_t> Fact::number(const std::string& field) const {
  if (auto* number = value_of<std::uint64_t>(fields, field)) return *number;
  if (auto* address = value_of<Address>(fields, field)) return address->value;
  return std::nullopt;
}

bool Fact::flag(const std::string& field) const {
  auto* flag = value_of<bool>(fields, field);
  return flag && *flag;
}

std::vector<const Fact*> FactSet::of_kind(std::string_view kind) const {
  std::vector<const Fact*> found;
  for (const Fact& fact : facts) {
    if (fact.kind == kind) found.push_back(&fact);
  }
  return found;
}

const Fact* FactSet::first(std::string_view kind) const {
  for (const Fact& fact : facts) {
    if (fact.kind == kind) return &fact;
  }
  return nullptr;
}

const Coverage* FactSet::coverage_of(std::string_view kind) const {
  for (const Coverage& entry : coverage) {
    if (entry.kind == kind) return &entry;
  }
  return nullptr;
}

} // namespace dumptriage::evidence
