// What a condition needs to be anything but a certain "no": the catalogue's index is made of it,
// so that a dump is judged only by the rules that could say something about it.
//
// A condition adds one Need for each thing without which it is "no"; a Need holds when one of its
// atoms is among the facts, or when the coverage of its kind leaves it open.  Adding none is always
// right (the rule is then judged for every dump); adding a wrong one loses verdicts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dumptriage::rules {

enum class NeedKind : std::uint8_t {
  bugcheck,     // normalized code, as decimal text; coverage `stop`
  stop_kind,    // "bugcheck", "exception", "hang", "none"; coverage `stop`
  exception,    // exception code as decimal text; coverage `stop`
  family,       // os.family; coverage `os`
  module,       // base name of a loaded module, lower case, without extension; coverage `module`
  fault_module, // the same of the faulting instruction; coverage `fault` and `module`
  frame_module, // the same of a frame on any stack; coverage `frame` and `thread`
  fact,         // a fact of this kind; coverage of that kind
};

struct Need {
  NeedKind kind{};
  std::vector<std::string> any_of; // patterns with '*' cannot be indexed: leave the Need out
};
using Needs = std::vector<Need>;

} // namespace dumptriage::rules
