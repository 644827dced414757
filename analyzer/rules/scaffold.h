// A rule file to begin with, made of what one dump shows: the system, the stop, the place of the
// fault, the newest sure frames.  It loads, and says where an author must decide.
#pragma once

#include <string>

#include "rules/fact_view.h"

namespace dumptriage::rules {

struct Scaffold {
  std::string rule;     // text of ID.yaml
  std::string examples; // text of ID.examples.yaml: this dump's facts, and a near miss
};
Scaffold scaffold(const FactView& facts, const std::string& id);

} // namespace dumptriage::rules
