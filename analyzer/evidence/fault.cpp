#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "arch/address.h"
#include "evidence/address_class.h"
#include "evidence/disassemble.h"
#include "evidence/fault_scene.h"
#include "evidence/fault_words.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

constexpr std::size_t kLongestInstruction = 16; // x86: 15; Itanium: a bundle
constexpr std::uint32_t kMisalignment = 0x80000002;
const arch::Registers kNoRegisters;

std::optional<Instruction> decode_at(const Input& input, const FaultScene& scene,
                                     memory::Origin& origin) {
  std::array<std::byte, kLongestInstruction> bytes{};
  const arch::Arch* arch = arch::find(scene.machine);
  const std::uint64_t start = arch ? scene.ip / arch->code_unit * arch->code_unit : scene.ip;
  const memory::ReadOutcome outcome = input.modules.overlay().read(start, bytes);
  origin = outcome.origin;
  return disassemble(scene.machine, std::span(bytes).first(std::min(outcome.got, bytes.size())),
                     scene.ip, scene.registers ? *scene.registers : kNoRegisters);
}

std::string direction(const MemoryAccess& access) {
  if (access.write) return "write"; // read-modify-write faults as a write
  return access.read ? "read" : "";
}

// The page fault of an access that crosses a page reports the second page's first byte, so any byte
// of the operand fits.
bool covers(const MemoryAccess& access, std::uint64_t address) {
  const std::uint64_t size = access.size != 0 ? access.size : 512;
  return access.address && address - *access.address < size;
}

const MemoryAccess* operand_at(const Instruction& instruction, std::uint64_t address) {
  for (const MemoryAccess& access : instruction.memory) {
    if (covers(access, address)) return &access;
  }
  return nullptr;
}

bool all_known(const Instruction& instruction) {
  return !instruction.memory.empty() &&
         std::ranges::all_of(instruction.memory,
                             [](const MemoryAccess& access) { return access.address.has_value(); });
}

// Where a jump, call or return goes.
std::optional<std::uint64_t> target_of(const Input& input, arch::Machine machine,
                                       const Instruction& instruction) {
  if (instruction.flow == Flow::none) return std::nullopt;
  if (instruction.target) return instruction.target;
  const bool from_memory = instruction.target_in_memory || instruction.flow == Flow::ret;
  if (!from_memory || instruction.memory.empty() || !instruction.memory[0].address)
    return std::nullopt;
  return input.modules.overlay().pointer(*instruction.memory[0].address,
                                         arch::pointer_size_of(machine));
}

// The processor gave an address: it stands, and the operands only confirm it.
void use_report(const Input& input, const FaultScene& scene, const Instruction* instruction,
                Fault& fault, FaultWords& words) {
  fault.address = scene.reported;
  fault.access = scene.access;
  if (fault.access.empty() && *scene.reported == scene.ip) fault.access = "execute";
  if (!instruction || fault.access == "execute") return;
  if (const MemoryAccess* operand = operand_at(*instruction, *scene.reported)) {
    if (fault.access.empty()) fault.access = direction(*operand);
    return;
  }
  if (!all_known(*instruction)) return;
  // Early Breakpad dumps of Linux keep neither si_code nor the address of a general protection
  // fault.
  for (const MemoryAccess& access : instruction->memory) {
    if (*scene.reported == 0 && scene.access.empty() &&
        is_non_canonical(scene.machine, *access.address)) {
      fault.address = access.address;
      fault.access = direction(access);
      return;
    }
  }
  words.contradiction = true;
}

// The processor gave no address: only an operand that must raise this fault can be the one.
void use_operands_for_protection(const Input& input, arch::Machine machine,
                                 const Instruction& instruction, Fault& fault, FaultWords& words) {
  for (const MemoryAccess& access : instruction.memory) {
    if (!access.address) continue;
    const bool at_the_end = covers(access, UINT64_MAX); // -1 itself, then reported rightly
    if (!is_non_canonical(machine, *access.address) && !at_the_end) continue;
    fault.address = *access.address;
    fault.access = direction(access);
    return;
  }
  if (auto target = target_of(input, machine, instruction);
      target && is_non_canonical(machine, *target)) {
    fault.address = *target;
    fault.access = "execute";
    return;
  }
  if (!instruction.needs_alignment) return;
  const MemoryAccess& access = instruction.memory[0];
  if (access.address && access.size != 0 && *access.address % access.size != 0) {
    fault.address = *access.address;
    fault.access = direction(access);
    words.misaligned = true;
  }
}

// Nobody reported an address (STOP 0x3B and the like): one operand, or the one that cannot be
// right.
void use_operands(arch::Machine machine, const Instruction& instruction, Fault& fault) {
  const MemoryAccess* found = nullptr;
  for (const MemoryAccess& access : instruction.memory) {
    if (!access.address) continue;
    const bool impossible = *access.address < 0x10000 || is_non_canonical(machine, *access.address);
    if (impossible) {
      found = &access;
      break;
    }
    if (instruction.memory.size() == 1) found = &access;
  }
  if (!found) return;
  fault.address = found->address;
  fault.access = direction(*found);
}

// CPUs that need every operand aligned raise an exception of its own for it.
void use_operand_for_misalignment(const Instruction& instruction, Fault& fault, FaultWords& words) {
  if (instruction.memory.size() != 1) return;
  const MemoryAccess& access = instruction.memory[0];
  if (!access.address || access.size == 0 || *access.address % access.size == 0) return;
  fault.address = *access.address;
  fault.access = direction(access);
  words.misaligned = true;
}

void find_address(const Input& input, const FaultScene& scene, const Instruction* instruction,
                  Fault& fault, FaultWords& words) {
  if (scene.code == kMisalignment && instruction)
    use_operand_for_misalignment(*instruction, fault, words);
  if (!scene.memory_fault) return;
  words.unreported = scene.unreported;
  if (scene.reported)
    use_report(input, scene, instruction, fault, words);
  else if (scene.ip == 0) {
    fault.address = 0;
    fault.access = "execute";
  } else if (!instruction)
    return;
  else if (scene.unreported)
    use_operands_for_protection(input, scene.machine, *instruction, fault, words);
  else
    use_operands(scene.machine, *instruction, fault);
}

void classify(const Input& input, const FaultScene& scene, Fault& fault, const FaultWords& words) {
  if (words.misaligned) fault.address_class = "misaligned";
  if (!scene.memory_fault || words.misaligned) return;
  Touched touched;
  touched.exception_code = scene.code;
  touched.at_raised_irql = scene.irql && *scene.irql >= 2;
  touched.access = fault.access;
  if (scene.thread < input.snapshot.threads.size()) {
    const system::ThreadState& thread = input.snapshot.threads[scene.thread];
    const bool narrow = thread.wow64 && scene.machine != input.snapshot.machine;
    touched.stack_low = narrow ? thread.wow64->stack_low : thread.stack_low;
    touched.stack_high = narrow ? thread.wow64->stack_high : thread.stack_high;
  }
  if (const arch::Arch* arch = arch::find(scene.machine); arch && scene.registers)
    touched.sp = arch::sp_of(*arch, *scene.registers);
  if (fault.address) {
    touched.address = *fault.address;
    fault.address_class = classify_address(input, touched);
  } else if (scene.code == 0xC00000FD) {
    fault.address_class = "stack exhausted";
  } else if (scene.code == 0x80000001) {
    fault.address_class = "guard page";
  }
}

struct Decoded {
  FaultScene scene;
  std::optional<Instruction> instruction;
  Fault fault;
  FaultWords words;
};

std::optional<Decoded> decode_fault(const Input& input) {
  const auto scene = find_fault_scene(input);
  if (!scene) return std::nullopt;
  Decoded decoded{*scene, {}, {}, {}};
  Fault& fault = decoded.fault;
  fault.ip = scene->ip;
  if (!scene->by_software && scene->ip != 0)
    decoded.instruction = decode_at(input, *scene, fault.origin);
  // Code that could not be executed is not the instruction at fault.
  const bool executed =
      scene->access != "execute" && !(scene->memory_fault && scene->reported == scene->ip);
  if (!executed) decoded.instruction.reset();
  const Instruction* instruction = decoded.instruction ? &*decoded.instruction : nullptr;
  if (instruction) fault.instruction = instruction->text;
  find_address(input, *scene, instruction, fault, decoded.words);
  classify(input, *scene, fault, decoded.words);
  return decoded;
}

} // namespace

std::optional<Fault> describe_fault(const Input& input) {
  auto decoded = decode_fault(input);
  if (!decoded) return std::nullopt;
  decoded->fault.explanation = explain_fault(input, decoded->scene, decoded->fault, decoded->words);
  return std::move(decoded->fault);
}

std::optional<TouchedPointers> touched_pointers(const Input& input) {
  const auto decoded = decode_fault(input);
  if (!decoded || !decoded->scene.memory_fault) return std::nullopt;
  TouchedPointers result;
  const auto& address = decoded->fault.address;
  if (address) result.pointers.push_back({"address", *address});
  result.complete = address.has_value();
  if (decoded->fault.access == "execute") return result;
  if (!decoded->instruction) {
    result.complete = false;
    return result;
  }
  for (const MemoryAccess& access : decoded->instruction->memory) {
    // Of several operands only the one that faulted.
    if (address && access.address && !covers(access, *address)) continue;
    if (!access.address) result.complete = false;
    for (const AddressPart& part : access.parts)
      result.pointers.push_back({std::string(part.name), part.value});
  }
  return result;
}

} // namespace dumptriage::evidence
