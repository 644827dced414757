#include "evidence/fault_scene.h"

#include "arch/address.h"
#include "evidence/exceptions.h"
#include "evidence/extractors.h"
#include "evidence/parameters.h"
#include "evidence/places.h"
#include "formats/bugchecks.h"

namespace dumptriage::evidence {

namespace {

using formats::ParameterRole;

std::optional<std::uint64_t> pc_of(const Input& input, const arch::Registers& registers) {
  const arch::Arch* arch = arch::find(input.snapshot.machine);
  return arch ? arch::pc_of(*arch, registers) : std::nullopt;
}

// The 32-bit side of the thread (WoW64), when it stands at `ip`.
const system::Wow64Thread* wow64_at(const Input& input, std::uint64_t ip, std::size_t thread) {
  if (thread >= input.snapshot.threads.size()) return nullptr;
  const auto& side = input.snapshot.threads[thread].wow64;
  const arch::Arch* x86 = arch::find(arch::Machine::x86);
  return x86 && side && side->context.get(x86->pc) == ip ? &*side : nullptr;
}

// Do both name the same code?  What reports an address may leave Itanium's slot out, and Alpha's
// sign.
bool same_code(const Input& input, std::optional<std::uint64_t> a, std::uint64_t b) {
  const arch::Arch* arch = arch::find(input.snapshot.machine);
  const std::uint32_t unit = arch ? arch->code_unit : 1;
  return a && native(input, *a) / unit == native(input, b) / unit;
}

// The registers at `ip`: the fault's own context, or a proved frame that was interrupted just
// there.
const arch::Registers* registers_at(const Input& input, std::uint64_t ip, std::size_t thread) {
  const system::Stop& stop = input.snapshot.stop;
  if (stop.fault_context && same_code(input, pc_of(input, *stop.fault_context), ip))
    return &*stop.fault_context;
  if (thread == SIZE_MAX) return nullptr;
  const stack::Stack* stack = stack_of(input, thread);
  if (!stack) return nullptr;
  for (std::size_t i = 0; i < stack->frames.size() && i < stack->sure_frames; ++i) {
    const stack::Frame& frame = stack->frames[i];
    if (frame.exact_pc && same_code(input, frame.pc, ip)) return &frame.registers;
  }
  return nullptr;
}

// Windows: ExceptionInformation of an access violation is {kind of access, address}.
void read_windows_record(const Input& input, const dump::ExceptionRecord& record,
                         FaultScene& scene) {
  if (!scene.memory_fault || record.parameters.size() < 2) return;
  const std::uint64_t address = native(input, record.parameters[1]);
  scene.access = access_of_exception(record.parameters[0]);
  if (input.snapshot.machine == arch::Machine::x64 && address == UINT64_MAX &&
      scene.access != "execute") {
    // A general protection fault: reported as a read of -1, whatever it was.
    scene.unreported = true;
    scene.access.clear();
  } else {
    scene.reported = address;
  }
}

// Linux: the record's address is si_addr and its flags are si_code.  SI_KERNEL (0x80) marks general
// protection faults, whose si_addr is 0.  macOS: the address is the second code of EXC_BAD_ACCESS,
// and EXC_I386_GPFLT (13) as first code marks the same fault.
void read_unix_record(const Input& input, const dump::ExceptionRecord& record, FaultScene& scene) {
  if (!scene.memory_fault) return;
  const bool intel =
      input.snapshot.machine == arch::Machine::x64 || input.snapshot.machine == arch::Machine::x86;
  const bool linux_fault = platform_of(input.snapshot) == Platform::linux_;
  const bool protection = linux_fault ? record.flags == 0x80
                                      : record.parameters.size() > 1 && record.parameters[1] == 13;
  if (intel && protection)
    scene.unreported = true;
  else
    scene.reported = native(input, record.address);
}

void read_record(const Input& input, const dump::ExceptionRecord& record, FaultScene& scene) {
  const Platform platform = platform_of(input.snapshot);
  scene.code = record.code;
  scene.memory_fault = is_memory_fault(platform, record.code);
  scene.by_software = is_raised_by_software(platform, record.code);
  if (platform == Platform::windows)
    read_windows_record(input, record, scene);
  else
    read_unix_record(input, record, scene);
}

// The instruction of an exception: the context's, unless the record of a memory fault names another
// one; then the record is right and the context belongs to another moment.
std::optional<std::uint64_t> ip_of_exception(const Input& input, const FaultScene& scene) {
  const system::Stop& stop = input.snapshot.stop;
  std::optional<std::uint64_t> pc;
  if (stop.fault_context) pc = pc_of(input, *stop.fault_context);
  if (!stop.exception || platform_of(input.snapshot) != Platform::windows) return pc;
  const std::uint64_t address = native(input, stop.exception->address);
  if (!pc) return address != 0 || scene.access == "execute" ? std::optional(address) : std::nullopt;
  return scene.memory_fault || wow64_at(input, address, scene.thread) ? address : *pc;
}

void read_bugcheck(const Input& input, FaultScene& scene) {
  const system::Snapshot& snapshot = input.snapshot;
  const std::uint32_t code = formats::normalized_bugcheck(snapshot.stop.code);
  if (auto exception = exception_code(snapshot)) {
    scene.code = *exception;
    scene.memory_fault = is_memory_fault(Platform::windows, *exception);
    if (!scene.memory_fault) return;
  }
  const auto address = bugcheck_parameter(snapshot, ParameterRole::va);
  const auto access = bugcheck_parameter(snapshot, ParameterRole::access);
  scene.irql = bugcheck_parameter(snapshot, ParameterRole::irql);
  if (address && access) {
    scene.memory_fault = true;
    scene.access = access_of_bugcheck(code, *access);
    const std::uint64_t touched = native(input, *address);
    // 0x1E copies the exception's own parameters, -1 of a general protection fault with them.
    if (code == 0x1E && touched == UINT64_MAX && scene.access != "execute") {
      scene.unreported = true;
      scene.access.clear();
    } else {
      scene.reported = touched;
    }
  } else if (address && (code == 0xBE || code == 0xFC)) {
    scene.memory_fault = true;
    scene.access = code == 0xBE ? "write" : "execute";
    scene.reported = native(input, *address);
  }
}

std::optional<std::uint64_t> ip_of_bugcheck(const Input& input, const FaultScene& scene) {
  const auto ip = bugcheck_parameter(input.snapshot, ParameterRole::ip);
  if (ip && *ip != 0) return native(input, *ip);
  if (scene.access == "execute" && scene.reported) return scene.reported;
  const auto& context = input.snapshot.stop.fault_context;
  return context ? pc_of(input, *context) : std::nullopt;
}

// The parameter with the role `ip` is no fault with some STOPs (0x116 points into a driver that
// hung).
bool is_fault(const system::Snapshot& snapshot, const FaultScene& scene) {
  return scene.memory_fault || scene.code != 0 || snapshot.stop.exception ||
         snapshot.stop.fault_context;
}

} // namespace

std::optional<FaultScene> find_fault_scene(const Input& input) {
  const system::Stop& stop = input.snapshot.stop;
  FaultScene scene;
  scene.thread = crashed_thread(input).value_or(SIZE_MAX);
  std::optional<std::uint64_t> ip;
  if (stop.kind == system::StopKind::bugcheck && !stop.exception) {
    read_bugcheck(input, scene);
    ip = ip_of_bugcheck(input, scene);
    if (!is_fault(input.snapshot, scene)) return std::nullopt;
  } else if (stop.kind == system::StopKind::bugcheck || stop.kind == system::StopKind::exception) {
    if (is_requested_dump(platform_of(input.snapshot), stop.code)) return std::nullopt;
    if (stop.exception)
      read_record(input, *stop.exception, scene);
    else
      scene.code = stop.code;
    ip = ip_of_exception(input, scene);
    if (stop.kind == system::StopKind::bugcheck && !scene.irql)
      scene.irql = bugcheck_parameter(input.snapshot, ParameterRole::irql);
  }
  if (!ip) return std::nullopt;
  scene.ip = native(input, *ip);
  const system::Wow64Thread* side = wow64_at(input, scene.ip, scene.thread);
  scene.machine = side ? arch::Machine::x86 : input.snapshot.machine;
  scene.registers = side ? &side->context : registers_at(input, scene.ip, scene.thread);
  // The registers know the slot.
  if (!side && scene.registers)
    scene.ip = native(input, pc_of(input, *scene.registers).value_or(scene.ip));
  return scene;
}

} // namespace dumptriage::evidence
