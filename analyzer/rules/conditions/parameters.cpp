// parameters: {p1: 0xFC, p2: 2, p4: {in: netbt.sys, page_offset: 0x47A}}.  Every parameter of the
// stop that is named fits.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/parameter_test.h"

namespace dumptriage::rules {
namespace {

class Parameters : public Condition {
public:
  explicit Parameters(std::vector<ParameterTest> tests) : tests_(std::move(tests)) {
    std::vector<std::string> words;
    for (const auto& test : tests_) words.push_back(test.in_words());
    condition_ = "parameters " + join(words, "and");
  }

  Finding judge(const FactView& facts) const override {
    const evidence::Fact* stop = facts.first("stop");
    const std::string* kind = stop ? stop->text("kind") : nullptr;
    if (!kind) return not_found(condition_, facts, "stop", "the dump records no stop");
    if (*kind != "bugcheck")
      return not_found(condition_, facts, "stop", "the dump was not made by a bugcheck");
    std::vector<Finding> findings;
    for (const auto& test : tests_) findings.push_back(test.judge(facts, *stop));
    if (findings.size() == 1) {
      findings.front().condition = condition_;
      return std::move(findings.front());
    }
    return all_of(condition_, std::move(findings));
  }

  // Three parameters of one value each, of which one pins a place in code.
  bool discriminating() const override {
    return std::ranges::count_if(tests_, &ParameterTest::exact) >= 3 &&
           std::ranges::any_of(tests_, &ParameterTest::pins_place);
  }
  void needs(Needs& needs) const override { needs.push_back({NeedKind::stop_kind, {"bugcheck"}}); }
  unsigned weight() const override {
    unsigned sum = 0;
    for (const auto& test : tests_) sum += test.pins_place() ? 4 : test.exact() ? 2 : 1;
    return discriminating() ? std::max(8u, sum) : sum;
  }

private:
  std::vector<ParameterTest> tests_;
  std::string condition_;
};

} // namespace

ConditionPtr read_parameters(YamlReader& yaml, const RuleContext&) {
  std::vector<ParameterTest> tests;
  bool good = true;
  auto read = [&](int number) {
    auto test = read_parameter_test(yaml, number);
    good = good && test;
    if (test) tests.push_back(std::move(*test));
  };
  yaml.fields("parameters", {{"p1", false, [&] { read(1); }},
                             {"p2", false, [&] { read(2); }},
                             {"p3", false, [&] { read(3); }},
                             {"p4", false, [&] { read(4); }}});
  if (tests.empty() && good && yaml.kind() == YamlReader::Kind::map)
    yaml.error("parameters: expected at least one of p1, p2, p3, p4");
  if (tests.empty() || !good) return nullptr;
  return std::make_shared<Parameters>(std::move(tests));
}

} // namespace dumptriage::rules
