// The first four issues against dumps of every kind, CPU and level of symbols that their articles
// name: each cell is a dump file made for it, opened through the whole pipeline, and has the
// verdict that the article allows, written down before the code was run.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::matrix {

enum class State {
  affected,  // the bug as the article describes it
  fixed,     // the same with the fixed file
  edition,   // an edition, or service pack, that the article does not name
  os,        // another system
  other,     // the same stop in the same module, without what the article describes
  paged_out, // affected, but the memory that would prove it is not in the dump
};
enum class Level { full, publics, exports, none };
inline constexpr std::array kStates = {State::affected, State::fixed, State::edition,
                                       State::os,       State::other, State::paged_out};
inline constexpr std::array kLevels = {Level::full, Level::publics, Level::exports, Level::none};
const char* name_of(State state);

using Files = std::map<std::string, synth::Bytes>;
struct Made {
  synth::Bytes dump;
  Files symbols;       // images and symbols that the analysis is given
  std::string truth{}; // the frames as they were laid, in the form of dumps-samples/truth
};

// What the article allows, by level of symbols; several verdicts stand with '|' between them.
struct Expected {
  State state;
  std::array<const char*, 4> verdict;
  const char* why;
};
using Table = std::vector<Expected>; // a state without a row does not exist: "n/a"

// A cell that comes out below what the article allows, and why: never a wrong "confirmed" or
// "refuted".
struct Gap {
  State state;
  std::array<const char*, 4> verdict; // by level; nullptr: none
  const char* why;
};

struct Row {
  std::string system, kind; // "x86 Server", "full"
  std::function<Made(State, Level)> make;
  Table expected;
  std::vector<Gap> gaps{};
};

// Judges every cell of an article, prints the table, and fails where a verdict is not allowed.
void run(const std::string& kb, const std::vector<Row>& rows);

// The article's verdict on one dump; "not applicable" also when the report leaves the rule out.
std::string judged(const std::string& kb, const Made& made);

} // namespace dumptriage::matrix
