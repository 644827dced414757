// Straight from the text into the set of facts, by fact_fields.def: what a field's type is decides
// how its value is read, so that the same text always means the same facts.
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "evidence/fact_fields.h"
#include "evidence/freeze.h"
#include "evidence/json_reader.h"

namespace dumptriage::evidence {

namespace {

// Beyond every dump's facts (20,000 of a kind), within what a program can hold.
constexpr std::size_t kMostBytes = std::size_t{64} << 20, kMostThawed = 700'000,
                      kMostRefs = 2'000'000, kMostCoverage = 1000;

// Members of one object, each at most once.
class Once {
public:
  bool take(std::size_t member) {
    const bool fresh = !taken_[member];
    taken_[member] = true;
    return fresh;
  }

private:
  std::array<bool, 8> taken_{};
};

std::optional<std::uint64_t> hex_number(std::string_view text) {
  constexpr std::size_t kMostDigits = 16;
  if (!text.starts_with("0x") || text.size() < 3 || text.size() > 2 + kMostDigits)
    return std::nullopt;
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + 2, end, value, 16);
  return error == std::errc() && rest == end ? std::optional(value) : std::nullopt;
}

class Thawing {
public:
  Thawing(const std::string& name, std::string_view text) : name_(name), text_(text), json_(text) {}

  Result<FrozenFacts> run();

private:
  bool document();
  bool tool();
  bool dump();
  bool list(bool facts);
  bool fact();
  bool fields(JsonReader& json, Fact& fact);
  bool value(JsonReader& json, FieldType type, Value& value);
  bool refs(Fact& fact);
  bool where(Where& where);
  bool coverage();
  // Which of the names the key is; their count: none of them, skipped.  A doubled one fails.
  template <std::size_t Count>
  bool member(const std::array<std::string_view, Count>& names, Once& once, std::size_t& which);

  const std::string& name_;
  std::string_view text_;
  JsonReader json_;
  FrozenFacts frozen_;
  std::string key_, scratch_;
  std::string about_; // what is being read, for errors: "fields.base of module:..."
  bool schema_ = false;
  std::size_t refs_ = 0;
};

template <std::size_t Count>
bool Thawing::member(const std::array<std::string_view, Count>& names, Once& once,
                     std::size_t& which) {
  which = static_cast<std::size_t>(std::ranges::find(names, key_) - names.begin());
  if (which == Count) return json_.skip();
  return once.take(which) || json_.fail("'" + key_ + "' stands there twice");
}

Result<FrozenFacts> Thawing::run() {
  if (text_.size() > kMostBytes) return fail(Code::limit, name_, "facts: the file is too large");
  if (document() && schema_) return std::move(frozen_);
  if (!json_.failed())
    json_.fail_at(0, std::string("expected the schema ") + std::string(kFactsSchema));
  const bool cut = json_.failed_at() >= text_.size();
  return fail(cut ? Code::truncated : Code::bad_value, name_,
              fmt::format("facts: {}{}{}", about_, about_.empty() ? "" : ": ", json_.why()),
              Where::file(json_.failed_at()));
}

bool Thawing::document() {
  constexpr std::array<std::string_view, 5> kNames = {"schema", "tool", "dump", "facts",
                                                      "coverage"};
  Once once;
  if (!json_.open_object()) return false;
  while (json_.next_key(key_)) {
    std::size_t which = 0;
    if (!member(kNames, once, which)) return false;
    switch (which) {
    case 0:
      if (!json_.read_text(scratch_)) return false;
      if (scratch_ != kFactsSchema) return json_.fail("this is no " + std::string(kFactsSchema));
      schema_ = true;
      break;
    case 1:
      if (!tool()) return false;
      break;
    case 2:
      if (!dump()) return false;
      break;
    case 3:
    case 4:
      if (!list(which == 3)) return false;
      break;
    default: break;
    }
  }
  return json_.expect_end();
}

bool Thawing::tool() {
  constexpr std::array<std::string_view, 2> kNames = {"name", "version"};
  Once once;
  if (!json_.open_object()) return false;
  while (json_.next_key(key_)) {
    std::size_t which = 0;
    if (!member(kNames, once, which)) return false;
    if (which < kNames.size() && !json_.read_text(which == 0 ? scratch_ : frozen_.tool_version))
      return false;
  }
  return !json_.failed();
}

bool Thawing::dump() {
  constexpr std::array<std::string_view, 3> kNames = {"path", "id", "pointer_size"};
  Once once;
  if (!json_.open_object()) return false;
  while (json_.next_key(key_)) {
    std::size_t which = 0;
    if (!member(kNames, once, which)) return false;
    if (which < 2 && !json_.read_text(which == 0 ? frozen_.path : frozen_.dump_id)) return false;
    if (which != 2) continue;
    std::uint64_t size = 0;
    if (!json_.read_number(size)) return false;
    if (size != 4 && size != 8) return json_.fail("expected a pointer size of 4 or 8");
    frozen_.pointer_size = static_cast<int>(size);
  }
  return !json_.failed();
}

bool Thawing::list(bool facts) {
  if (!json_.open_array()) return false;
  while (json_.next_item()) {
    if (!(facts ? fact() : coverage())) return false;
    about_.clear();
    if (frozen_.facts.facts.size() > kMostThawed || frozen_.facts.coverage.size() > kMostCoverage)
      return json_.fail("there are too many of them");
  }
  return !json_.failed();
}

bool Thawing::fact() {
  constexpr std::array<std::string_view, 6> kNames = {"kind", "id",    "fields",
                                                      "refs", "where", "trust"};
  Once once;
  Fact fact;
  std::size_t later = 0; // where fields stand that came before their kind
  if (!json_.open_object()) return false;
  while (json_.next_key(key_)) {
    std::size_t which = 0;
    if (!member(kNames, once, which)) return false;
    bool good = true;
    switch (which) {
    case 0: good = json_.read_text(fact.kind); break;
    case 1: good = json_.read_text(fact.id); break;
    case 2:
      if (fact.kind.empty()) {
        later = json_.at();
        good = json_.skip();
      } else {
        good = fields(json_, fact);
      }
      break;
    case 3: good = refs(fact); break;
    case 4: good = where(fact.where); break;
    case 5: good = json_.read_text(fact.trust); break;
    default: break;
    }
    if (!good) {
      if (about_.empty()) about_ = fact.id.empty() ? fact.kind : fact.id;
      return false;
    }
  }
  if (json_.failed()) return false;
  if (fact.kind.empty() || fact.id.empty()) return json_.fail("a fact without its kind or id");
  if (later != 0) {
    JsonReader again(text_, later);
    if (!fields(again, fact)) return json_.fail_at(again.failed_at(), again.why());
  }
  if (is_fact_kind(fact.kind))
    frozen_.facts.facts.push_back(std::move(fact));
  else
    ++frozen_.unknown;
  return true;
}

bool Thawing::fields(JsonReader& json, Fact& fact) {
  const FieldTypes* types = field_types(fact.kind);
  if (!types) return json.skip(); // the whole fact is left out
  if (!json.open_object()) return false;
  while (json.next_key(key_)) {
    const auto type = types->find(key_);
    if (type == types->end()) {
      ++frozen_.unknown;
      if (!json.skip()) return false;
      continue;
    }
    const std::size_t before = fact.fields.size();
    const auto place = fact.fields.emplace_hint(fact.fields.end(), key_, Value{});
    const bool fresh = fact.fields.size() != before;
    if (!(fresh ? value(json, type->second, place->second) : json.fail("it stands there twice"))) {
      about_ = fmt::format("fields.{} of {}", type->first, fact.id.empty() ? fact.kind : fact.id);
      return false;
    }
  }
  return !json.failed();
}

bool Thawing::value(JsonReader& json, FieldType type, Value& value) {
  const char next = json.peek();
  const std::size_t at = json.at();
  switch (type) {
  case FieldType::boolean: {
    bool flag = false;
    if (!json.read_flag(flag)) return false;
    value = flag;
    return true;
  }
  case FieldType::text: {
    std::string text;
    if (!json.read_text(text)) return false;
    value = std::move(text);
    return true;
  }
  case FieldType::number:
    if (next != '"') {
      std::uint64_t number = 0;
      if (!json.read_number(number)) return false;
      value = number;
      return true;
    }
    [[fallthrough]];
  case FieldType::address: {
    const bool address = type == FieldType::address;
    const char* expected = address ? "expected an address" : "expected a number";
    if (next != '"') return json.fail(expected);
    if (!json.read_text(scratch_)) return false;
    const auto number = hex_number(scratch_);
    if (!number) return json.fail_at(at, expected);
    if (address)
      value = Address{*number};
    else
      value = *number;
    return true;
  }
  case FieldType::unknown: break;
  }
  return json.skip();
}

bool Thawing::refs(Fact& fact) {
  if (!json_.open_array()) return false;
  while (json_.next_item()) {
    if (++refs_ > kMostRefs) return json_.fail("there are too many references");
    if (!json_.read_text(fact.refs.emplace_back())) return false;
  }
  return !json_.failed();
}

bool Thawing::where(Where& where) {
  constexpr std::array<std::string_view, 3> kNames = {"space", "at", "column"};
  constexpr Space kSpaces[] = {Space::file, Space::physical, Space::virtual_memory, Space::rva,
                               Space::text};
  Once once;
  if (!json_.open_object()) return false;
  while (json_.next_key(key_)) {
    std::size_t which = 0;
    if (!member(kNames, once, which)) return false;
    if (which == 0) {
      if (!json_.read_text(scratch_)) return false;
      const auto* space = std::ranges::find(kSpaces, scratch_, [](Space s) { return name_of(s); });
      if (space == std::end(kSpaces)) return json_.fail("no such space of places");
      where.space = *space;
    } else if (which == 1) {
      Value at;
      if (!value(json_, FieldType::address, at)) return false;
      where.at = std::get<Address>(at).value;
    } else if (which == 2) {
      std::uint64_t column = 0;
      if (!json_.read_number(column)) return false;
      if (column > UINT32_MAX) return json_.fail("the number is too large");
      where.column = static_cast<std::uint32_t>(column);
    }
  }
  return !json_.failed();
}

bool Thawing::coverage() {
  constexpr std::array<std::string_view, 5> kNames = {"kind", "extent", "seen", "of", "missing"};
  constexpr std::array<std::string_view, 3> kExtents = {"complete", "partial", "none"};
  Once once;
  Coverage row;
  if (!json_.open_object()) return false;
  while (json_.next_key(key_)) {
    std::size_t which = 0;
    if (!member(kNames, once, which)) return false;
    Value number;
    bool good = true;
    switch (which) {
    case 0: good = json_.read_text(row.kind); break;
    case 1: {
      good = json_.read_text(scratch_);
      const auto extent = std::ranges::find(kExtents, scratch_) - kExtents.begin();
      if (good && extent == std::ssize(kExtents)) good = json_.fail("no such extent");
      row.extent = static_cast<Coverage::Extent>(extent);
      break;
    }
    case 2:
    case 3:
      good = value(json_, FieldType::number, number);
      if (good) (which == 2 ? row.seen : row.of) = std::get<std::uint64_t>(number);
      break;
    case 4: good = json_.read_text(row.missing); break;
    default: break;
    }
    if (!good) {
      about_ = "coverage of " + (row.kind.empty() ? std::string("something") : row.kind);
      return false;
    }
  }
  if (json_.failed()) return false;
  if (row.kind.empty()) return json_.fail("coverage without its kind");
  frozen_.facts.coverage.push_back(std::move(row));
  return true;
}

} // namespace

Result<FrozenFacts> thaw(const std::string& name, std::string_view text) {
  return Thawing(name, text).run();
}

} // namespace dumptriage::evidence
