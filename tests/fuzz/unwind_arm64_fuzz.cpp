// One step of the ARM64 unwinder: registers, packed data, .xdata and stack are all the fuzzer's.
#include <cstdint>

#include "arch/arch.h"
#include "memory/address_space.h"

using namespace dumptriage;

namespace {

constexpr std::uint64_t kBase = 0x10000;

// Entries come from the input itself: begin and second word at a place chosen by pc.
struct Functions final : arch::UnwindSource {
  ByteView bytes;
  arch::FunctionLookup find(std::uint64_t pc, arch::FunctionEntry& entry) const override {
    const std::uint64_t at = pc % 64 * 2;
    const auto begin = bytes.u16(at);
    const auto unwind = bytes.u32(at + 2);
    if (!begin || !unwind) return arch::FunctionLookup::unknown;
    if (*begin == 0) return arch::FunctionLookup::leaf;
    // An rva of .xdata stays inside the input, so that its bytes are read at all.
    const std::uint32_t data = *unwind & 3 ? *unwind : *unwind % (bytes.size() + 4) & ~3u;
    entry = {kBase, *begin, UINT32_MAX, data, memory::Origin::dump};
    return arch::FunctionLookup::found;
  }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 8) return 0;
  memory::FlatRanges memory;
  memory.add(kBase, ByteView(data, size));
  memory.seal();
  Functions functions;
  functions.bytes = ByteView(data, size);
  arch::Registers registers;
  registers.set(32, kBase + *functions.bytes.u16(0) % (2 * size));
  registers.set(31, kBase + *functions.bytes.u16(2) % (2 * size));
  registers.set(29, kBase + *functions.bytes.u16(4) % (2 * size));
  registers.set(30, kBase + *functions.bytes.u16(6));
  for (bool first : {false, true})
    arch::find(arch::Machine::arm64)->unwind_by_data({registers, memory, functions, first});
  return 0;
}
