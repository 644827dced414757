#include "evidence/address_class.h"

#include <span>

#include "base/text.h"
#include "evidence/exceptions.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

constexpr Fill kFills[] = {
#define FILL(pattern, address_class, meaning) {pattern, address_class, meaning},
#include "evidence/fills.def"
#undef FILL
};

// The offset of a field in what the pointer should have pointed to.
constexpr std::uint64_t kFieldReach = 0x1000;

bool near(std::uint64_t address, std::uint64_t pattern) {
  return address - pattern < kFieldReach || pattern - address < kFieldReach;
}

// In a 32-bit process on 64-bit Windows nearly all 4 GiB are user memory.
bool runs_under_wow64(const Input& input) {
  for (const dump::Module& module : input.snapshot.modules) {
    const std::string path = lower(module.path);
    if (path.find("syswow64") != std::string::npos || base_name(path).starts_with("wow64"))
      return true;
  }
  return false;
}

// Does the process use memory above the usual 2 GiB (/3GB)?
bool uses_upper_half(const Input& input) {
  for (const dump::Module& module : input.snapshot.modules) {
    if (module.base >= 0x80000000) return true;
  }
  for (const system::ThreadState& thread : input.snapshot.threads) {
    if (thread.stack_high > 0x80000000) return true;
  }
  return false;
}

bool is_kernel_address(const Input& input, std::uint64_t address) {
  if (input.snapshot.kernel || platform_of(input.snapshot) != Platform::windows) return false;
  switch (input.snapshot.machine) {
  case arch::Machine::x64: return address >= 0xFFFF800000000000;
  case arch::Machine::x86:
    if (runs_under_wow64(input)) return false;
    return address >= (uses_upper_half(input) ? 0xC0000000 : 0x80000000);
  default: return false;
  }
}

// A stack that can grow no further faults at or just below the stack pointer, which itself still
// lies in the stack or just below it.
bool is_exhausted_stack(const Touched& touched) {
  constexpr std::uint64_t kReach = 0x10000;
  if (touched.access == "execute" || !touched.sp || touched.stack_low == 0) return false;
  const std::uint64_t sp = *touched.sp;
  const bool sp_in_stack =
      sp < touched.stack_high && (sp >= touched.stack_low || touched.stack_low - sp <= kReach);
  const bool below_stack =
      touched.address < touched.stack_low && touched.stack_low - touched.address <= kReach;
  const bool at_sp =
      touched.address < sp ? sp - touched.address <= kReach : touched.address - sp < 0x1000;
  return sp_in_stack && below_stack && at_sp;
}

// CPUs of Windows whose allocators and exceptions are those of x86.
bool is_old_windows_cpu(arch::Machine machine) {
  return machine == arch::Machine::alpha || machine == arch::Machine::alpha64 ||
         machine == arch::Machine::ia64;
}

} // namespace

const Fill* find_fill(arch::Machine machine, std::uint64_t address) {
  for (const Fill& fill : kFills) {
    const std::uint64_t once = fill.pattern;
    if (near(address, once)) return &fill;
    if (arch::pointer_size_of(machine) == 8 && near(address, once << 32 | once)) return &fill;
  }
  return nullptr;
}

bool is_non_canonical(arch::Machine machine, std::uint64_t address) {
  if (machine != arch::Machine::x64) return false;
  const std::uint64_t high = address >> 47;
  return high != 0 && high != 0x1FFFF;
}

std::string text_in_address(arch::Machine machine, std::uint64_t address) {
  const int size = arch::pointer_size_of(machine);
  std::string text;
  for (int i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(address >> (8 * i));
    if (byte < 0x20 || byte > 0x7E) return {};
    text += static_cast<char>(byte);
  }
  return text;
}

std::string_view classify_address(const Input& input, const Touched& touched) {
  const std::uint64_t address = touched.address;
  const arch::Machine machine = input.snapshot.machine;
  const bool intel = machine == arch::Machine::x86 || machine == arch::Machine::x64;
  if (!intel && !is_old_windows_cpu(machine)) {
    return address == 0 ? "null" : address < 0x10000 ? "null+offset" : "";
  }
  if (touched.exception_code == 0x80000001) return "guard page";
  if (touched.exception_code == 0xC00000FD) return "stack exhausted";
  if (address == 0) return "null";
  if (address < 0x10000) return "null+offset";
  if (const Fill* fill = find_fill(machine, address)) return fill->address_class;
  if (is_non_canonical(machine, address)) return "non-canonical";
  if (is_exhausted_stack(touched)) return "stack exhausted";
  if (!place_of(input, address) && unloaded_at(input, address)) return "unloaded module";
  const bool in_stack = address >= touched.stack_low && address < touched.stack_high;
  if (touched.access == "execute" && (in_stack || place_of(input, address)))
    return "execute of non-code";
  // Good memory faults as well: a page that is paged out, or one that may only be read.
  if (touched.at_raised_irql || in_stack || place_of(input, address)) return "";
  std::byte byte{};
  if (input.snapshot.memory && input.snapshot.memory->copy(address, std::span(&byte, 1))) return "";
  // Which addresses are mapped one to one, and where a system's pools lie, is not settled for them.
  if (!intel) return "";
  // Asked last: what a process has captured is its own, also above 2 GiB.
  if (is_kernel_address(input, address)) return "kernel address";
  return "wild";
}

} // namespace dumptriage::evidence
