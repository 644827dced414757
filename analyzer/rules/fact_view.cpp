#include "rules/fact_view.h"

#include <algorithm>

#include "base/text.h"

namespace dumptriage::rules {

using evidence::Fact;

FactView::FactView(const evidence::FactSet& set) : set_(set) {
  by_id_.reserve(set.facts.size());
  for (const Fact& fact : set.facts) {
    by_kind_[fact.kind].push_back(&fact);
    by_id_.try_emplace(fact.id, &fact);
    if (fact.kind == "frame") add_frame(fact);
    if (fact.kind != "module") continue;
    if (const std::string* name = fact.text("name")) modules_.add(*name, &fact);
  }
  const auto index = [](const Fact* frame) { return frame->number("index").value_or(UINT64_MAX); };
  for (auto& [thread, frames] : by_thread_)
    if (!std::ranges::is_sorted(frames, {}, index)) std::ranges::stable_sort(frames, {}, index);
  for (const evidence::Coverage& row : set.coverage) coverage_.try_emplace(row.kind, &row);
}

void FactView::add_frame(const Fact& frame) {
  if (const std::string* thread = frame.text("thread")) by_thread_[*thread].push_back(&frame);
  if (const std::string* module = frame.text("module")) frames_in_.add(*module, &frame);
  const bool crashed = frame.flag("crashed_thread");
  if (crashed) crashed_frames_.push_back(&frame);
  if (crashed || frame.fields.contains("cpu")) cpu_frames_.push_back(&frame);
}

void FactView::ByModule::add(std::string_view module, const Fact* fact) {
  auto known = spelling.find(module);
  if (known == spelling.end()) {
    std::string name = lower(dumptriage::stem(module));
    auto same = stem.find(name);
    if (same == stem.end()) {
      same = stem.emplace(stems.emplace_back(std::move(name)), lists.size()).first;
      lists.emplace_back();
    }
    known = spelling.emplace(module, same->second).first;
  }
  lists[known->second].push_back(fact);
}

FactView::Facts FactView::ByModule::find(std::string_view module) const {
  const auto found = stem.find(module);
  return found == stem.end() ? Facts{} : Facts{lists[found->second]};
}

FactView::Facts FactView::of_kind(std::string_view kind) const {
  const auto found = by_kind_.find(kind);
  return found == by_kind_.end() ? Facts{} : Facts{found->second};
}

const Fact* FactView::first(std::string_view kind) const {
  const Facts facts = of_kind(kind);
  return facts.empty() ? nullptr : facts.front();
}

const Fact* FactView::by_id(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

FactView::Facts FactView::frames_of(std::string_view thread) const {
  const auto found = by_thread_.find(thread);
  return found == by_thread_.end() ? Facts{} : Facts{found->second};
}

FactView::Facts FactView::frames_in(std::string_view module) const {
  return frames_in_.find(module);
}

FactView::Facts FactView::modules_named(std::string_view module) const {
  return modules_.find(module);
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
