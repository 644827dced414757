// Call-frame rules of a Breakpad symbol file (STACK CFI), for any CPU.
#pragma once

#include <cstdint>
#include <string>

#include "memory/address_space.h"

namespace dumptriage::arch {

struct CfiRules {
  std::uint64_t start = 0; // address of the code that they were collected for
  // The rules of STACK CFI INIT, with those of every STACK CFI up to the address behind them; a
  // later rule for a register replaces an earlier one: ".cfa: $rsp 8 + .ra: .cfa -8 + ^ ...".
  std::string rules;
  memory::Origin origin = memory::Origin::image;
};

} // namespace dumptriage::arch
