#include "rules/conditions/frames.h"

#include <array>

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::rules {
namespace {

using evidence::Fact;

std::string_view word(const Fact& fact, const char* field) {
  const std::string* text = fact.text(field);
  return text ? std::string_view(*text) : std::string_view();
}

} // namespace

On read_on(YamlReader& yaml) {
  return static_cast<On>(read_choice(yaml, {"crashing_thread", "any_cpu", "any_thread"}));
}

std::string_view in_words(On on) {
  constexpr std::array<std::string_view, 3> kWords = {"the crashing thread", "any CPU",
                                                      "any thread"};
  return kWords[static_cast<std::size_t>(on)];
}

Finding no_frame(const std::string& condition, const FactView& facts, On on, std::string because) {
  if (on == On::crashing_thread)
    return not_found(condition, facts, {"frame_crashed"}, std::move(because));
  if (on == On::any_cpu) return not_found(condition, facts, {"frame"}, std::move(because));
  return not_found(condition, facts, {"frame", "thread"}, std::move(because));
}

const char* doubt_about_place(const Fact& frame) {
  if (word(frame, "trust") == "scan") return "the frame was found by scanning the stack, a guess";
  if (!frame.flag("sure")) return "the frame lies beyond the sure part of the stack";
  if (word(frame, "origin") == "sibling")
    return "the frame rests on a file that merely lay beside the dump";
  return nullptr;
}

const char* doubt_about_name(const Fact& frame) {
  if (const char* doubt = doubt_about_place(frame)) return doubt;
  if (!frame.flag("name_exact")) return "the name comes from a file that is not the exact match";
  if (word(frame, "name_origin") == "sibling")
    return "the name comes from a file that merely lay beside the dump";
  if (frame.flag("name_far")) return "the name is only the nearest public symbol, far away";
  if (word(frame, "name_source") == "exports" && !frame.flag("name_bounded"))
    return "the name is only the nearest export, and nothing says where its function ends";
  return nullptr;
}

const char* doubt_about(FunctionNames::Hit hit, const Fact& frame) {
  return hit == FunctionNames::Hit::place ? doubt_about_place(frame) : doubt_about_name(frame);
}

std::string_view frame_module(const Fact& frame) { return word(frame, "module"); }
std::string_view frame_function(const Fact& frame) { return word(frame, "function"); }

std::string frame_in_words(const evidence::Fact& frame) {
  const std::string_view module = frame_module(frame), function = frame_function(frame);
  if (module.empty()) return "code in no known module";
  if (function.empty()) {
    auto rva = frame.number("rva");
    return rva ? fmt::format("{}+{}", module, hex(*rva)) : std::string(module);
  }
  auto offset = frame.number("offset");
  std::string text = fmt::format("{}!{}", stem(module), function);
  return offset && *offset ? fmt::format("{}+{}", text, hex(*offset)) : text;
}

std::string frame_sources(const evidence::Fact& frame) {
  const std::string_view trust = word(frame, "trust"), source = word(frame, "name_source");
  if (trust.empty() && source.empty()) return "";
  return fmt::format("({}{}{})", trust, trust.empty() || source.empty() ? "" : ", ", source);
}

std::string frame_stack(const evidence::Fact& frame) {
  if (auto cpu = frame.number("cpu")) return fmt::format("on CPU {}", *cpu);
  if (frame.flag("crashed_thread")) return "on the crashing thread";
  return fmt::format("on thread {}", word(frame, "thread"));
}

} // namespace dumptriage::rules
