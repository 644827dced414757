// A bounded walk on Alpha: code, .pdata rows, registers and stack are all the fuzzer's.
#include <cstdint>
#include <cstdlib>

#include "arch/alpha.h"
#include "memory/address_space.h"

using namespace dumptriage;

namespace {

constexpr std::uint64_t kBase = 0x10000;
constexpr std::size_t kHead = 16;

// Functions of a size that the input chooses, one behind the other; their rows lie in the input.
struct Functions final : arch::UnwindSource {
  std::uint32_t size = 0, function = 0, row = 0;
  arch::FunctionLookup find(std::uint64_t pc, arch::FunctionEntry& entry) const override {
    if (pc < kBase || pc - kBase >= size) return arch::FunctionLookup::unknown;
    const auto index = static_cast<std::uint32_t>((pc - kBase) / function);
    if (index % 8 == 7) return arch::FunctionLookup::leaf;
    entry = {kBase, index * function, (index + 1) * function, index * row % size,
             memory::Origin::dump};
    return arch::FunctionLookup::found;
  }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHead + 64) return 0;
  const ByteView bytes(data, size);
  memory::FlatRanges memory;
  memory.add(kBase, bytes);
  memory.seal();
  const bool wide = data[0] & 1;
  Functions functions;
  functions.size = static_cast<std::uint32_t>(size);
  functions.function = 4u << (data[1] % 14);
  functions.row = wide ? 40 : 20;
  arch::Registers registers;
  for (int i = 0; i < arch::kAlphaRegisters; ++i)
    registers.set(i, kBase + (*bytes.u16(2 + i % 8) * 4u) % size);
  registers.set(arch::kAlphaZero, 0);
  const auto& cpu = *arch::find(wide ? arch::Machine::alpha64 : arch::Machine::alpha);
  std::size_t effort = 100000;
  std::shared_ptr<void> kept;
  bool first = true;
  for (int frames = 0; frames < 1024; ++frames, first = false) {
    auto caller =
        cpu.unwind_by_data({registers, memory, functions, first, std::nullopt, &effort, &kept});
    if (!caller) break;
    if (!caller->registers.get(cpu.pc) || !caller->registers.get(cpu.sp)) std::abort();
    registers = caller->registers;
  }
  return 0;
}
