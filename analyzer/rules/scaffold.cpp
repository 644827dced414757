#include "rules/scaffold.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "formats/bugchecks.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

// A scalar that no reader of YAML takes for something else.
std::string quoted(std::string_view text) {
  const bool plain = !text.empty() && text.size() <= 200 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '!';
  });
  if (plain) return std::string(text);
  std::string safe = "'";
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) continue;
    safe += c;
    if (c == '\'') safe += c;
  }
  return safe + "'";
}

std::string text_of(const Fact* fact, const char* field) {
  const std::string* text = fact ? fact->text(field) : nullptr;
  return text ? *text : std::string();
}

std::string applies(const FactView& facts) {
  const Fact* os = facts.first("os");
  const std::string family = text_of(os, "family"), arch = text_of(os, "arch");
  if (family.empty()) return "";
  std::string text = "applies: # the systems that the bug is known on\n  - os: {family: " + family;
  if (os->flag("service_pack_proved"))
    if (auto pack = os->number("service_pack")) text += fmt::format(", service_pack: {}", *pack);
  if (!arch.empty()) text += ", arch: " + arch;
  return text + "}\n\n";
}

// The newest sure frames of the crashed thread from the top of its stack on, by name.
std::vector<const Fact*> sequence(const FactView& facts) {
  std::vector<const Fact*> frames;
  bool below_top = false;
  for (const Fact* frame : facts.of_kind("frame")) {
    if (!frame->flag("crashed_thread") || !frame->flag("sure")) continue;
    below_top = below_top || frame->flag("top");
    const std::string module = text_of(frame, "module"), function = text_of(frame, "function");
    if (!below_top || module.empty() || function.empty() || !frame->flag("name_exact")) continue;
    frames.push_back(frame);
    if (frames.size() == 3) break;
  }
  return frames;
}

std::string name_of(const Fact& frame) {
  const std::string module = text_of(&frame, "module");
  return module.substr(0, module.rfind('.')) + "!" + text_of(&frame, "function");
}

std::string require(const FactView& facts) {
  const Fact* stop = facts.first("stop");
  const std::string kind = text_of(stop, "kind");
  std::string text = "require: # all of these\n";
  if (kind == "bugcheck") {
    if (auto code = stop->number("normalized"))
      text += fmt::format("  - bugcheck: {}\n", hex(*code));
  } else if (kind == "exception") {
    if (auto code = stop->number("code"))
      text += fmt::format("  - exception: {{code: {}}}\n", hex(*code));
  } else {
    text += "  - hang_dump: true\n";
  }
  const std::string module = text_of(facts.first("fault"), "module");
  if (!module.empty()) text += "  - fault_in: " + quoted(module) + "\n";
  return text + "\n";
}

std::string confirm(const std::vector<std::string>& names) {
  if (names.empty())
    return "# No sure frame bears a name: without evidence that tells this bug from others the "
           "rule\n"
           "# is a lead.\nceiling: possible\n\n";
  std::string text = "confirm: # any of these groups proves it; keep what only this bug shows\n";
  if (names.size() == 1) {
    text += "  - top_of_stack: {function: " + quoted(names[0]) + ", on: any_cpu}\n";
  } else {
    text += "  - frame_sequence:\n      frames:\n";
    for (const std::string& name : names) text += "        - " + quoted(name) + "\n";
    text += "      on: crashing_thread\n";
  }
  return text + "\n";
}

// The build that was seen as the newest one known to lack the fix.
std::string fix(const FactView& facts) {
  const std::string module = text_of(facts.first("fault"), "module");
  std::string text = "fix: # what cures it, and by which file one sees that it is in\n"
                     "  vendor: say what to install and from where\n";
  for (const Fact* fact : facts.of_kind("module")) {
    if (module.empty() || text_of(fact, "name") != module) continue;
    const std::string version = text_of(fact, "version");
    if (!version.empty())
      text += fmt::format("  # this dump shows {} {}; name the first fixed version:\n"
                          "  # files:\n  #   - {{file: {}, version: {}}}\n",
                          module, version, module, version);
    break;
  }
  return text + "  unpublished: true\n\n";
}

std::string field_text(const evidence::Value& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return std::to_string(*number);
  if (const auto* place = std::get_if<evidence::Address>(&value)) return hex(place->value);
  return quoted(std::get<std::string>(value));
}

// The same dump but for one fact that tells this bug from others.
std::string near_miss(const FactView& facts, const Fact* named) {
  std::string text = "  - name: another one\n    like: the dump it was made of\n";
  if (named)
    return text + fmt::format("    replace: {{kind: frame, crashed_thread: true, index: {}}}\n"
                              "    with: {{function: AnotherFunction}}\n    expect: possible\n",
                              named->number("index").value_or(0));
  const Fact* stop = facts.first("stop");
  if (!stop || !stop->number("code")) return "";
  return text + "    replace: {kind: stop}\n    with: {code: 0x1, normalized: 0x1}\n"
                "    expect: no_match\n";
}

std::string examples(const FactView& facts, const std::string& id, bool confirmed) {
  static const std::set<std::string_view> kKept = {"stop",  "os",  "module",   "fault",
                                                   "frame", "cpu", "parameter"};
  std::string text = "schema: dumptriage.examples/1\nrule: " + id +
                     "\nexamples:\n  - name: the dump it was made of\n    expect: " +
                     (confirmed ? "confirmed" : "possible") + "\n    facts:\n";
  for (const Fact& fact : facts.set().facts) {
    if (!kKept.contains(fact.kind)) continue;
    text += "      - {kind: " + fact.kind;
    for (const auto& [name, value] : fact.fields)
      if (!std::holds_alternative<std::string>(value) || !std::get<std::string>(value).empty())
        text += ", " + (name == "kind" ? "stop_kind" : name) + ": " + field_text(value);
    text += "}\n";
  }
  return text;
}

} // namespace

Scaffold scaffold(const FactView& facts, const std::string& id) {
  const std::vector<const Fact*> frames = sequence(facts);
  std::vector<std::string> names;
  for (const Fact* frame : frames) names.push_back(name_of(*frame));
  const Fact* stop = facts.first("stop");
  const std::string stop_name = text_of(stop, "name");
  const std::string module = text_of(facts.first("fault"), "module");
  Scaffold made;
  made.rule = "schema: dumptriage.rule/1\nid: " + id + "\ntitle: " +
              quoted(fmt::format("{}{}{}", stop_name.empty() ? "Stop" : stop_name,
                                 module.empty() ? "" : " in ", module)) +
              "\nabout: say in a sentence or two what goes wrong\n\n" + applies(facts) +
              fix(facts) + require(facts) + confirm(names) +
              "support:\n  weak:\n    - kernel_crash: true # replace by what speaks for it\n";
  made.examples = examples(facts, id, !frames.empty()) +
                  near_miss(facts, frames.empty() ? nullptr : frames.front());
  return made;
}

} // namespace dumptriage::rules
