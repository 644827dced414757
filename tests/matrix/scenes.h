// The scenarios of the first four articles for x86 and x64, as dumps: for the matrix, and for the
// makers of samples.
#pragma once

#include <optional>

#include "matrix/scenario.h"

namespace dumptriage::matrix {

struct NetbtScene {
  NtSystem system = NtSystem::ws2003sp2_x64;
  std::string kind = "full";
  bool client = false; // XP x64
  std::uint32_t stop = 0xD1;
  bool other_cpu = false; // the function is on top of the CPU that did not stop
};
Made make_kb961799(const NetbtScene& scene, State state, Level level);

enum class Touched { freed, allocated, null };
struct SessionScene {
  bool terminal_server = false;
  std::uint32_t stop = 0xA;
  std::optional<Touched> touched{}; // else what the state says
};
Made make_q188315(const SessionScene& scene, State state, Level level);

struct IrpScene {
  std::uint32_t linked = day(1999, 4, 2);
  std::uint32_t stop = 0xA;
};
Made make_q242896(const IrpScene& scene, State state, Level level);

Made make_q260752(State state, Level level);

} // namespace dumptriage::matrix
