// synth: dumps of a machine on paper that hold pieces of memory: triage, minidump, user dump.
#include <algorithm>

#include "synth/minidump_writer.h"
#include "synth/paper_objects.h"
#include "synth/triage_writer.h"
#include "synth/userdump_writer.h"

namespace dumptriage::synth {
namespace {

constexpr std::uint32_t kAccessViolation = 0xC0000005;

std::uint64_t store_end(const PaperCpu& cpu, bool at_bspstore) {
  return number_in(cpu.context, at_bspstore ? 0x9F8 : 0x9F0, 8); // RsBSPSTORE, RsBSP
}

Bytes stack_of(const PaperMachine& machine, const PaperCpu& cpu) {
  return paper_memory(machine, stack_pointer_of(machine, cpu), cpu.stack_base);
}
Bytes store_of(const PaperMachine& machine, const PaperCpu& cpu, bool to_bspstore) {
  if (cpu.store_base == 0) return {};
  return paper_memory(machine, cpu.store_base, store_end(cpu, to_bspstore));
}

bool is_part_of_a_stack(const PaperMachine& machine, std::uint64_t address) {
  return std::any_of(machine.cpus.begin(), machine.cpus.end(), [&](const PaperCpu& cpu) {
    return (address >= cpu.stack_limit && address < cpu.stack_base) ||
           (address >= cpu.store_base && address < cpu.store_limit);
  });
}

std::uint64_t limit_of(Ia64TriageStore::Limit limit, const PaperCpu& cpu, std::uint64_t end) {
  switch (limit) {
  case Ia64TriageStore::Limit::end: return end;
  case Ia64TriageStore::Limit::start: return cpu.store_base;
  case Ia64TriageStore::Limit::thread_limit: return cpu.store_limit;
  case Ia64TriageStore::Limit::none: break;
  }
  return 0;
}

} // namespace

Bytes write_ia64_triage(const PaperMachine& machine, const Ia64TriageStore& store) {
  const PaperObjects objects = paper_objects(machine);
  const PaperCpu& crashed = machine.cpus.at(machine.crashed);
  TriageDescription d;
  d.build = machine.build;
  d.machine = 0x200;
  d.processors = static_cast<std::uint32_t>(machine.cpus.size());
  d.ps_loaded_module_list = objects.places.module_list;
  d.ps_active_process_head = objects.places.process_list;
  d.bugcheck_code = machine.bugcheck_code;
  d.bugcheck_parameters = machine.bugcheck_parameters;
  d.kd_debugger_data_block = objects.places.kdbg;
  d.context = crashed.context;
  d.system_time = machine.system_time;
  d.product_type = 3;
  d.service_pack_build = machine.service_pack << 8;
  d.prcb = objects.prcbs[machine.crashed];
  d.thread = objects.threads[machine.crashed];
  if (!store.thread) {
    put64(d.thread, PaperOffsets::kThreadBStore, 0);
    put64(d.thread, PaperOffsets::kThreadBStoreLimit, 0);
  }
  d.process = objects.process_bytes;
  d.stack_start = crashed.saved_from != 0 ? crashed.saved_from : stack_pointer_of(machine, crashed);
  d.stack = paper_memory(machine, d.stack_start, crashed.stack_base);
  d.backing_store = store_of(machine, crashed, store.ends_at_bspstore);
  d.backing_store_limit =
      limit_of(store.limit, crashed, store_end(crashed, store.ends_at_bspstore));
  for (const PaperModule& module : machine.modules)
    d.drivers.push_back(
        {module.path, module.base, size_in_memory(module), module.timestamp, module.checksum});
  d.debugger_data = objects.kdbg;
  d.ki_processor_block = objects.processor_block;
  for (std::size_t i = 0; i < machine.cpus.size(); ++i) {
    SynthCpu cpu{objects.places.prcbs[i], objects.prcbs[i], 0, {}, 0, {}};
    if (i != machine.crashed) {
      const PaperCpu& other = machine.cpus[i];
      cpu.stack_start = stack_pointer_of(machine, other);
      cpu.stack = stack_of(machine, other);
      d.blocks.push_back({objects.places.threads[i], objects.threads[i]});
      if (other.store_base != 0)
        d.blocks.push_back({other.store_base, store_of(machine, other, true)});
    }
    d.cpus.push_back(std::move(cpu));
  }
  return write_triage64(d);
}

Bytes write_paper_minidump(const PaperMachine& machine, bool images) {
  MinidumpWriter writer;
  MdSystem system;
  system.processor = machine.alpha ? 2 : 6; // PROCESSOR_ARCHITECTURE_ALPHA, _IA64
  system.processors = static_cast<std::uint8_t>(machine.cpus.size());
  system.major = machine.alpha ? 4 : 5;
  system.minor = machine.alpha ? 0 : 2;
  system.build = machine.build;
  system.product_type = machine.alpha ? 1 : 3; // workstation, server
  system.csd = machine.alpha ? "Service Pack 6" : "Service Pack 2";
  writer.system(system);
  std::vector<MdThread> threads;
  for (std::size_t i = 0; i < machine.cpus.size(); ++i) {
    const PaperCpu& cpu = machine.cpus[i];
    MdThread thread;
    thread.id = thread_id_of(machine, i);
    thread.stack_address = stack_pointer_of(machine, cpu);
    thread.stack = stack_of(machine, cpu);
    thread.context = cpu.context;
    if (!machine.alpha)
      thread.store_address = cpu.store_base, thread.store = store_of(machine, cpu, true);
    threads.push_back(std::move(thread));
  }
  if (machine.alpha)
    writer.threads(threads);
  else
    writer.threads_ex(threads);
  std::vector<MdModule> modules;
  MdMemory memory;
  for (const PaperModule& module : machine.modules) {
    MdModule row;
    row.base = module.base;
    row.size = size_in_memory(module);
    row.timestamp = module.timestamp;
    row.checksum = module.checksum;
    row.name = module.path;
    modules.push_back(row);
    if (images) memory.push_back({module.base, module.memory});
  }
  for (const auto& [address, bytes] : machine.memory)
    if (!is_part_of_a_stack(machine, address)) memory.push_back({address, bytes});
  writer.modules(modules);
  writer.memory(memory);
  const PaperCpu& crashed = machine.cpus.at(machine.crashed);
  MdException exception;
  exception.thread_id = thread_id_of(machine, machine.crashed);
  exception.code = kAccessViolation;
  exception.address = pc_of(machine, crashed);
  exception.parameters = {machine.bugcheck_parameters[2], machine.bugcheck_parameters[0]};
  exception.context = crashed.context;
  writer.exception(exception);
  return writer.finish();
}

Bytes write_alpha_userdump(const PaperMachine& machine) {
  UserDump dump;
  dump.machine = 0x184;
  dump.minor = machine.build;
  for (std::size_t i = 0; i < machine.cpus.size(); ++i) {
    UdThread thread;
    thread.id = thread_id_of(machine, i);
    thread.context = machine.cpus[i].context;
    dump.threads.push_back(std::move(thread));
  }
  for (const PaperModule& module : machine.modules)
    dump.modules.push_back({module.base, size_in_memory(module), module.path});
  for (const auto& [page, bytes] : paper_pages(machine, nullptr)) {
    UdRegion* last = dump.regions.empty() ? nullptr : &dump.regions.back();
    if (!last || last->base + last->size != page) {
      dump.regions.push_back({});
      last = &dump.regions.back();
      last->base = last->allocation_base = page;
    }
    append(last->bytes, bytes);
    last->size += kPaperPage;
  }
  UdEvent event;
  event.thread = thread_id_of(machine, machine.crashed);
  event.code = kAccessViolation;
  event.address = pc_of(machine, machine.cpus.at(machine.crashed));
  event.parameters = {machine.bugcheck_parameters[2], machine.bugcheck_parameters[0]};
  dump.event = event;
  return write_userdump(dump);
}

} // namespace dumptriage::synth
