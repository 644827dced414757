// The stop of a kernel dump.  The header's ExceptionRecord is the breakpoint of KeBugCheckEx and
// never the fault; the fault is where the parameters point, when those records are in the dump and
// agree with each other.
#include <array>

#include <fmt/format.h>

#include "arch/address.h"
#include "base/text.h"
#include "formats/bugchecks.h"
#include "formats/dump_header64.h"
#include "system/kernel_snapshot.h"

namespace dumptriage::system {
namespace {

using formats::ParameterRole;

constexpr std::uint32_t kAccessViolation = 0xC0000005;

// The stop's parameters by role; -1 where no parameter has it.
struct Roles {
  int exception = -1, ip = -1, record = -1, context = -1, access = -1, va = -1;
};
Roles roles_of(std::uint32_t code) {
  Roles roles;
  const formats::BugcheckInfo* info = formats::find_bugcheck(code);
  if (!info) return roles;
  for (int i = 3; i >= 0; --i) {
    switch (info->roles[i]) {
    case ParameterRole::exception: roles.exception = i; break;
    case ParameterRole::ip: roles.ip = i; break;
    case ParameterRole::exr: roles.record = i; break;
    case ParameterRole::cxr: roles.context = i; break;
    case ParameterRole::access: roles.access = i; break;
    case ParameterRole::va: roles.va = i; break;
    default: break;
    }
  }
  return roles;
}

std::optional<dump::ExceptionRecord> read_record(const memory::AddressSpace& memory,
                                                 std::uint64_t address) {
  formats::ExceptionRecord64 wire;
  constexpr std::size_t kFixed = offsetof(formats::ExceptionRecord64, ExceptionInformation);
  auto bytes = std::as_writable_bytes(std::span(&wire, 1));
  std::size_t got = memory.read(address, bytes).got;
  if (got < kFixed || wire.NumberParameters > 15) return std::nullopt;
  dump::ExceptionRecord record;
  record.code = wire.ExceptionCode;
  record.flags = wire.ExceptionFlags;
  record.record = wire.ExceptionRecord;
  record.address = wire.ExceptionAddress;
  std::size_t there = std::min<std::size_t>(wire.NumberParameters, (got - kFixed) / 8);
  for (std::size_t i = 0; i < there; ++i) record.parameters.push_back(wire.ExceptionInformation[i]);
  return record;
}

// A CONTEXT read from memory: whole when it is captured so, else as much as holds the registers.
std::optional<arch::Registers> read_context(const Snapshot& snapshot, std::uint64_t address,
                                            std::uint64_t whole) {
  const arch::Arch* arch = arch::find(snapshot.machine);
  if (!arch || !arch->decode_context) return std::nullopt;
  std::array<std::byte, 4096> buffer;
  std::size_t size =
      std::min<std::size_t>(std::max<std::uint64_t>(whole, arch->context_size), buffer.size());
  std::size_t got = snapshot.memory->read(address, std::span(buffer).first(size)).got;
  if (got < arch->context_size) return std::nullopt;
  return registers_of(snapshot.machine, ByteView(buffer.data(), got));
}

struct StopReading {
  const dump::KernelHeader& header;
  Snapshot& snapshot;
  Roles roles;
  bool has_memory; // else the parameters cannot be followed, and the dump's own note says why

  std::uint64_t parameter(int index) const { return header.bugcheck_parameters[index]; }
  std::optional<std::uint64_t> pc_of(const arch::Registers& registers) const {
    const arch::Arch* arch = arch::find(snapshot.machine);
    return arch ? arch::pc_of(*arch, registers) : std::nullopt;
  }
  void note(Code code, std::string message, std::uint64_t address) const {
    if (has_memory)
      add_note(snapshot.notes, Severity::info, code, std::move(message),
               Where::virtual_address(address));
  }
};

// Does `ip` agree with what the parameters say?  Without a code address there, with nothing.
bool agrees_with_ip(const StopReading& reading, std::uint64_t ip) {
  if (reading.roles.ip < 0 || ip == 0) return false;
  // Itanium's parameters name the bundle; its slot is in the registers only.
  const arch::Arch* arch = arch::find(reading.snapshot.machine);
  const std::uint64_t unit = arch ? arch->code_unit : 1;
  return reading.parameter(reading.roles.ip) / unit == ip / unit;
}

bool code_agrees(const StopReading& reading, const dump::ExceptionRecord& record) {
  if (reading.roles.exception < 0) return true;
  return record.code == static_cast<std::uint32_t>(reading.parameter(reading.roles.exception));
}

// Record and CONTEXT at the parameters.  One is believed when it agrees with the faulting address
// among the parameters, or both when they agree with each other: stops like 0x24 pass these
// addresses only sometimes, and memory may have been used again.
void follow_parameters(const StopReading& reading) {
  Stop& stop = reading.snapshot.stop;
  std::optional<dump::ExceptionRecord> record;
  std::optional<arch::Registers> context;
  if (reading.roles.record >= 0)
    record = read_record(*reading.snapshot.memory, reading.parameter(reading.roles.record));
  if (reading.roles.context >= 0)
    context = read_context(reading.snapshot, reading.parameter(reading.roles.context),
                           reading.header.context.size());
  auto pc = context ? reading.pc_of(*context) : std::nullopt;
  bool pair = record && pc && *pc == record->address && *pc != 0;
  if (record && code_agrees(reading, *record) &&
      (pair || agrees_with_ip(reading, record->address))) {
    stop.exception = std::move(record);
    stop.exception_from = fmt::format("bugcheck parameter {}", reading.roles.record + 1);
  } else if (reading.roles.record >= 0 && reading.parameter(reading.roles.record) != 0) {
    reading.note(record ? Code::mismatch : Code::absent,
                 record
                     ? "exception record: what lies at the bugcheck's parameter does not fit the "
                       "other parameters, so it is not used"
                     : "exception record: not captured in this dump",
                 reading.parameter(reading.roles.record));
  }
  if (context && pc && (pair || agrees_with_ip(reading, *pc))) {
    stop.fault_context = std::move(context);
    stop.fault_context_from = fmt::format("bugcheck parameter {}", reading.roles.context + 1);
  } else if (reading.roles.context >= 0 && reading.parameter(reading.roles.context) != 0) {
    reading.note(context ? Code::mismatch : Code::absent,
                 context ? "CONTEXT: what lies at the bugcheck's parameter does not fit the other "
                           "parameters, so it is not used"
                         : "CONTEXT of the fault: not captured in this dump at its address",
                 reading.parameter(reading.roles.context));
  }
}

// For stops that pass a CONTEXT, Windows also puts that one into the header (0x7E: byte for byte).
// It is known by its pc: KeBugCheckEx's own has another.
void try_header_context(const StopReading& reading) {
  Stop& stop = reading.snapshot.stop;
  if (stop.fault_context || reading.roles.context < 0) return;
  auto context = registers_of(reading.snapshot.machine, reading.header.context);
  auto pc = context ? reading.pc_of(*context) : std::nullopt;
  bool fits = pc && (agrees_with_ip(reading, *pc) ||
                     (stop.exception && stop.exception->address == *pc && *pc != 0));
  if (!fits) return;
  stop.fault_context = std::move(context);
  stop.fault_context_from = "header (its pc is the faulting address of the parameters)";
}

// Code and address of an exception that the parameters themselves give.
void exception_from_parameters(const StopReading& reading) {
  Stop& stop = reading.snapshot.stop;
  const Roles& roles = reading.roles;
  if (stop.exception || roles.exception < 0 || roles.ip < 0) return;
  dump::ExceptionRecord record;
  record.code = static_cast<std::uint32_t>(reading.parameter(roles.exception));
  record.address = reading.parameter(roles.ip);
  if (record.code == kAccessViolation && roles.access >= 0 && roles.va >= 0)
    record.parameters = {reading.parameter(roles.access), reading.parameter(roles.va)};
  stop.exception = std::move(record);
  stop.exception_from = "bugcheck parameters";
}

} // namespace

std::optional<arch::Registers> registers_of(arch::Machine machine, ByteView context) {
  const arch::Arch* arch = arch::find(machine);
  if (!arch || !arch->decode_context || context.size() < arch->context_size) return std::nullopt;
  auto registers = arch->decode_context(context);
  if (!registers || !registers->get(arch->pc) || !registers->get(arch->sp)) return std::nullopt;
  return *registers;
}

void read_stop(const dump::Dump& dump, Snapshot& snapshot) {
  const dump::KernelHeader& header = dump.kernel->header;
  Stop& stop = snapshot.stop;
  stop.code = header.bugcheck_code;
  stop.parameters.assign(header.bugcheck_parameters.begin(), header.bugcheck_parameters.end());
  // Live dumps carry the code of the report that asked for them, or one that tools make up.
  constexpr std::uint32_t kLiveSystemDump = 0x161;
  bool named = formats::find_bugcheck(header.bugcheck_code) != nullptr;
  bool made_up = !named && header.bugcheck_code > 0xFFFF;
  bool only_live = dump.kernel->live && (made_up || header.bugcheck_code == kLiveSystemDump);
  stop.live = dump.kernel->live;
  stop.kind = header.bugcheck_code == 0 || only_live ? StopKind::none : StopKind::bugcheck;
  if (stop.kind == StopKind::none) return;
  StopReading reading{header, snapshot, roles_of(header.bugcheck_code),
                      dump.kernel->triage.has_value()};
  follow_parameters(reading);
  try_header_context(reading);
  exception_from_parameters(reading);
}

} // namespace dumptriage::system
