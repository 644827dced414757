// bugcheck: 0xD1, or a list.  The M variants (0x1000007E) count as their base code; other codes
// that often mean the same (0x1E and 0x8E, 0xA and 0xD1) are not merged, and there is no argument
// that merges them: a rule lists what its article lists.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/stop_kind.h"

namespace dumptriage::rules {
namespace {

class Bugcheck : public Condition {
public:
  explicit Bugcheck(std::vector<std::uint32_t> codes) : codes_(std::move(codes)) {
    std::vector<std::string> words;
    for (auto code : codes_) words.push_back(hex(code));
    condition_ = "bugcheck " + join(words);
  }

  Finding judge(const FactView& facts) const override {
    const evidence::Fact* stop = facts.first("stop");
    const std::string* kind = stop ? stop->text("kind") : nullptr;
    if (!kind) return not_found(condition_, facts, "stop", "the dump records no stop");
    if (*kind != "bugcheck" && *kind != "hang")
      return not_found(condition_, facts, "stop", "the dump was not made by a bugcheck");
    auto code = stop->number("normalized");
    if (!code) code = stop->number("code");
    if (!code) return cannot_tell(condition_, "the dump records no bugcheck code", {stop->id});
    const std::string* name = stop->text("name");
    std::string found = fmt::format("bugcheck {}{}{}", hex(base_code(*code)),
                                    name && !name->empty() ? " " : "", name ? *name : "");
    if (std::ranges::find(codes_, base_code(*code)) != codes_.end())
      return yes(condition_, found, {stop->id});
    return no(condition_, "the stop is " + found, {stop->id});
  }

  void needs(Needs& needs) const override {
    Need need{NeedKind::bugcheck, {}};
    for (auto code : codes_) need.any_of.push_back(std::to_string(code));
    needs.push_back(std::move(need));
  }

private:
  std::vector<std::uint32_t> codes_;
  std::string condition_;
};

} // namespace

ConditionPtr read_bugcheck(YamlReader& yaml, const RuleContext&) {
  constexpr std::string_view kExpected = "a bugcheck code such as 0xD1";
  std::vector<std::uint32_t> codes;
  yaml.each(kExpected, [&] {
    auto code = yaml.number(kExpected);
    if (!code) return;
    if (*code > UINT32_MAX) return yaml.error("a bugcheck code has 32 bits");
    codes.push_back(base_code(*code));
  });
  if (codes.empty()) return nullptr;
  return std::make_shared<Bugcheck>(std::move(codes));
}

} // namespace dumptriage::rules
