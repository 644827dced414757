#include "rules/conditions/facts_in_words.h"

#include <algorithm>

#include "base/text.h"
#include "rules/conditions/condition.h"

namespace dumptriage::rules {

using evidence::Fact;

std::string_view text_of(const Fact& fact, const char* field) {
  const std::string* text = fact.text(field);
  return text ? std::string_view(*text) : std::string_view();
}

const char* doubt_about_fact(const Fact& fact) {
  std::string_view trust = text_of(fact, "trust");
  if (trust.empty()) trust = fact.trust;
  if (trust == "inferred") return "it is inferred: something else could look the same";
  if (trust == "scan") return "it was found by searching memory, a guess";
  if (trust == "sibling") return "it rests on a file that merely lay beside the dump";
  return nullptr;
}

const Fact* crashed_thread(const FactView& facts) {
  for (const Fact* thread : facts.of_kind("thread"))
    if (thread->flag("crashed")) return thread;
  return nullptr;
}

std::optional<std::string> characters_of(std::uint64_t value) {
  const int bytes = value > UINT32_MAX ? 8 : 4;
  std::string text;
  for (int i = 0; i < bytes; ++i, value >>= 8) {
    const auto c = static_cast<unsigned char>(value);
    if (c < 0x20 || c > 0x7E) return std::nullopt;
    text += static_cast<char>(c);
  }
  return text;
}

std::string address_in_words(std::uint64_t address) {
  return hex_address(address, address > UINT32_MAX ? 8 : 4);
}

bool may_be_cut(std::string_view found, std::string_view whole, std::size_t most) {
  return found.size() == most && whole.size() > most &&
         equals_no_case(found, whole.substr(0, most));
}

Finding Search::result(const std::string& condition, const FactView& facts,
                       std::initializer_list<std::string_view> kinds, std::string nothing,
                       std::string open) && {
  found_.condition = condition;
  if (found_.answer == Answer::yes) return std::move(found_);
  if (open_) return cannot_tell(condition, std::move(open));
  return not_found(condition, facts, kinds, std::move(nothing));
}

} // namespace dumptriage::rules
