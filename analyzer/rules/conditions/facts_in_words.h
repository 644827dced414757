// Small readings of facts that conditions share.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "evidence/facts.h"
#include "rules/fact_view.h"
#include "rules/rules.h"

namespace dumptriage::rules {

std::string_view text_of(const evidence::Fact& fact, const char* field); // "" when not known

// Why a fact is a guess by the words of its reader; null when it is not.
const char* doubt_about_fact(const evidence::Fact& fact);

// The crashing thread; null when the facts name none.
const evidence::Fact* crashed_thread(const FactView& facts);

// The printable characters that a number holds in memory order, when all its bytes are such: four,
// or eight where more than 32 bits are set.
std::optional<std::string> characters_of(std::uint64_t value);

// "0x8A01F3C8", "0xFFFFF80001000000".
std::string address_in_words(std::uint64_t address);

// A name of a fixed number of characters may have been cut: `found` has all of them, and `whole`
// begins with it.
bool may_be_cut(std::string_view found, std::string_view whole, std::size_t most);

// What several keys of one condition say about one fact: yes where all do.
class Keys {
public:
  void add(Answer answer) { answer_ = std::min(answer_, answer); }
  void add(bool hit) { add(hit ? Answer::yes : Answer::no); }
  // Where it is not known there is no telling.
  void add(bool known, bool hit) {
    add(!known ? Answer::cannot_tell : hit ? Answer::yes : Answer::no);
  }
  void doubt(const char* why) {
    if (why && !doubt_) doubt_ = why;
  }
  Answer answer() const { return answer_; }
  const char* doubt() const { return doubt_; }

private:
  Answer answer_ = Answer::yes;
  const char* doubt_ = nullptr;
};

// Goes over facts of which one must fit: the first sure one ends the search.
class Search {
public:
  // True: it is found, look no further.
  template <typename Because>
  bool add(const evidence::Fact& fact, const Keys& keys, Because because) {
    open_ = open_ || keys.answer() == Answer::cannot_tell;
    if (keys.answer() != Answer::yes || (keys.doubt() && found_.answer == Answer::yes))
      return false;
    found_.answer = Answer::yes;
    found_.weak = keys.doubt() != nullptr;
    found_.because = because();
    if (keys.doubt()) found_.because += std::string("; ") + keys.doubt();
    found_.facts = {fact.id};
    return !found_.weak;
  }
  // `open` is said where some fact might fit, for all that is known of it.
  Finding result(const std::string& condition, const FactView& facts,
                 std::initializer_list<std::string_view> kinds, std::string nothing,
                 std::string open) &&;

private:
  Finding found_;
  bool open_ = false;
};

} // namespace dumptriage::rules
