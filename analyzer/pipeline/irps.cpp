#include "pipeline/objects.h"

#include <fmt/format.h>

#include "formats/bugchecks.h"
#include "system/kernel_view.h"

namespace dumptriage::pipeline {
namespace {

// Which parameter of a stop is the address of an IRP (Microsoft's bug check reference); 0 none.
unsigned irp_parameter(std::uint32_t code, const std::vector<std::uint64_t>& parameters) {
  switch (code) {
  case 0x44: return 1; // MULTIPLE_IRP_COMPLETE_REQUESTS
  case 0x35: return 1; // NO_MORE_IRP_STACK_LOCATIONS
  case 0x48: return 1; // CANCEL_STATE_IN_COMPLETED_IRP
  case 0x9F:           // DRIVER_POWER_STATE_FAILURE: a device blocks the IRP for too long
    return parameters.size() == 4 && parameters[0] == 3 ? 4 : 0;
  default: return 0;
  }
}

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
  const system::Stop& stop = snapshot.stop;
  unsigned number = stop.kind == system::StopKind::bugcheck
                        ? irp_parameter(formats::normalized_bugcheck(stop.code), stop.parameters)
                        : 0;
  std::uint64_t named = 0;
  if (number != 0 && number <= stop.parameters.size()) {
    named = view.cut(stop.parameters[number - 1]);
    if (auto irp =
            system::read_irp(view, named, fmt::format("bugcheck parameter {}", number), true))
      snapshot.irps.push_back(std::move(*irp));
  }
  for (system::Irp& irp : system::irps_of_threads(view, snapshot.threads))
    if (irp.address == named && !snapshot.irps.empty())
      snapshot.irps.front().thread_id = irp.thread_id;
    else
      snapshot.irps.push_back(std::move(irp));
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
