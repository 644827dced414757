// Walks on Itanium: the settling of a context and then up to 1024 frames.  Function table,
// descriptors, registers, stack, backing store and code are all the fuzzer's.
#include <cstdint>
#include <cstdlib>

#include "arch/ia64.h"

using namespace dumptriage;

namespace {

constexpr std::uint64_t kBase = 0x10000;

// Functions of 256 bytes; where each one's UNWIND_INFO lies is told by the input.
struct Functions final : arch::UnwindSource {
  ByteView bytes;
  arch::FunctionLookup find(std::uint64_t pc, arch::FunctionEntry& entry) const override {
    if (pc < kBase || pc - kBase >= 0x10000) return arch::FunctionLookup::unknown;
    const auto begin = static_cast<std::uint32_t>((pc - kBase) & ~std::uint64_t{255});
    const auto where = bytes.u16(2 * (begin / 256) % bytes.size());
    if (!where || *where % 16 == 15) return arch::FunctionLookup::leaf;
    entry = {kBase, begin, begin + 256, static_cast<std::uint32_t>(*where % bytes.size()),
             memory::Origin::dump};
    return arch::FunctionLookup::found;
  }
};

// 16 bits of the input become an address near it, so that something lies there.
std::uint64_t near(std::uint16_t value) { return kBase + (value & ~7u) % 0x3000; }

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 64) return 0;
  memory::FlatRanges memory;
  memory.add(kBase, ByteView(data, size));
  memory.seal();
  Functions functions;
  functions.bytes = ByteView(data, size);
  const auto word = [&](std::size_t i) { return *functions.bytes.u16(2 * (i % (size / 2))); };
  arch::Registers registers;
  for (int i = 0; i < arch::kIa64Registers; ++i)
    if (word(static_cast<std::size_t>(i)) % 32 != 31)
      registers.set(i, near(word(static_cast<std::size_t>(i))));
  registers.set(0, 0);
  registers.set(arch::kIa64Sp, near(word(1)) & ~std::uint64_t{15});
  registers.set(arch::kIa64Iip, near(word(2)) & ~std::uint64_t{3});
  registers.set(arch::kIa64Ifs, word(3) | std::uint64_t{word(4)} << 16);
  registers.set(arch::kIa64Pfs, word(5) % 0x3000);
  registers.set(arch::kIa64Bsp, near(word(6)));
  registers.set(arch::kIa64BspStore, near(word(7)));
  std::size_t effort = 100000;
  if (auto settled = arch::settle_ia64({registers, memory, functions, true, std::nullopt, &effort}))
    registers = settled->registers;
  std::uint64_t sp = *registers.get(arch::kIa64Sp);
  for (int frame = 0; frame < 1024; ++frame) {
    auto caller =
        arch::unwind_ia64({registers, memory, functions, frame == 0, std::nullopt, &effort});
    if (!caller) break;
    // What every frame promises.
    const auto pc = caller->registers.get(arch::kIa64Iip),
               next = caller->registers.get(arch::kIa64Sp);
    if (!pc || !next || *pc % 16 != 0 || *next < sp) std::abort();
    if (*pc == 0) break;
    sp = *next;
    registers = caller->registers;
  }
  return 0;
}
