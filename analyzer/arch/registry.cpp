// The registry of CPUs and the numbers under which file formats know them.
// Sources: IMAGE_FILE_MACHINE_* of the PE specification; PROCESSOR_ARCHITECTURE_* of the public
// SDK; Breakpad's minidump_format.h for the values from 0x8001.
#include <array>

#include "arch/tables.h"
#include "base/text.h"

namespace dumptriage::arch {
namespace {

struct MachineRow {
  Machine machine;
  std::string_view name;
  int pointer_size;
  const Arch* arch;
};
constexpr std::array kMachines = {
    MachineRow{Machine::x86, "x86", 4, &kX86},
    MachineRow{Machine::x64, "x64", 8, &kX64},
    MachineRow{Machine::arm, "arm", 4, nullptr},
    MachineRow{Machine::arm64, "arm64", 8, &kArm64},
    MachineRow{Machine::ia64, "ia64", 8, &kIa64},
    MachineRow{Machine::alpha, "alpha", 4, &kAlpha},
    MachineRow{Machine::alpha64, "alpha64", 8, &kAlpha64},
    MachineRow{Machine::mips, "mips", 4, nullptr},
    MachineRow{Machine::ppc, "ppc", 4, nullptr},
};

struct NumberRow {
  std::uint16_t number;
  Machine machine;
};
constexpr std::array kImageFileMachines = {
    NumberRow{0x014C, Machine::x86},     NumberRow{0x8664, Machine::x64},
    NumberRow{0x01C0, Machine::arm},     NumberRow{0x01C2, Machine::arm},
    NumberRow{0x01C4, Machine::arm},     NumberRow{0xAA64, Machine::arm64},
    NumberRow{0x0200, Machine::ia64},    NumberRow{0x0184, Machine::alpha},
    NumberRow{0x0284, Machine::alpha64}, NumberRow{0x0162, Machine::mips},
    NumberRow{0x0166, Machine::mips},    NumberRow{0x0168, Machine::mips},
    NumberRow{0x01F0, Machine::ppc},     NumberRow{0x01F1, Machine::ppc},
};
constexpr std::array kProcessorArchitectures = {
    NumberRow{0, Machine::x86},
    NumberRow{1, Machine::mips},
    NumberRow{2, Machine::alpha},
    NumberRow{3, Machine::ppc},
    NumberRow{5, Machine::arm},
    NumberRow{6, Machine::ia64},
    NumberRow{7, Machine::alpha64},
    NumberRow{9, Machine::x64},
    NumberRow{10, Machine::x86}, // PROCESSOR_ARCHITECTURE_IA32_ON_WIN64
    NumberRow{12, Machine::arm64},
    NumberRow{0x8003, Machine::arm64}, // Breakpad before ARM64 had a number
};

Machine look_up(std::span<const NumberRow> rows, std::uint16_t number) {
  for (const NumberRow& row : rows)
    if (row.number == number) return row.machine;
  return Machine::unknown;
}

const MachineRow* row_of(Machine machine) {
  for (const MachineRow& row : kMachines)
    if (row.machine == machine) return &row;
  return nullptr;
}

} // namespace

const Arch* find(Machine machine) {
  const MachineRow* row = row_of(machine);
  return row ? row->arch : nullptr;
}

Machine machine_of_image_file(std::uint16_t number) { return look_up(kImageFileMachines, number); }
Machine machine_of_processor(std::uint16_t number) {
  return look_up(kProcessorArchitectures, number);
}

std::string_view name_of(Machine machine) {
  const MachineRow* row = row_of(machine);
  return row ? row->name : "unknown";
}

int pointer_size_of(Machine machine) {
  const MachineRow* row = row_of(machine);
  return row ? row->pointer_size : 8;
}

std::string_view name_of(Trust trust) {
  switch (trust) {
  case Trust::context: return "context";
  case Trust::unwind_data: return "unwind_data";
  case Trust::frame_data: return "frame_data";
  case Trust::cfi: return "cfi";
  case Trust::frame_pointer: return "frame_pointer";
  case Trust::prologue: return "prologue";
  case Trust::scan: return "scan";
  }
  return "scan";
}

Result<void> check_context(std::string_view cpu, std::uint32_t flags, std::uint32_t type) {
  if ((flags & type) != 0) return {};
  return fail(Code::bad_value, std::string(cpu) + " CONTEXT",
              "ContextFlags " + hex(flags, 8) + " name another CPU or none");
}

std::unexpected<UnwindFailure> method_failed(Code code, std::string what, std::string why,
                                             std::uint64_t address) {
  return std::unexpected(UnwindFailure{
      false, Error{code, std::move(what), std::move(why), Where::virtual_address(address)}});
}

std::unexpected<UnwindFailure> stop_here(Code code, std::string what, std::string why,
                                         std::uint64_t address) {
  return std::unexpected(UnwindFailure{
      true, Error{code, std::move(what), std::move(why), Where::virtual_address(address)}});
}

} // namespace dumptriage::arch
