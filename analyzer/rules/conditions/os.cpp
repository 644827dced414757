// os: {family, service_pack, build, arch, edition, terminal_server, pae, multiprocessor}, or a list
// of alternatives. A service pack that the dump does not prove (it comes from one inferred row)
// matches only weakly, and a differing one proves nothing.
#include <algorithm>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/os_words.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

struct Alternative {
  std::vector<std::string> families, archs, editions;
  std::vector<std::uint64_t> service_packs, builds;
  std::optional<bool> terminal_server, pae, multiprocessor;
};

std::string alternative_in_words(const Alternative& a) {
  std::string text = a.families.empty() ? "any Windows" : join(a.families);
  std::vector<std::string> packs, builds;
  for (auto sp : a.service_packs) packs.push_back(sp ? fmt::format("SP{}", sp) : "without SP");
  for (auto build : a.builds) builds.push_back(std::to_string(build));
  if (!packs.empty()) text += fmt::format(" {}", join(packs));
  if (!builds.empty()) text += fmt::format(" build {}", join(builds));
  if (!a.editions.empty()) text += fmt::format(" {}", join(a.editions));
  if (a.terminal_server) text += *a.terminal_server ? ", Terminal Server" : ", no Terminal Server";
  if (!a.archs.empty()) text += fmt::format(" on {}", join(a.archs));
  return text;
}

Finding one_word(const Fact& os, const std::string& field, const std::vector<std::string>& wanted) {
  std::string condition = fmt::format("{} {}", field, join(wanted));
  const std::string* found = os.text(field);
  if (!found || found->empty())
    return cannot_tell(condition, fmt::format("the dump does not tell the {} of the system", field),
                       {os.id});
  bool hit = std::ranges::any_of(wanted, [&](const auto& w) { return equals_no_case(w, *found); });
  return (hit ? yes : no)(condition, fmt::format("{} is {}", field, *found), {os.id});
}

Finding one_build(const Fact& os, const std::vector<std::uint64_t>& wanted) {
  auto build = os.number("build");
  if (!build) return cannot_tell("build", "the dump does not tell the build number", {os.id});
  bool hit = std::ranges::find(wanted, *build) != wanted.end();
  return (hit ? yes : no)("build", fmt::format("build {}", *build), {os.id});
}

Finding one_service_pack(const Fact& os, const std::vector<std::uint64_t>& wanted) {
  auto pack = os.number("service_pack");
  if (!pack) return cannot_tell("service pack", "the dump does not tell the service pack", {os.id});
  bool hit = std::ranges::find(wanted, *pack) != wanted.end();
  const std::string* from = os.text("service_pack_from");
  std::string found = fmt::format("service pack {}{}{}", *pack,
                                  from && !from->empty() ? ", from " : "", from ? *from : "");
  if (os.flag("service_pack_proved")) return (hit ? yes : no)("service pack", found, {os.id});
  found += "; the dump does not prove it";
  return (hit ? weak_yes : cannot_tell)("service pack", found, {os.id});
}

Finding one_flag(const Fact& os, const std::string& field, bool wanted, std::string_view words) {
  std::string condition(words);
  if (!os.fields.contains(field))
    return cannot_tell(condition, fmt::format("the dump does not tell whether it was {}", words),
                       {os.id});
  const bool is = os.flag(field);
  return (is == wanted ? yes : no)(condition, fmt::format("it was {}{}", is ? "" : "not ", words),
                                   {os.id});
}

// Physical address extension is x86's; the facts have it from the kernel that was loaded.
Finding one_pae(const Fact& os, bool wanted) {
  const std::string* arch = os.text("arch");
  if (arch && !arch->empty() && *arch != "x86")
    return (wanted ? no : yes)("PAE", "PAE is known on x86 only", {os.id});
  return one_flag(os, "pae", wanted, "a PAE kernel");
}

Finding one_edition(const Fact& os, const std::vector<std::string>& wanted) {
  std::vector<Finding> children;
  for (const auto& edition : wanted) children.push_back(judge_edition(os, edition));
  if (children.size() == 1) return children.front();
  return any_of("edition " + join(wanted), std::move(children));
}

class Os : public Condition {
public:
  explicit Os(std::vector<Alternative> alternatives) : alternatives_(std::move(alternatives)) {
    for (const auto& a : alternatives_) words_.push_back(alternative_in_words(a));
  }

  Finding judge(const FactView& facts) const override {
    const Fact* os = facts.first("os");
    if (!os) return cannot_tell(join(words_), "the dump does not tell which system it was");
    std::vector<Finding> children;
    for (std::size_t i = 0; i < alternatives_.size(); ++i)
      children.push_back(judge_one(*os, alternatives_[i], words_[i]));
    if (children.size() == 1) return std::move(children.front());
    return any_of(join(words_), std::move(children));
  }

  void needs(Needs& needs) const override {
    Need need{NeedKind::family, {}};
    for (const auto& a : alternatives_) {
      if (a.families.empty()) return;
      need.any_of.insert(need.any_of.end(), a.families.begin(), a.families.end());
    }
    needs.push_back(std::move(need));
  }
  unsigned weight() const override { return 0; }

private:
  static Finding judge_one(const Fact& os, const Alternative& a, const std::string& words) {
    std::vector<Finding> parts;
    if (!a.families.empty()) parts.push_back(one_word(os, "family", a.families));
    if (!a.builds.empty()) parts.push_back(one_build(os, a.builds));
    if (!a.archs.empty()) parts.push_back(one_word(os, "arch", a.archs));
    if (a.terminal_server)
      parts.push_back(one_flag(os, "terminal_server", *a.terminal_server, "a Terminal Server"));
    if (a.pae) parts.push_back(one_pae(os, *a.pae));
    if (a.multiprocessor)
      parts.push_back(
          one_flag(os, "multiprocessor_kernel", *a.multiprocessor, "a multiprocessor kernel"));
    if (!a.editions.empty()) parts.push_back(one_edition(os, a.editions));
    if (!a.service_packs.empty()) parts.push_back(one_service_pack(os, a.service_packs));
    Finding all = all_of(words, std::move(parts));
    // One line says more than "3 of 3 hold": the first part that decided it.
    for (const auto& part : all.children)
      if (part.answer == all.answer && (part.answer != Answer::yes || part.weak)) {
        all.because = part.because;
        break;
      }
    if (all.answer == Answer::yes && !all.weak) all.because = describe_os(os);
    all.facts = {os.id};
    return all;
  }

  std::vector<Alternative> alternatives_;
  std::vector<std::string> words_;
};

} // namespace

ConditionPtr read_os(YamlReader& yaml, const RuleContext&) {
  std::vector<Alternative> alternatives;
  bool whole = true;
  yaml.each("a system such as {family: ws2003, service_pack: 2}", [&] {
    Alternative a;
    yaml.fields(
        "os",
        {{"family", false, [&] { read_words(yaml, a.families, os_families(), "an OS family"); }},
         {"service_pack", false, [&] { read_service_packs(yaml, a.service_packs); }},
         {"build", false, [&] { read_numbers(yaml, a.builds, "a build number"); }},
         {"arch", false, [&] { read_words(yaml, a.archs, os_archs(), "an architecture"); }},
         {"edition", false, [&] { read_words(yaml, a.editions, os_editions(), "an edition"); }},
         {"terminal_server", false, [&] { a.terminal_server = yaml.boolean("terminal_server"); }},
         {"pae", false, [&] { a.pae = yaml.boolean("pae"); }},
         {"multiprocessor", false, [&] { a.multiprocessor = yaml.boolean("multiprocessor"); }}});
    bool empty = a.families.empty() && a.service_packs.empty() && a.builds.empty() &&
                 a.archs.empty() && a.editions.empty() && !a.terminal_server && !a.pae &&
                 !a.multiprocessor;
    if (empty && yaml.kind() == YamlReader::Kind::map) yaml.error("os: expected at least one key");
    whole = whole && !empty;
    alternatives.push_back(std::move(a));
  });
  if (!whole || alternatives.empty()) return nullptr;
  return std::make_shared<Os>(std::move(alternatives));
}

} // namespace dumptriage::rules
