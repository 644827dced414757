#include <fmt/format.h>

#include "evidence/extractors.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

std::string irp_id(const system::Irp& irp) { return fmt::format("irp:{:X}", irp.address); }

// `freed` and `twice` false are said only where every list of free memory was read.
void add_state(const system::IrpState& state, bool lists_complete, Fact& fact) {
  if (state.freed || lists_complete) fact.fields["freed"] = state.freed;
  if (state.twice || lists_complete) fact.fields["twice"] = state.twice;
  if (!state.where.empty()) fact.fields["freed_where"] = state.where;
}

Fact irp_fact(const system::Irp& irp) {
  Fact fact;
  fact.kind = "irp";
  fact.id = irp_id(irp);
  fact.where = Where::virtual_address(irp.address);
  fact.trust = irp.trust;
  fact.fields["address"] = Address{irp.address};
  if (!irp.thread_id.empty()) {
    fact.fields["thread"] = irp.thread_id;
    fact.refs.push_back("thread:" + irp.thread_id);
  }
  fact.fields["from"] = irp.from;
  fact.fields["completed"] = irp.completed;
  fact.fields["pending"] = irp.pending;
  fact.fields["cancelled"] = irp.cancelled;
  fact.fields["status"] = std::uint64_t{irp.status};
  fact.fields["current"] = std::uint64_t{irp.current_location};
  fact.fields["stack_count"] = std::uint64_t{irp.stack_count};
  fact.fields["of_stop"] = irp.from.starts_with("bugcheck");
  return fact;
}

// A driver's module is the one that holds the start of its image as the driver object tells it; its
// name proves nothing.
std::optional<Place> module_of_driver(const Input& input, const system::IrpLocation& location) {
  if (location.driver_start == 0) return std::nullopt;
  return place_of(input, location.driver_start);
}

Fact location_fact(const Input& input, const system::Irp& irp,
                   const system::IrpLocation& location) {
  Fact fact;
  fact.kind = "irp_location";
  fact.id = fmt::format("irp_location:{:X}:{}", irp.address, location.number);
  fact.refs.push_back(irp_id(irp));
  fact.where = Where::virtual_address(irp.address);
  fact.trust = irp.trust;
  fact.fields["irp"] = Address{irp.address};
  fact.fields["number"] = std::uint64_t{location.number};
  fact.fields["current"] = location.current;
  fact.fields["major"] = std::uint64_t{location.major};
  fact.fields["minor"] = std::uint64_t{location.minor};
  if (!location.driver.empty()) fact.fields["driver"] = location.driver;
  if (auto place = module_of_driver(input, location)) {
    fact.fields["driver_module"] = place->name;
    fact.refs.push_back(module_id(input, place->module));
  }
  if (location.completion_routine != 0) {
    fact.fields["completion"] = Address{location.completion_routine};
    if (auto place = place_of(input, location.completion_routine)) {
      fact.fields["completion_module"] = place->name;
      fact.fields["completion_rva"] = place->rva;
      fact.refs.push_back(module_id(input, place->module));
    }
  }
  return fact;
}

struct Count {
  std::size_t irps = 0, locations = 0;
  bool cut = false;
};

// Requests that no thread's list holds exist in every system, so "none of them" is never proved.
void cover(const Input& input, const Count& count, FactSet& set) {
  Coverage irps{"irp", Coverage::Extent::partial, count.irps, 0,
                "requests that are on no thread's list cannot all be found"};
  if (!input.snapshot.kernel) {
    irps.extent = Coverage::Extent::none;
    irps.missing = "a process dump holds no I/O requests";
  } else if (count.irps == 0) {
    irps.extent = Coverage::Extent::none;
    irps.missing = "no I/O request could be read from this dump";
  } else if (count.cut) {
    irps.missing = fmt::format("only the first {} requests are kept", count.irps);
  }
  Coverage locations = irps;
  locations.kind = "irp_location";
  locations.seen = count.locations;
  set.coverage.push_back(std::move(irps));
  set.coverage.push_back(std::move(locations));
}

} // namespace

void extract_irps(const Input& input, FactSet& set) {
  const system::Snapshot& snapshot = input.snapshot;
  std::vector<Fact> locations;
  Count count;
  for (std::size_t i = 0; i < snapshot.irps.size(); ++i) {
    const system::Irp& irp = snapshot.irps[i];
    count.cut = count.irps == kMostFacts || locations.size() + irp.locations.size() > kMostFacts;
    if (count.cut) break;
    Fact fact = irp_fact(irp);
    if (i < snapshot.irp_states.size())
      add_state(snapshot.irp_states[i], snapshot.free_lists.complete, fact);
    set.facts.push_back(std::move(fact));
    ++count.irps;
    for (const system::IrpLocation& location : irp.locations)
      locations.push_back(location_fact(input, irp, location));
  }
  count.locations = locations.size();
  std::move(locations.begin(), locations.end(), std::back_inserter(set.facts));
  cover(input, count, set);
}

} // namespace dumptriage::evidence
