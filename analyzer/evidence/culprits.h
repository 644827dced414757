// Who may be blamed at all: bystanders and stops that show nobody.
#pragma once

#include <string>
#include <string_view>

#include "evidence/evidence.h"

namespace dumptriage::evidence {

// Why a whole module is passed over; empty when it is not.  `module`: lower-case base name.
std::string_view bystander_module(std::string_view module);
// The same for a function inside of any module.
std::string_view bystander_function(std::string_view module, std::string_view function);

// Why this stop shows nobody, from its code and parameters alone; empty when it may show somebody.
std::string_view blameless_stop(const system::Snapshot& snapshot);

} // namespace dumptriage::evidence
