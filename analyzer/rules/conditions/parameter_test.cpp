#include "rules/conditions/parameter_test.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

constexpr std::uint64_t kHigh = 0xFFFFFFFF00000000;

// A 64-bit system shows 0xC0000005 and other negative 32-bit values with their sign extended.
std::uint64_t without_sign(std::uint64_t value) {
  return (value & kHigh) == kHigh && (value & 0x80000000) ? value & ~kHigh : value;
}

const Fact* parameter_fact(const FactView& facts, int number) {
  for (const Fact* fact : facts.of_kind("parameter"))
    if (fact->number("number") == static_cast<std::uint64_t>(number)) return fact;
  return nullptr;
}

std::optional<std::uint64_t> value_of(const FactView& facts, const Fact& stop, int number) {
  const Fact* fact = parameter_fact(facts, number);
  auto value = fact ? fact->number("value") : std::nullopt;
  return value ? value : stop.number(fmt::format("p{}", number));
}

struct Place {
  std::string module;
  std::uint64_t rva = 0;
};

std::optional<Place> place_of(const FactView& facts, int number, std::uint64_t value) {
  if (const Fact* fact = parameter_fact(facts, number)) {
    const std::string* module = fact->text("module");
    if (auto rva = fact->number("rva"); module && rva) return Place{*module, *rva};
  }
  for (const Fact* fact : facts.of_kind("module")) {
    const auto base = fact->number("base"), size = fact->number("size");
    const std::string* name = fact->text("name");
    if (base && size && name && value >= *base && value - *base < *size)
      return Place{*name, value - *base};
  }
  return std::nullopt;
}

} // namespace

bool ParameterTest::exact() const {
  return !equals_.empty() || same_as_ || !text_.empty() || high16_ || pins_place();
}

std::string ParameterTest::in_words() const {
  std::string text = fmt::format("p{}", number_);
  if (!equals_.empty()) text += fmt::format(" = {}", numbers_in_words(equals_));
  if (at_least_) text += fmt::format(" >= {}", hex(*at_least_));
  if (below_) text += fmt::format(" < {}", hex(*below_));
  if (bits_) text += fmt::format(" with bits {}", hex(*bits_));
  if (high16_) text += fmt::format(" with {} in its upper half", hex(*high16_));
  if (same_as_) text += fmt::format(" = p{}", *same_as_);
  if (any_text_) text += " is text";
  if (!text_.empty()) text += fmt::format(" is the text '{}'", text_);
  if (!modules_.empty()) text += fmt::format(" in {}", modules_.written());
  if (rva_) text += fmt::format(" at +{}", hex(*rva_));
  if (page_offset_) text += fmt::format(" at page offset {}", hex(*page_offset_));
  return text;
}

bool ParameterTest::value_fits(std::uint64_t value) const {
  const std::uint64_t plain = without_sign(value);
  auto same = [&](std::uint64_t wanted) { return without_sign(wanted) == plain; };
  if (!equals_.empty() && std::ranges::none_of(equals_, same)) return false;
  if (below_ && plain >= *below_) return false;
  if (at_least_ && plain < *at_least_) return false;
  if (bits_ && (value & *bits_) != *bits_) return false;
  if (high16_ && plain >> 16 != *high16_) return false;
  if (page_offset_ && (value & 0xFFF) != *page_offset_) return false;
  if (!any_text_ && text_.empty()) return true;
  const auto characters = characters_of(value);
  return characters && (any_text_ || *characters == text_);
}

Finding ParameterTest::judge_place(const FactView& facts, std::uint64_t value) const {
  const auto place = place_of(facts, number_, value);
  if (!place)
    return not_found(in_words(), facts, "module",
                     fmt::format("p{} {} lies in no module", number_, address_in_words(value)));
  const bool hit = modules_.match(place->module) && (!rva_ || place->rva == *rva_);
  return (hit ? yes : no)(
      in_words(), fmt::format("p{} is {}+{}", number_, place->module, hex(place->rva)), {"stop"});
}

Finding ParameterTest::judge(const FactView& facts, const Fact& stop) const {
  const auto value = value_of(facts, stop, number_);
  if (!value)
    return cannot_tell(in_words(), fmt::format("the dump does not store p{}", number_), {stop.id});
  std::string because = fmt::format("p{} is {}", number_, hex(*value));
  if (!value_fits(*value)) return no(in_words(), because, {stop.id});
  if (same_as_) {
    const auto other = value_of(facts, stop, *same_as_);
    if (!other)
      return cannot_tell(in_words(), fmt::format("the dump does not store p{}", *same_as_),
                         {stop.id});
    because += fmt::format(", p{} is {}", *same_as_, hex(*other));
    if (without_sign(*other) != without_sign(*value)) return no(in_words(), because, {stop.id});
  }
  if (modules_.empty()) return yes(in_words(), because, {stop.id});
  Finding place = judge_place(facts, *value);
  if (!place.facts.empty()) place.facts = {stop.id};
  return place;
}

namespace {

void read_text(YamlReader& yaml, bool& any, std::string& to) {
  constexpr std::string_view kExpected = "true, or four or eight characters";
  auto word = yaml.text(kExpected);
  if (!word) return;
  if (*word == "true") {
    any = true;
  } else if (word->size() <= 8) {
    to = std::move(*word);
    to.resize(to.size() <= 4 ? 4 : 8, ' '); // blanks at the end do not survive YAML
  } else {
    yaml.error(fmt::format("expected {}, found '{}'", kExpected, *word));
  }
}

std::optional<std::uint64_t> read_small(YamlReader& yaml, std::uint64_t most,
                                        std::string_view expected) {
  auto value = yaml.number(expected);
  if (value && *value > most)
    yaml.error(fmt::format("expected {}, found {}", expected, hex(*value)));
  return value;
}

} // namespace

std::optional<ParameterTest> read_parameter_test(YamlReader& yaml, int number) {
  constexpr std::string_view kValue = "a value of the parameter such as 0xFC";
  ParameterTest test(number);
  const std::size_t errors = yaml.errors().size();
  if (yaml.kind() != YamlReader::Kind::map) {
    read_numbers(yaml, test.equals_, kValue);
  } else {
    auto numbers = [&](std::optional<std::uint64_t>& to) {
      return [&] { to = yaml.number(kValue); };
    };
    yaml.fields("parameter",
                {{"equals", false, [&] { read_numbers(yaml, test.equals_, kValue); }},
                 {"below", false, numbers(test.below_)},
                 {"at_least", false, numbers(test.at_least_)},
                 {"bits", false, numbers(test.bits_)},
                 {"high16", false,
                  [&] { test.high16_ = read_small(yaml, 0xFFFF, "the upper half of 32 bits"); }},
                 {"in", false, [&] { test.modules_.read(yaml); }},
                 {"rva", false, [&] { test.rva_ = yaml.number("an offset in the module"); }},
                 {"page_offset", false,
                  [&] {
                    test.page_offset_ =
                        read_small(yaml, 0xFFF, "an offset in a page, below 0x1000");
                  }},
                 {"same_as", false,
                  [&] {
                    test.same_as_ =
                        static_cast<int>(read_choice(yaml, {"p1", "p2", "p3", "p4"})) + 1;
                  }},
                 {"status", false,
                  [&] {
                    std::vector<std::uint32_t> statuses;
                    read_statuses(yaml, statuses);
                    test.equals_.insert(test.equals_.end(), statuses.begin(), statuses.end());
                  }},
                 {"text", false, [&] { read_text(yaml, test.any_text_, test.text_); }}});
    if (test.rva_ && (test.modules_.empty() || !test.modules_.literal()))
      yaml.error("parameter: an 'rva' needs 'in' with a module without '*'");
    if (test.same_as_ == number) yaml.error("parameter: 'same_as' names the parameter itself");
    if (test.in_words().size() == 2 && yaml.errors().size() == errors)
      yaml.error("parameter: expected at least one key");
  }
  if (yaml.errors().size() != errors) return std::nullopt;
  return test;
}

} // namespace dumptriage::rules
