#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "rules/conditions/condition.h"

namespace dumptriage::rules {
namespace {

Finding finding(Answer answer, bool weak, std::string condition, std::string because,
                std::vector<std::string> facts) {
  return {answer, weak, std::move(condition), std::move(because), std::move(facts), {}};
}

} // namespace

Finding yes(std::string condition, std::string because, std::vector<std::string> facts) {
  return finding(Answer::yes, false, std::move(condition), std::move(because), std::move(facts));
}
Finding weak_yes(std::string condition, std::string because, std::vector<std::string> facts) {
  return finding(Answer::yes, true, std::move(condition), std::move(because), std::move(facts));
}
Finding yes_by(std::string condition, std::string because, const char* doubt,
               std::vector<std::string> facts) {
  if (!doubt) return yes(std::move(condition), std::move(because), std::move(facts));
  because += "; ";
  because += doubt;
  return weak_yes(std::move(condition), std::move(because), std::move(facts));
}
Finding no(std::string condition, std::string because, std::vector<std::string> facts) {
  return finding(Answer::no, false, std::move(condition), std::move(because), std::move(facts));
}
Finding cannot_tell(std::string condition, std::string because, std::vector<std::string> facts) {
  return finding(Answer::cannot_tell, false, std::move(condition), std::move(because),
                 std::move(facts));
}

Finding not_found(std::string condition, const FactView& facts,
                  std::initializer_list<std::string_view> kinds, std::string because) {
  for (std::string_view kind : kinds)
    if (!facts.complete(kind)) return not_found(std::move(condition), facts, kind, {});
  return no(std::move(condition), std::move(because));
}

Finding not_found(std::string condition, const FactView& facts, std::string_view kind,
                  std::string because) {
  const evidence::Coverage* coverage = facts.coverage_of(kind);
  if (coverage && coverage->extent == evidence::Coverage::Extent::complete)
    return no(std::move(condition), std::move(because));
  if (!coverage)
    return cannot_tell(
        std::move(condition),
        fmt::format("these facts say nothing about '{}': a re-scan of the dump is needed", kind));
  if (!coverage->missing.empty()) return cannot_tell(std::move(condition), coverage->missing);
  return cannot_tell(
      std::move(condition),
      fmt::format("the dump shows only part of '{}' ({} of {})", kind, coverage->seen,
                  coverage->of ? std::to_string(coverage->of) : "an unknown number"));
}

Finding at_least(std::string condition, std::size_t count, std::vector<Finding> children) {
  std::size_t sure = 0, found = 0, open = 0;
  for (const auto& child : children) {
    found += child.answer == Answer::yes;
    sure += child.answer == Answer::yes && !child.weak;
    open += child.answer == Answer::cannot_tell;
  }
  Finding result;
  result.condition = std::move(condition);
  result.answer = found >= count          ? Answer::yes
                  : found + open >= count ? Answer::cannot_tell
                                          : Answer::no;
  result.weak = result.answer == Answer::yes && sure < count;
  result.because = fmt::format("{} of {} hold", found, children.size());
  if (open) result.because += fmt::format(", {} cannot be told", open);
  result.children = std::move(children);
  return result;
}

Finding all_of(std::string condition, std::vector<Finding> children) {
  // An empty list holds.
  std::size_t count = children.size();
  return at_least(std::move(condition), count, std::move(children));
}

Finding any_of(std::string condition, std::vector<Finding> children) {
  return at_least(std::move(condition), 1, std::move(children));
}

Finding none_of(std::string condition, Finding child) {
  Finding result;
  result.condition = std::move(condition);
  if (child.answer == Answer::no)
    result.answer = Answer::yes;
  else if (child.answer == Answer::yes && !child.weak)
    result.answer = Answer::no;
  else
    result.answer = Answer::cannot_tell;
  result.because = child.because;
  result.facts = child.facts;
  result.children.push_back(std::move(child));
  return result;
}

std::string join(const std::vector<std::string>& words, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? fmt::format(" {} ", last) : ", ";
    text += words[i];
  }
  return text;
}

} // namespace dumptriage::rules
