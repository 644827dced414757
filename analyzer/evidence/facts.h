// evidence: snapshot and stacks become facts, one extractor per file, registered in registry.cpp.
// A fact is {kind, id, fields, refs, where, trust}; rules know facts only.  Every extractor also
// says how much it could see (coverage): a condition may answer "no" only over complete coverage.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace dumptriage::evidence {

struct Address {
  std::uint64_t value = 0;
  bool operator==(const Address&) const = default;
};
using Value = std::variant<bool, std::uint64_t, Address, std::string>;

struct Fact {
  std::string kind; // "stop", "os", "module", "cpu", "thread", "frame", "fault", ...
  std::string id;   // unique in the set: "module:netbt.sys@FFFFF80001000000", "frame:cpu 1:0"
  std::map<std::string, Value> fields;
  std::vector<std::string> refs; // ids of other facts
  Where where;
  std::string trust; // "dump", "unwind_data", "scan", "image", ... in the words of its reader

  const std::string* text(const std::string& field) const;
  std::optional<std::uint64_t> number(const std::string& field) const; // also addresses
  bool flag(const std::string& field) const;                           // false when missing
};

struct Coverage {
  enum class Extent { complete, partial, none };
  std::string kind;
  Extent extent = Extent::none;
  std::uint64_t seen = 0, of = 0; // of 0 = not known
  std::string
      missing; // for people, empty when complete: "CPU 1's stack beyond frame 3: no image of nt"
};

struct FactSet {
  std::vector<Fact> facts;        // stable order: by kind of extractor, then as found
  std::vector<Coverage> coverage; // one per kind

  std::vector<const Fact*> of_kind(std::string_view kind) const;
  const Fact* first(std::string_view kind) const;
  const Coverage* coverage_of(std::string_view kind) const;
};

} // namespace dumptriage::evidence
