// Steps of the 32-bit x86 unwinders over code, stack, registers and hints that are all the
// fuzzer's: the code is followed from starts that the input names, with effort bounded as in a
// walk.
#include <cstdint>
#include <memory>

#include "arch/arch.h"
#include "memory/address_space.h"

using namespace dumptriage;

namespace {

constexpr std::uint64_t kBase = 0x10000;

struct Hints final : arch::UnwindSource {
  ByteView bytes;
  arch::FunctionLookup find(std::uint64_t, arch::FunctionEntry&) const override {
    return arch::FunctionLookup::unknown;
  }
  std::optional<std::uint64_t> function_start(std::uint64_t pc) const override {
    const auto start = bytes.u16(8 + pc % 16);
    if (!start || *start == 0) return std::nullopt;
    return kBase + *start;
  }
  std::optional<arch::FrameData> frame_data(std::uint64_t pc) const override {
    const auto sizes = bytes.u32(8 + pc % 8);
    if (!sizes || *sizes % 2 == 0) return std::nullopt;
    arch::FrameData data;
    data.kind = static_cast<arch::FrameData::Kind>(*sizes >> 1 & 3);
    data.start = data.function = kBase + (*sizes >> 16);
    data.size = 0x1000;
    data.locals = *sizes >> 4 & 0xFC;
    data.program = "$T0 .raSearch = $eip $T0 ^ = $esp $T0 4 + =";
    return data;
  }
  arch::ImportedFunction imported(std::uint64_t slot) const override {
    return {kBase + slot % 0x400, static_cast<std::uint32_t>(slot % 5 * 4)};
  }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 32) return 0;
  memory::FlatRanges memory;
  const ByteView view(data, size);
  memory.add(kBase, view);
  memory.seal();
  Hints hints;
  hints.bytes = view;
  arch::Registers registers;
  for (int reg = 0; reg < 8; ++reg) registers.set(reg, kBase + *view.u16(reg * 2) % (2 * size));
  registers.set(8, kBase + *view.u16(16) % (2 * size));
  const arch::Arch& x86 = *arch::find(arch::Machine::x86);
  std::size_t effort = 20000;
  std::shared_ptr<void> kept;
  for (bool first : {true, false}) {
    const arch::UnwindInput input{registers, memory, hints, first, 0, &effort, &kept};
    x86.unwind_by_frame_data(input);
    x86.unwind_by_frame_pointer(input);
  }
  return 0;
}
