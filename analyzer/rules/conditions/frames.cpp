#include "rules/conditions/frames.h"

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::rules {
namespace {

std::string word(const evidence::Fact& fact, const char* field) {
  const std::string* text = fact.text(field);
  return text ? *text : std::string();
}

} // namespace

std::optional<std::string> doubt_about_place(const evidence::Fact& frame) {
  if (word(frame, "trust") == "scan") return "the frame was found by scanning the stack, a guess";
  if (!frame.flag("sure")) return "the frame lies beyond the sure part of the stack";
  if (word(frame, "origin") == "sibling")
    return "the frame rests on a file that merely lay beside the dump";
  return std::nullopt;
}

std::optional<std::string> doubt_about_name(const evidence::Fact& frame) {
  if (auto doubt = doubt_about_place(frame)) return doubt;
  if (!frame.flag("name_exact")) return "the name comes from a file that is not the exact match";
  if (word(frame, "name_origin") == "sibling")
    return "the name comes from a file that merely lay beside the dump";
  if (frame.flag("name_far")) return "the name is only the nearest public symbol, far away";
  if (word(frame, "name_source") == "exports" && !frame.flag("name_bounded"))
    return "the name is only the nearest export, and nothing says where its function ends";
  return std::nullopt;
}

std::string frame_module(const evidence::Fact& frame) { return word(frame, "module"); }
std::string frame_function(const evidence::Fact& frame) { return word(frame, "function"); }

std::string frame_in_words(const evidence::Fact& frame) {
  std::string module = frame_module(frame), function = frame_function(frame);
  if (module.empty()) return "code in no known module";
  if (function.empty()) {
    auto rva = frame.number("rva");
    return rva ? fmt::format("{}+{}", module, hex(*rva)) : module;
  }
  auto offset = frame.number("offset");
  std::string text = fmt::format("{}!{}", stem(module), function);
  return offset && *offset ? fmt::format("{}+{}", text, hex(*offset)) : text;
}

std::string frame_sources(const evidence::Fact& frame) {
  std::string trust = word(frame, "trust"), source = word(frame, "name_source");
  if (trust.empty() && source.empty()) return "";
  return fmt::format("({}{}{})", trust, trust.empty() || source.empty() ? "" : ", ", source);
}

std::string frame_stack(const evidence::Fact& frame) {
  if (auto cpu = frame.number("cpu")) return fmt::format("on CPU {}", *cpu);
  if (frame.flag("crashed_thread")) return "on the crashing thread";
  return "on thread " + word(frame, "thread");
}

} // namespace dumptriage::rules
