// irp: {state: freed, twice: true, completion_in: sfmsrv.sys, driver: afd.sys, major: 4}.  One I/O
// request fits all the keys; `driver` and `major` are of one of its stack locations.
#include <algorithm>

#include <fmt/format.h>

#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

struct Wanted {
  std::string state; // "": any
  std::optional<bool> twice;
  ModuleNames completion, driver;
  std::optional<std::uint64_t> major;
};

// Addresses of the requests that a stack location speaks for.
class Requests {
public:
  void add(const Fact& location) {
    if (auto irp = location.number("irp")) addresses_.push_back(*irp);
  }
  void sort() { std::ranges::sort(addresses_); }
  bool contains(std::uint64_t irp) const { return std::ranges::binary_search(addresses_, irp); }

private:
  std::vector<std::uint64_t> addresses_;
};

class Irp : public Condition {
public:
  explicit Irp(Wanted wanted) : wanted_(std::move(wanted)) {
    condition_ = fmt::format("an IRP{}{}{}", wanted_.state.empty() ? "" : " that is ",
                             wanted_.state, wanted_.twice == true ? ", twice" : "");
    if (wanted_.twice == false) condition_ += ", once";
    if (!wanted_.completion.empty())
      condition_ += fmt::format(", completion routine in {}", wanted_.completion.written());
    if (!wanted_.driver.empty()) condition_ += fmt::format(", of {}", wanted_.driver.written());
    if (wanted_.major) condition_ += fmt::format(", major function {}", *wanted_.major);
  }

  Finding judge(const FactView& facts) const override {
    Requests by_completion, by_driver, by_name;
    for (const Fact* location : facts.of_kind("irp_location")) {
      if (completion_fits(*location)) by_completion.add(*location);
      if (driver_fits(*location)) by_driver.add(*location);
      if (driver_name_fits(*location)) by_name.add(*location);
    }
    for (Requests* requests : {&by_completion, &by_driver, &by_name}) requests->sort();
    const Answer otherwise = facts.complete("irp_location") ? Answer::no : Answer::cannot_tell;
    Search search;
    for (const Fact* irp : facts.of_kind("irp")) {
      const auto address = irp->number("address");
      auto told_by = [&](const Requests& requests) {
        if (!address) return Answer::cannot_tell;
        return requests.contains(*address) ? Answer::yes : otherwise;
      };
      Keys keys;
      if (!wanted_.state.empty())
        keys.add(irp->fields.contains(wanted_.state), irp->flag(wanted_.state));
      if (wanted_.twice)
        keys.add(irp->fields.contains("twice"), irp->flag("twice") == *wanted_.twice);
      if (!wanted_.completion.empty()) keys.add(told_by(by_completion));
      if (!wanted_.driver.empty() || wanted_.major) {
        const bool named = address && !by_driver.contains(*address) && by_name.contains(*address);
        keys.add(named ? Answer::yes : told_by(by_driver));
        if (named) keys.doubt("only the name of the driver object speaks for that module");
      }
      keys.doubt(doubt_about_fact(*irp));
      if (search.add(*irp, keys, [&] { return described(*irp); })) break;
    }
    return std::move(search).result(condition_, facts, {"irp"}, "no such I/O request was found",
                                    "not all is known of the I/O requests that were found");
  }

  // A request freed twice, and whose it is.  One that was freed once is what memory is full of.
  bool discriminating() const override {
    auto named = [](const ModuleNames& names) { return !names.empty() && names.literal(); };
    return wanted_.twice == true && (named(wanted_.completion) || named(wanted_.driver));
  }
  void needs(Needs& needs) const override { needs.push_back({NeedKind::fact, {"irp"}}); }
  unsigned weight() const override { return discriminating() ? 8 : 4; }

private:
  bool completion_fits(const Fact& location) const {
    return wanted_.completion.match(text_of(location, "completion_module"));
  }
  bool driver_fits(const Fact& location) const {
    return major_fits(location) &&
           (wanted_.driver.empty() || wanted_.driver.match(text_of(location, "driver_module")));
  }
  // Where the module is not known; a driver object may bear any name.
  bool driver_name_fits(const Fact& location) const {
    return major_fits(location) && text_of(location, "driver_module").empty() &&
           wanted_.driver.match_driver(text_of(location, "driver"));
  }
  bool major_fits(const Fact& location) const {
    return !wanted_.major || location.number("major") == wanted_.major;
  }

  static std::string described(const Fact& irp) {
    std::string text = "the IRP at " + address_in_words(irp.number("address").value_or(0));
    for (const char* state : {"freed", "twice", "completed", "pending", "cancelled"})
      if (irp.flag(state)) text += fmt::format(", {}", state);
    const std::string_view where = text_of(irp, "freed_where");
    return where.empty() ? text : fmt::format("{} ({})", text, where);
  }

  Wanted wanted_;
  std::string condition_;
};

} // namespace

ConditionPtr read_irp(YamlReader& yaml, const RuleContext&) {
  Wanted wanted;
  yaml.fields(
      "irp",
      {{"state", false,
        [&] { wanted.state = read_word(yaml, {"freed", "completed", "pending", "cancelled"}); }},
       {"twice", false, [&] { wanted.twice = yaml.boolean("twice"); }},
       {"completion_in", false, [&] { wanted.completion.read(yaml); }},
       {"driver", false, [&] { wanted.driver.read(yaml); }},
       {"major", false, [&] { wanted.major = yaml.number("the number of a major function"); }}});
  if (wanted.state.empty() && !wanted.twice && wanted.completion.empty() && wanted.driver.empty() &&
      !wanted.major) {
    if (yaml.kind() == YamlReader::Kind::map) yaml.error("irp: expected at least one key");
    return nullptr;
  }
  return std::make_shared<Irp>(std::move(wanted));
}

} // namespace dumptriage::rules
