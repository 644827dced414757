// A set of facts as conditions look at it: by kind, by id, frames by thread.  Made once for each
// judged dump, so that a thousand conditions do not each search the whole set.
#pragma once

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "evidence/facts.h"

namespace dumptriage::rules {

class FactView {
public:
  explicit FactView(const evidence::FactSet& set); // keeps a reference to `set`
  using Facts = std::span<const evidence::Fact* const>;

  Facts of_kind(std::string_view kind) const;               // in the order of the set
  const evidence::Fact* first(std::string_view kind) const; // null: none
  const evidence::Fact* by_id(std::string_view id) const;
  Facts frames_of(std::string_view thread) const; // by the field `thread`, in stack order
  const evidence::Coverage* coverage_of(std::string_view kind) const;
  bool complete(std::string_view kind) const;
  const evidence::FactSet& set() const { return set_; }

private:
  const evidence::FactSet& set_;
  std::unordered_map<std::string_view, std::vector<const evidence::Fact*>> by_kind_, by_thread_;
  std::unordered_map<std::string_view, const evidence::Fact*> by_id_;
  std::unordered_map<std::string_view, const evidence::Coverage*> coverage_;
};

} // namespace dumptriage::rules
