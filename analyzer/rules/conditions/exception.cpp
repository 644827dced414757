// exception: {code: 0xC0000005}, or the code or a list alone; by number or by name.  The exception
// of a program, or the one behind a bugcheck.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/stop_kind.h"

namespace dumptriage::rules {
namespace {

// Stops of the trap handler itself, which has no exception record, and forced ones.
constexpr auto kWithoutException = std::to_array<std::uint32_t>({0xA, 0xD1, 0x7F, 0xE2});

class Exception : public Condition {
public:
  explicit Exception(std::vector<std::uint32_t> codes) : codes_(std::move(codes)) {
    condition_ = "exception " + statuses_in_words(codes_);
  }

  Finding judge(const FactView& facts) const override {
    const evidence::Fact* stop = facts.first("stop");
    const std::string* kind = stop ? stop->text("kind") : nullptr;
    if (!kind) return not_found(condition_, facts, "stop", "the dump records no stop");
    auto code = stop->number("exception_code");
    if (!code && *kind == "exception") code = stop->number("code");
    if (code) {
      const auto found = static_cast<std::uint32_t>(*code);
      const bool hit = std::ranges::find(codes_, found) != codes_.end();
      return (hit ? yes : no)(condition_, "the exception is " + status_in_words(found), {stop->id});
    }
    const auto bugcheck = stop->number("code");
    const bool may_have =
        *kind == "exception" ||
        (*kind == "bugcheck" &&
         (!bugcheck ||
          std::ranges::find(kWithoutException, base_code(*bugcheck)) == kWithoutException.end()));
    if (may_have)
      return cannot_tell(condition_, "the dump does not tell the exception behind the stop",
                         {stop->id});
    return not_found(condition_, facts, "stop", "no exception was behind the stop");
  }

  unsigned weight() const override { return 1; }

private:
  std::vector<std::uint32_t> codes_;
  std::string condition_;
};

} // namespace

ConditionPtr read_exception(YamlReader& yaml, const RuleContext&) {
  std::vector<std::uint32_t> codes;
  if (yaml.kind() == YamlReader::Kind::map)
    yaml.fields("exception", {{"code", true, [&] { read_statuses(yaml, codes); }}});
  else
    read_statuses(yaml, codes);
  if (codes.empty()) return nullptr;
  return std::make_shared<Exception>(std::move(codes));
}

} // namespace dumptriage::rules
