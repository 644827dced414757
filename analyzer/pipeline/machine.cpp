#include "pipeline/parts.h"

#include <fmt/format.h>

#include "arch/address.h"

namespace dumptriage::pipeline {

void describe_dump(report::Document& document, const dump::Dump& dump, bool hash_full) {
  auto& d = document.dump;
  d.format = dump::name_of(dump.format);
  d.kind = dump::name_of(dump.kind);
  d.arch = dump.machine == arch::Machine::unknown ? "" : arch::name_of(dump.machine);
  d.description = dump.description;
  d.complete = dump.complete;
  d.accuracy = accuracy_of(dump);
  if (dump.file) {
    if (hash_full) dump.file->expect_all_to_be_read();
    dump::DumpId id = dump::dump_id(dump.file->bytes(), hash_full);
    d.id = id.id;
    d.id_kind = id.kind;
  }
  document.pointer_size = arch::pointer_size_of(dump.machine);
  if (dump.kernel && !dump.kernel->header.is64) document.pointer_size = 4;
}

void describe_machine(report::Document& document, const Analysis& analysis) {
  const system::Snapshot& s = analysis.snapshot;
  document.os.name = s.os.name;
  document.os.family = s.os.family;
  document.os.build = s.os.build;
  document.os.edition = s.os.edition;
  document.os.cpus = s.os.processors;
  if (s.os.service_pack) {
    document.os.service_pack = fmt::format("SP{}", *s.os.service_pack);
    if (*s.os.service_pack == 0) document.os.service_pack = "none";
  }
  document.time.crash = s.crash_time;
  document.time.uptime_s = s.uptime_seconds;
  const arch::Arch* arch = arch::find(s.machine);
  for (const system::Cpu& cpu : s.cpus) {
    report::CpuRow row;
    row.number = cpu.number;
    row.current_thread = cpu.current_thread;
    row.irql = cpu.irql;
    row.context_from = cpu.context_from;
    if (arch && cpu.context) row.pc = arch::pc_of(*arch, *cpu.context);
    row.crashed = cpu.crashed;
    document.cpus.push_back(std::move(row));
  }
  for (const system::Process& process : s.processes)
    document.processes.push_back({process.id, process.name, process.session});
}

} // namespace dumptriage::pipeline
