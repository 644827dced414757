// fault_address: {is: [null, freed]}, or the words alone.  What kind of address the fault touched.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

constexpr auto kWords =
    std::to_array<std::string_view>({"null", "freed", "text", "user", "wild", "execute"});
// Windows never maps the first 64 KiB.
constexpr std::uint64_t kNullEnd = 0x10000;

// Where the addresses of programs end, at least; between the two bounds the machine's setting
// decides (the /3GB switch of x86).
struct UserSpace {
  std::uint64_t sure_end = 0, possible_end = 0;
};
std::optional<UserSpace> user_space(const FactView& facts) {
  const Fact* os = facts.first("os");
  const std::string_view arch = os ? text_of(*os, "arch") : std::string_view();
  if (arch == "x86") return UserSpace{0x80000000, 0xC0000000};
  if (arch == "alpha") return UserSpace{0x80000000, 0x80000000};
  if (arch == "x64") return UserSpace{0x7FF00000000, 0x800000000000};
  if (arch == "arm64") return UserSpace{0x7FF00000000, 0x1000000000000};
  if (arch == "ia64") return UserSpace{0x7FF00000000, 0x2000000000000000};
  return std::nullopt;
}

class FaultAddress : public Condition {
public:
  explicit FaultAddress(std::vector<std::string> words) : words_(std::move(words)) {
    condition_ = "fault address is " + join(words_);
  }

  Finding judge(const FactView& facts) const override {
    const Fact* fault = facts.first("fault");
    if (!fault)
      return not_found(condition_, facts, "fault", "the dump records no faulting instruction");
    std::vector<Finding> findings;
    for (const auto& word : words_) findings.push_back(judge_one(word, *fault, facts));
    if (findings.size() == 1) return std::move(findings.front());
    return any_of(condition_, std::move(findings));
  }

  void needs(Needs& needs) const override { needs.push_back({NeedKind::fact, {"fault"}}); }
  Half half() const override {
    const bool freed =
        std::ranges::all_of(words_, [](const auto& word) { return word == "freed"; });
    return freed ? Half::state : Half::none;
  }
  unsigned weight() const override {
    auto common = [](const auto& word) {
      return word == "null" || word == "user" || word == "wild";
    };
    return std::ranges::any_of(words_, common) ? 2 : 4;
  }

private:
  static Finding judge_one(const std::string& word, const Fact& fault, const FactView& facts) {
    const std::string condition = "fault address is " + word;
    const auto address = fault.number("address");
    const std::string_view kind = text_of(fault, "address_class");
    if (word == "freed") return judge_freed(condition, fault, facts);
    if (word == "text" || word == "user" || word == "null") {
      if (word == "null" && (kind == "null" || kind == "null+offset")) return hit(condition, fault);
      if (!address) return open(condition, fault);
      if (word == "user") return judge_user(condition, fault, *address, facts);
      const bool is = word == "null" ? *address < kNullEnd : characters_of(*address).has_value();
      return is ? hit(condition, fault) : no(condition, described(fault), {fault.id});
    }
    const bool executed = text_of(fault, "access") == "execute";
    const bool no_code = kind == "execute of non-code" || (executed && bad_place(kind));
    if (word == "execute" ? no_code : kind == "wild" || kind == "non-canonical")
      return hit(condition, fault);
    if (!kind.empty()) return no(condition, described(fault), {fault.id});
    return not_found(condition, facts, "fault", described(fault));
  }

  static bool bad_place(std::string_view kind) {
    return !kind.empty() && kind != "guard page" && kind != "stack exhausted" &&
           kind != "misaligned";
  }

  static Finding judge_freed(const std::string& condition, const Fact& fault,
                             const FactView& facts) {
    if (text_of(fault, "address_class") == "freed-fill") return hit(condition, fault);
    Search search;
    for (const Fact* block : facts.of_kind("touched_block")) {
      const std::string_view state = text_of(*block, "state");
      Keys keys;
      keys.add(state.empty() ? Answer::cannot_tell : state == "free" ? Answer::yes : Answer::no);
      keys.doubt(doubt_about_fact(*block));
      if (search.add(*block, keys, [&] {
            return fmt::format(
                "{} points into a free pool block at {} (tag '{}')", text_of(*block, "of"),
                address_in_words(block->number("block").value_or(0)), text_of(*block, "tag"));
          }))
        break;
    }
    return std::move(search).result(condition, facts, {"fault", "touched_block"},
                                    "the fault touched nothing that is known to be free",
                                    "the state of the pool block that it touched is not known");
  }

  static Finding judge_user(const std::string& condition, const Fact& fault, std::uint64_t address,
                            const FactView& facts) {
    const auto space = user_space(facts);
    if (!space) return cannot_tell(condition, "the dump does not tell the CPU", {fault.id});
    if (address >= kNullEnd && address < space->sure_end) return hit(condition, fault);
    if (address < kNullEnd || address >= space->possible_end)
      return no(condition, described(fault), {fault.id});
    return cannot_tell(condition,
                       described(fault) + ", and where the addresses of programs end is not known",
                       {fault.id});
  }

  static Finding hit(const std::string& condition, const Fact& fault) {
    return yes_by(condition, described(fault), doubt_about_fact(fault), {fault.id});
  }
  static Finding open(const std::string& condition, const Fact& fault) {
    return cannot_tell(condition, "the address that the fault touched is not known", {fault.id});
  }
  static std::string described(const Fact& fault) {
    const auto address = fault.number("address");
    const std::string_view kind = text_of(fault, "address_class");
    return fmt::format("the fault touched {}{}{}{}",
                       address ? address_in_words(*address) : "an address that is not known",
                       kind.empty() ? "" : " (", kind, kind.empty() ? "" : ")");
  }

  std::vector<std::string> words_;
  std::string condition_;
};

} // namespace

ConditionPtr read_fault_address(YamlReader& yaml, const RuleContext&) {
  std::vector<std::string> words;
  auto read = [&] { read_words(yaml, words, kWords, "a kind of address"); };
  if (yaml.kind() == YamlReader::Kind::map)
    yaml.fields("fault_address", {{"is", true, read}});
  else
    read();
  if (words.empty()) return nullptr;
  return std::make_shared<FaultAddress>(std::move(words));
}

} // namespace dumptriage::rules
