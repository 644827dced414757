// Service packs: when they came out, and between which dates their files were built.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "rules/versions.h"

namespace dumptriage::rules {

struct ServicePack {
  std::string_view family;
  bool terminal_server = false; // NT 4's Terminal Server Edition had service packs of its own
  unsigned number = 0;
  Version version{}; // first version of its files; zeros: not published
  // Nothing in it that is new was built before `opened`, the release of the pack (or system) before
  // it; everything built from `released` on holds it.  Seconds since 1970.
  std::int64_t opened = 0, released = 0;
};

// "nt4 SP4"; SP6a counts as SP6.  "nt4 Terminal Server SP4" is the other product; with
// `terminal_server` plain words mean it as well.  Null: not known.
const ServicePack* find_service_pack(std::string_view text, bool terminal_server = false);

// Families of which several service packs got fixes at one time: there a late link time does not
// tell what a file was built from.
bool has_parallel_branches(std::string_view family);

} // namespace dumptriage::rules
