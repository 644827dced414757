#include "stack/fault_origin.h"

#include <algorithm>

#include "formats/bugchecks.h"
#include "formats/task_state.h"
#include "stack/top.h"

namespace dumptriage::stack {
namespace {

using formats::ParameterRole;

constexpr std::uint32_t kUnexpectedKernelModeTrap = 0x7F;
constexpr std::uint64_t kDoubleFault = 8;

struct Parameters {
  const system::Snapshot& snapshot;
  const arch::Arch& arch;

  std::optional<std::uint64_t> with_role(ParameterRole role) const {
    const formats::BugcheckInfo* info = formats::find_bugcheck(snapshot.stop.code);
    for (std::size_t i = 0; info && i < info->roles.size(); ++i)
      if (info->roles[i] == role && i < snapshot.stop.parameters.size())
        return cut(snapshot.stop.parameters[i]);
    return std::nullopt;
  }
  std::uint64_t cut(std::uint64_t value) const {
    return arch.pointer_size == 4 ? value & 0xFFFFFFFF : value;
  }
};

// Is this frame what the stop's parameters speak of?
bool is_named(const Parameters& parameters, const Frame& frame) {
  if (frame.pc == 0) return false;
  if (parameters.with_role(ParameterRole::ip) == frame.pc) return true;
  const auto& record = parameters.snapshot.stop.exception;
  if (record && parameters.cut(record->address) == frame.pc) return true;
  const auto trap = parameters.with_role(ParameterRole::trapframe);
  if (!trap || *trap == 0 || !parameters.arch.read_trap_frame || !parameters.snapshot.memory)
    return false;
  const auto registers = parameters.arch.read_trap_frame(*parameters.snapshot.memory, *trap);
  return registers && registers->get(parameters.arch.pc) == frame.pc &&
         registers->get(parameters.arch.sp) == frame.sp;
}

} // namespace

bool is_double_fault(const system::Stop& stop) {
  return stop.kind == system::StopKind::bugcheck &&
         formats::normalized_bugcheck(stop.code) == kUnexpectedKernelModeTrap &&
         !stop.parameters.empty() && stop.parameters[0] == kDoubleFault;
}

std::optional<FaultOrigin> find_fault_origin(const Stack& walked,
                                             const system::Snapshot& snapshot) {
  const arch::Arch* arch = arch::find(snapshot.machine);
  if (!arch || snapshot.stop.kind != system::StopKind::bugcheck) return std::nullopt;
  const Parameters parameters{snapshot, *arch};
  const std::size_t sure = std::min(walked.sure_frames, walked.frames.size());
  bool in_kernel_image = true, first = true;
  for (std::size_t i = 1; i < sure; ++i) {
    in_kernel_image &= is_kernel_or_hal(walked.frames[i - 1]);
    if (!walked.frames[i].exact_pc) continue;
    if (is_named(parameters, walked.frames[i]))
      return FaultOrigin{i, "trap frame, found by unwinding"};
    // Nothing but a trap handler raises 0x7F, and the first trap below it is its own.
    if (first && in_kernel_image &&
        formats::normalized_bugcheck(snapshot.stop.code) == kUnexpectedKernelModeTrap)
      return FaultOrigin{i, is_double_fault(snapshot.stop)
                                ? "trap frame of the double fault, found by unwinding from the "
                                  "double-fault stack"
                                : "trap frame, found by unwinding"};
    first = false;
  }
  return std::nullopt;
}

std::optional<arch::Registers> trap_frame_of_stop(const system::Snapshot& snapshot) {
  const arch::Arch* arch = arch::find(snapshot.machine);
  if (!arch || !arch->read_trap_frame || !snapshot.memory ||
      snapshot.stop.kind != system::StopKind::bugcheck)
    return std::nullopt;
  const Parameters parameters{snapshot, *arch};
  const auto trap = parameters.with_role(ParameterRole::trapframe);
  if (!trap || *trap == 0) return std::nullopt;
  auto registers = arch->read_trap_frame(*snapshot.memory, *trap);
  if (!registers) return std::nullopt;
  const auto pc = registers->get(arch->pc);
  const auto& record = snapshot.stop.exception;
  const bool named = pc && (parameters.with_role(ParameterRole::ip) == *pc ||
                            (record && parameters.cut(record->address) == *pc));
  return named ? registers : std::nullopt;
}

namespace {

constexpr std::uint64_t kMostOfDoubleFaultStack = 0x4000;
constexpr std::uint8_t kTaskGate = 0x85, kTaskAvailable = 0x89, kTaskBusy = 0x8B;

// A segment descriptor's base, when it is that of a 32-bit task state segment.
std::optional<std::uint32_t> task_base(const memory::AddressSpace& memory, std::uint32_t gdt,
                                       std::uint32_t selector) {
  if (selector == 0 || (selector & 4)) return std::nullopt; // in no local table
  const auto descriptor = memory.u64(std::uint64_t{gdt} + (selector & 0xFFF8));
  if (!descriptor) return std::nullopt;
  const auto type = static_cast<std::uint8_t>(*descriptor >> 40);
  if (type != kTaskAvailable && type != kTaskBusy) return std::nullopt;
  return static_cast<std::uint32_t>((*descriptor >> 16 & 0xFFFFFF) | *descriptor >> 56 << 24);
}

std::optional<formats::TaskState32> read_task(const memory::AddressSpace& memory,
                                              std::optional<std::uint32_t> base) {
  formats::TaskState32 task;
  if (!base || *base == 0 || !memory.copy(*base, std::as_writable_bytes(std::span(&task, 1))))
    return std::nullopt;
  return task;
}

} // namespace

std::optional<arch::Registers> before_double_fault(const memory::AddressSpace& memory,
                                                   std::uint64_t kpcr, std::uint64_t sp) {
  const auto idt = memory.u32(kpcr + formats::kKpcrIdt), gdt = memory.u32(kpcr + formats::kKpcrGdt);
  if (memory.u32(kpcr + formats::kKpcrSelf) != kpcr ||
      memory.u32(kpcr + formats::kKpcrPrcb) != kpcr + formats::kKpcrPrcbData || !idt || !gdt)
    return std::nullopt;
  const auto gate = memory.u64(*idt + 8 * kDoubleFault);
  if (!gate || static_cast<std::uint8_t>(*gate >> 40) != kTaskGate) return std::nullopt;
  const std::uint32_t selector = *gate >> 16 & 0xFFFF;
  const auto handler = read_task(memory, task_base(memory, *gdt, selector));
  if (!handler || handler->Backlink == selector) return std::nullopt;
  // The stop ran on the handler's stack.
  if (sp > handler->Esp || handler->Esp - sp > kMostOfDoubleFaultStack) return std::nullopt;
  const auto before = read_task(memory, task_base(memory, *gdt, handler->Backlink));
  if (!before || !(before->EFlags & 2) || before->CR3 == 0) return std::nullopt;
  const std::uint32_t cs = before->Cs & 0xFFFF, ss = before->Ss & 0xFFFF;
  if (!(cs == 8 && ss == 0x10) && !(cs == 0x1B && ss == 0x23)) return std::nullopt;
  arch::Registers r;
  const std::uint32_t values[] = {before->Eax, before->Ecx,    before->Edx, before->Ebx,
                                  before->Esp, before->Ebp,    before->Esi, before->Edi,
                                  before->Eip, before->EFlags, cs};
  for (int i = 0; i < 11; ++i) r.set(i, values[i]);
  return r;
}

} // namespace dumptriage::stack
