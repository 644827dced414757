#include "evidence/culprits.h"

#include "base/text.h"
#include "evidence/exceptions.h"
#include "formats/bugchecks.h"

namespace dumptriage::evidence {

namespace {

struct Bystander {
  std::string_view module, function, reason;
};
constexpr Bystander kBystanders[] = {
#define BYSTANDER(module, function, reason) {module, function, reason},
#include "evidence/bystanders.def"
#undef BYSTANDER
};

struct Blameless {
  std::uint32_t code;
  std::size_t parameter; // from 1; 0 = every such stop
  std::uint64_t value;
  std::string_view reason;
};
constexpr Blameless kBlameless[] = {
#define BLAMELESS(code, parameter, value, reason) {code, parameter, value, reason},
#include "evidence/blameless.def"
#undef BLAMELESS
};

} // namespace

std::string_view bystander_module(std::string_view module) {
  for (const Bystander& row : kBystanders) {
    if (row.function == "*" && glob_match(row.module, module)) return row.reason;
  }
  return {};
}

std::string_view bystander_function(std::string_view module, std::string_view function) {
  const std::string_view name = function.substr(0, function.find('('));
  for (const Bystander& row : kBystanders) {
    if (row.function != "*" && glob_match(row.module, module) && glob_match(row.function, name))
      return row.reason;
  }
  return {};
}

std::string_view blameless_stop(const system::Snapshot& snapshot) {
  const system::Stop& stop = snapshot.stop;
  switch (stop.kind) {
  case system::StopKind::hang: return "nothing crashed";
  case system::StopKind::none: return "the dump tells of no crash";
  case system::StopKind::exception:
    if (is_requested_dump(platform_of(snapshot), stop.code))
      return "nothing crashed: the process asked for this dump itself";
    if (platform_of(snapshot) == Platform::windows && stop.code == 0xC0000374)
      return "the heap was damaged earlier; the stack shows who noticed";
    return {};
  case system::StopKind::bugcheck: break;
  }
  const std::uint32_t code = formats::normalized_bugcheck(stop.code);
  for (const Blameless& row : kBlameless) {
    if (row.code != code) continue;
    if (row.parameter == 0) return row.reason;
    if (row.parameter <= stop.parameters.size() && stop.parameters[row.parameter - 1] == row.value)
      return row.reason;
  }
  return {};
}

} // namespace dumptriage::evidence
