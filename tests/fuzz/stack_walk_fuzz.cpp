// Whole walks on memory, code and unwind data of the fuzzer, for x64, x86 and ARM64.
#include <cstdint>
#include <cstdlib>

#include "memory/address_space.h"
#include "stack/walk_loop.h"

using namespace dumptriage;

namespace {

constexpr std::uint64_t kBase = 0x10000;

struct Functions final : arch::UnwindSource {
  ByteView bytes;
  arch::FunctionLookup find(std::uint64_t pc, arch::FunctionEntry& entry) const override {
    const std::uint64_t at = pc % 32 * 8;
    const auto kind = bytes.u16(at), end = bytes.u16(at + 2);
    const auto unwind = bytes.u32(at + 4);
    if (!kind || !end || !unwind || *kind == 1) return arch::FunctionLookup::unknown;
    if (*kind == 0) return arch::FunctionLookup::leaf;
    entry = {kBase, *kind, *end, *unwind % 0x20000, memory::Origin::dump};
    return arch::FunctionLookup::found;
  }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 16) return 0;
  const ByteView view(data, size);
  memory::FlatRanges memory;
  memory.add(kBase, view);
  memory.seal();
  Functions functions;
  functions.bytes = view;
  constexpr arch::Machine machines[] = {arch::Machine::x64, arch::Machine::x86,
                                        arch::Machine::arm64};
  const arch::Arch& arch = *arch::find(machines[*view.u8(0) % 3]);
  arch::Registers start;
  start.set(arch.pc, *view.u8(1) & 1 ? kBase + *view.u16(2) % size : *view.u32(2));
  start.set(arch.sp, kBase + *view.u16(6) % size);
  start.set(arch.fp, kBase + *view.u16(8) % size);
  const stack::Ground ground{arch, functions, memory,
                             [&](std::uint64_t at) -> std::optional<std::size_t> {
                               if (at - kBase < size) return 0;
                               return std::nullopt;
                             },
                             [](std::size_t) { return std::string("m"); }};
  const stack::Stack stack = stack::walk_on(ground, start, kBase, kBase + size, {});
  // What the rest of the program relies on.
  if (stack.sure_frames > stack.frames.size() || stack.ended.empty()) std::abort();
  if (stack.frames.size() > stack::WalkLimits{}.frames) std::abort();
  if (stack.whole && stack.sure_frames != stack.frames.size()) std::abort();
  return 0;
}
