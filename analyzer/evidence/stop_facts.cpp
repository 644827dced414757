#include <fmt/format.h>

#include "base/text.h"
#include "evidence/exceptions.h"
#include "evidence/extractors.h"
#include "formats/bugchecks.h"

namespace dumptriage::evidence {

namespace {

std::string_view kind_name(system::StopKind kind) {
  switch (kind) {
  case system::StopKind::bugcheck: return "bugcheck";
  case system::StopKind::exception: return "exception";
  case system::StopKind::hang: return "hang";
  case system::StopKind::none: break;
  }
  return "none";
}

// Who took a dump that is of no crash.  MANUALLY_INITIATED_CRASH and its second form tell of a
// person at the keyboard or at a debugger, not of which (Microsoft's bug check reference).
std::string_view forced_by(const system::Stop& stop) {
  if (stop.live) return "live";
  const bool manual = stop.code == 0xE2 || stop.code == 0xDEADDEAD;
  return stop.kind == system::StopKind::bugcheck && manual ? "manual" : "";
}

// Was something about the exception lost?  Then "no stop" is not known.
bool exception_was_lost(const system::Snapshot& snapshot) {
  for (const Note& note : snapshot.notes) {
    if (note.severity != Severity::info &&
        lower(note.message).find("exception") != std::string::npos)
      return true;
  }
  return false;
}

Coverage coverage_of_stop(const system::Snapshot& snapshot) {
  Coverage coverage{"stop", Coverage::Extent::complete, 1, 1, ""};
  if (snapshot.stop.kind != system::StopKind::none) return coverage;
  if (snapshot.kernel) {
    coverage = {"stop", Coverage::Extent::none, 0, 1, "the dump's header carries no STOP code"};
  } else if (exception_was_lost(snapshot)) {
    coverage = {"stop", Coverage::Extent::partial, 0, 1, "the exception stream could not be read"};
  }
  return coverage;
}

} // namespace

void extract_stop(const Input& input, FactSet& set) {
  const system::Stop& stop = input.snapshot.stop;
  Fact fact;
  fact.kind = "stop";
  fact.id = "stop";
  fact.trust = "dump";
  fact.fields["kind"] = std::string(kind_name(stop.kind));
  const bool bugcheck = stop.kind == system::StopKind::bugcheck;
  if (bugcheck || stop.kind == system::StopKind::exception) {
    fact.fields["code"] = std::uint64_t{stop.code};
    const StopText text = describe_stop(input);
    fact.fields["normalized"] = std::uint64_t{text.normalized};
    if (!text.name.empty()) fact.fields["name"] = text.name;
  }
  if (bugcheck) {
    for (std::size_t i = 0; i < stop.parameters.size() && i < 4; ++i)
      fact.fields[fmt::format("p{}", i + 1)] = Address{stop.parameters[i]};
  }
  if (auto code = exception_code(input.snapshot))
    fact.fields["exception_code"] = std::uint64_t{*code};
  if (const auto who = forced_by(stop); !who.empty()) fact.fields["forced"] = std::string(who);
  set.facts.push_back(std::move(fact));
  set.coverage.push_back(coverage_of_stop(input.snapshot));
}

} // namespace dumptriage::evidence
