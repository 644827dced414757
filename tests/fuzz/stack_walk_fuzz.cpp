// Whole walks on memory, code and unwind data of the fuzzer, for every CPU.
#include <cstdint>
#include <cstdlib>

#include "arch/ia64.h"
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

// Both ends of the frame, and how far it was written to memory.
void add_register_stack(arch::Registers& start, ByteView view) {
  start.set(arch::kIa64Bsp, kBase + *view.u16(10) % view.size() / 8 * 8);
  start.set(arch::kIa64BspStore, kBase + *view.u16(12) % (2 * view.size()) / 8 * 8);
  start.set(arch::kIa64Ifs, *view.u16(14));
  start.set(arch::kIa64Pfs, *view.u32(8));
  for (int r : {arch::kIa64Unat, arch::kIa64Preds, arch::kIa64Lc, arch::kIa64Rnat, arch::kIa64Fpsr,
                arch::kIa64Nats})
    start.set(r, 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 16) return 0;
  const ByteView view(data, size);
  memory::FlatRanges memory;
  memory.add(kBase, view);
  memory.seal();
  Functions functions;
  functions.bytes = view;
  constexpr arch::Machine machines[] = {arch::Machine::x64,   arch::Machine::x86,
                                        arch::Machine::arm64, arch::Machine::ia64,
                                        arch::Machine::alpha, arch::Machine::alpha64};
  const arch::Arch& arch = *arch::find(machines[*view.u8(0) % std::size(machines)]);
  arch::Registers start;
  start.set(arch.pc, *view.u8(1) & 1 ? kBase + *view.u16(2) % size : *view.u32(2));
  start.set(arch.sp, kBase + *view.u16(6) % size);
  if (arch.fp >= 0) start.set(arch.fp, kBase + *view.u16(8) % size);
  if (arch.link >= 0) start.set(arch.link, kBase + *view.u16(8) % size);
  if (arch.machine == arch::Machine::ia64) add_register_stack(start, view);
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
