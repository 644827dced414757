#include "rules/fact_view.h"

namespace dumptriage::rules {

FactView::FactView(const evidence::FactSet& set) : set_(set) {
  by_id_.reserve(set.facts.size());
  for (const evidence::Fact& fact : set.facts) {
    by_kind_[fact.kind].push_back(&fact);
    by_id_.try_emplace(fact.id, &fact);
    if (fact.kind != "frame") continue;
    if (const std::string* thread = fact.text("thread")) by_thread_[*thread].push_back(&fact);
  }
  for (const evidence::Coverage& row : set.coverage) coverage_.try_emplace(row.kind, &row);
}

FactView::Facts FactView::of_kind(std::string_view kind) const {
  const auto found = by_kind_.find(kind);
  return found == by_kind_.end() ? Facts{} : Facts{found->second};
}

const evidence::Fact* FactView::first(std::string_view kind) const {
  const Facts facts = of_kind(kind);
  return facts.empty() ? nullptr : facts.front();
}

const evidence::Fact* FactView::by_id(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

FactView::Facts FactView::frames_of(std::string_view thread) const {
  const auto found = by_thread_.find(thread);
  return found == by_thread_.end() ? Facts{} : Facts{found->second};
}

const evidence::Coverage* FactView::coverage_of(std::string_view kind) const {
  const auto found = coverage_.find(kind);
  return found == coverage_.end() ? nullptr : found->second;
}

bool FactView::complete(std::string_view kind) const {
  const evidence::Coverage* coverage = coverage_of(kind);
  return coverage && coverage->extent == evidence::Coverage::Extent::complete;
}

} // namespace dumptriage::rules
