// os: {family, service_pack, build, arch, edition, terminal_server}, or a list of alternatives.
// A service pack that the dump does not prove (it comes from one inferred row) matches only weakly,
// and a differing one proves nothing.
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
  std::optional<bool> terminal_server;
};

std::string in_words(const Alternative& a) {
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

Finding one_terminal_server(const Fact& os, bool wanted) {
  if (!os.fields.contains("terminal_server"))
    return cannot_tell("Terminal Server", "the dump does not tell whether it was a Terminal Server",
                       {os.id});
  bool is = os.flag("terminal_server");
  return (is == wanted ? yes : no)(
      "Terminal Server", is ? "it was a Terminal Server" : "it was no Terminal Server", {os.id});
}

Finding one_edition(const Fact& os, const std::vector<std::string>& wanted) {
  std::vector<Finding> children;
  for (const auto& edition : wanted) children.push_back(judge_edition(os, edition));
  if (children.size() == 1) return children.front();
  return any_of("edition " + join(wanted), std::move(children));
}

class Os : public Condition {
public:
  explicit Os(std::vector<Alternative> alternatives) : alternatives_(std::move(alternatives)) {}

  Finding judge(const FactView& facts) const override {
    const Fact* os = facts.first("os");
    std::vector<std::string> words;
    for (const auto& a : alternatives_) words.push_back(in_words(a));
    if (!os) return cannot_tell(join(words), "the dump does not tell which system it was");
    std::vector<Finding> children;
    for (const auto& a : alternatives_) children.push_back(judge_one(*os, a));
    if (children.size() == 1) return children.front();
    return any_of(join(words), std::move(children));
  }

private:
  static Finding judge_one(const Fact& os, const Alternative& a) {
    std::vector<Finding> parts;
    if (!a.families.empty()) parts.push_back(one_word(os, "family", a.families));
    if (!a.builds.empty()) parts.push_back(one_build(os, a.builds));
    if (!a.archs.empty()) parts.push_back(one_word(os, "arch", a.archs));
    if (a.terminal_server) parts.push_back(one_terminal_server(os, *a.terminal_server));
    if (!a.editions.empty()) parts.push_back(one_edition(os, a.editions));
    if (!a.service_packs.empty()) parts.push_back(one_service_pack(os, a.service_packs));
    Finding all = all_of(in_words(a), std::move(parts));
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
         {"build", false,
          [&] {
            yaml.each("a build number", [&] {
              if (auto build = yaml.number("a build number")) a.builds.push_back(*build);
            });
          }},
         {"arch", false, [&] { read_words(yaml, a.archs, os_archs(), "an architecture"); }},
         {"edition", false, [&] { read_words(yaml, a.editions, os_editions(), "an edition"); }},
         {"terminal_server", false, [&] { a.terminal_server = yaml.boolean("terminal_server"); }}});
    bool empty = a.families.empty() && a.service_packs.empty() && a.builds.empty() &&
                 a.archs.empty() && a.editions.empty() && !a.terminal_server;
    if (empty && yaml.kind() == YamlReader::Kind::map) yaml.error("os: expected at least one key");
    whole = whole && !empty;
    alternatives.push_back(std::move(a));
  });
  if (!whole || alternatives.empty()) return nullptr;
  return std::make_shared<Os>(std::move(alternatives));
}

} // namespace dumptriage::rules
