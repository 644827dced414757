#include "pipeline/objects.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "formats/bugchecks.h"
#include "system/kernel_view.h"

namespace dumptriage::pipeline {
namespace {

// Whether an IRP is free takes a look at its page each.
constexpr std::size_t kMostStates = 2000;

// Which parameter of a stop is the address of an IRP (Microsoft's bug check reference); 0 none.
unsigned irp_parameter(const system::Stop& stop) {
  const auto& parameters = stop.parameters;
  if (stop.kind != system::StopKind::bugcheck || parameters.size() < 4) return 0;
  switch (formats::normalized_bugcheck(stop.code)) {
  case 0x44: return 1; // MULTIPLE_IRP_COMPLETE_REQUESTS
  case 0x35: return 1; // NO_MORE_IRP_STACK_LOCATIONS
  case 0x48: return 1; // CANCEL_STATE_IN_COMPLETED_IRP
  case 0x9F:           // DRIVER_POWER_STATE_FAILURE: a device blocks the IRP for too long
    return parameters[0] == 3 ? 4 : 0;
  default: return 0;
  }
}

// IRPs in the order in which they are found, each once; a thread's list adds its thread's name to
// one that was found before.
class IrpList {
public:
  explicit IrpList(std::vector<system::Irp>& irps) : irps_(irps) {}
  void add(std::optional<system::Irp> irp) {
    if (!irp) return;
    const auto [known, is_new] = by_address_.emplace(irp->address, irps_.size());
    if (is_new)
      irps_.push_back(std::move(*irp));
    else if (irps_[known->second].thread_id.empty())
      irps_[known->second].thread_id = std::move(irp->thread_id);
  }

private:
  std::vector<system::Irp>& irps_;
  std::unordered_map<std::uint64_t, std::size_t> by_address_;
};

report::IrpLocationRow location_row(const system::IrpLocation& location,
                                    symbols::ModuleSet& modules) {
  report::IrpLocationRow row;
  row.number = location.number;
  row.current = location.current;
  row.major_number = location.major;
  row.minor_number = location.minor;
  row.control = location.control;
  row.major = system::major_function_name(location.major);
  row.minor = system::minor_function_name(location.major, location.minor);
  row.driver = location.driver;
  row.device = location.device;
  row.file_object = location.file_object;
  row.completion = location.completion_routine;
  row.context = location.context;
  row.completion_at = place_in_module(modules, location.completion_routine);
  return row;
}

} // namespace

void read_irps(const dump::Dump& dump, system::Snapshot& snapshot) {
  if (!snapshot.basis) return;
  system::KernelView view = system::view_of(dump, snapshot, snapshot.notes);
  IrpList list(snapshot.irps);
  if (const unsigned number = irp_parameter(snapshot.stop); number != 0) {
    const std::uint64_t address = view.cut(snapshot.stop.parameters[number - 1]);
    list.add(system::read_irp(view, address, fmt::format("bugcheck parameter {}", number), true));
  }
  for (system::Irp& irp : system::irps_by_evidence(view, snapshot, snapshot.free_lists))
    list.add(std::move(irp));
  for (system::Irp& irp : system::irps_of_threads(view, snapshot.threads)) list.add(std::move(irp));
  const std::size_t judged = std::min(snapshot.irps.size(), kMostStates);
  for (std::size_t i = 0; i < judged; ++i)
    snapshot.irp_states.push_back(system::state_of(view, snapshot.irps[i], snapshot.free_lists));
}

void list_irps(report::Document& document, const Analysis& analysis) {
  for (const system::Irp& irp : analysis.snapshot.irps) {
    report::IrpRow row;
    row.address = irp.address;
    row.thread = irp.thread;
    row.cancel_routine = irp.cancel_routine;
    row.from = irp.from;
    row.thread_id = irp.thread_id;
    if (row.thread_id.empty())
      for (const system::ThreadState& thread : analysis.snapshot.threads)
        if (thread.object != 0 && thread.object == irp.thread) row.thread_id = thread.id;
    row.cancel_at = place_in_module(analysis.modules, irp.cancel_routine);
    row.trust = irp.trust;
    row.stack_count = irp.stack_count;
    row.current_location = irp.current_location;
    row.status = irp.status;
    row.completed = irp.completed;
    row.pending = irp.pending;
    row.cancelled = irp.cancelled;
    row.of_stop = irp.from.starts_with("bugcheck");
    for (const system::IrpLocation& location : irp.locations)
      row.locations.push_back(location_row(location, analysis.modules));
    document.irps.push_back(std::move(row));
  }
}

} // namespace dumptriage::pipeline
