// What a rule asks of one parameter of the stop.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/conditions/function_names.h"
#include "rules/rules.h"

namespace dumptriage::rules {

class ParameterTest {
public:
  explicit ParameterTest(int number) : number_(number) {}

  Finding judge(const FactView& facts, const evidence::Fact& stop) const;
  std::string in_words() const; // "p4 in netbt.sys at page offset 0x47A"
  // One value, or one of a few; not a range or some bits of it.
  bool exact() const;
  bool pins_place() const {
    return modules_.literal() && !modules_.empty() && (rva_ || page_offset_);
  }

private:
  friend std::optional<ParameterTest> read_parameter_test(YamlReader& yaml, int number);
  Finding judge_place(const FactView& facts, std::uint64_t value) const;
  bool value_fits(std::uint64_t value) const;

  int number_;
  std::vector<std::uint64_t> equals_; // statuses as well
  std::optional<std::uint64_t> below_, at_least_, bits_, high16_, page_offset_, rva_;
  std::optional<int> same_as_;
  bool any_text_ = false;
  std::string text_;
  ModuleNames modules_;
};

// With the cursor on a number, a list of numbers or a map; nothing after an error.
std::optional<ParameterTest> read_parameter_test(YamlReader& yaml, int number);

} // namespace dumptriage::rules
