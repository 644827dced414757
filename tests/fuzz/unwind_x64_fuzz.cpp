// One step of the x64 unwinder: registers, unwind data, code and stack are all the fuzzer's.
#include <cstdint>
#include <cstring>

#include "arch/arch.h"
#include "memory/address_space.h"

using namespace dumptriage;

namespace {

constexpr std::uint64_t kBase = 0x10000;

// Entries come from the input itself: begin, end, unwind at three offsets chosen by pc.
struct Functions final : arch::UnwindSource {
  ByteView bytes;
  arch::FunctionLookup find(std::uint64_t pc, arch::FunctionEntry& entry) const override {
    const std::uint64_t at = pc % 64 * 2;
    const auto begin = bytes.u16(at), end = bytes.u16(at + 2);
    const auto unwind = bytes.u32(at + 4);
    if (!begin || !end || !unwind) return arch::FunctionLookup::unknown;
    if (*begin == 0) return arch::FunctionLookup::leaf;
    entry = {kBase, *begin, *end, *unwind % 0x20000, memory::Origin::dump};
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
  const ByteView view(data, size);
  registers.set(16, kBase + *view.u16(0) % (2 * size));
  registers.set(4, kBase + *view.u16(2) % (2 * size));
  registers.set(5, kBase + *view.u16(4) % (2 * size));
  for (bool first : {false, true})
    arch::find(arch::Machine::x64)->unwind_by_data({registers, memory, functions, first});
  return 0;
}
