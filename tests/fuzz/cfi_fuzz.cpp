// Call-frame rules: the input is a rule text, run for every CPU that has them over registers and a
// stack made of the same bytes.
#include <string>

#include "arch/arch.h"
#include "base/bytes.h"

using namespace dumptriage;

namespace {

constexpr std::uint64_t kBase = 0x10000;

struct Rules final : arch::UnwindSource {
  std::string text;
  bool body_only = false;
  arch::FunctionLookup find(std::uint64_t, arch::FunctionEntry&) const override {
    return arch::FunctionLookup::unknown;
  }
  std::optional<arch::CfiRules> cfi(std::uint64_t pc) const override {
    return arch::CfiRules{pc, text, body_only, memory::Origin::image};
  }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  memory::FlatRanges memory;
  memory.add(kBase, ByteView(data, size));
  memory.seal();
  Rules rules;
  rules.body_only = (data[0] & 1) != 0;
  rules.text.assign(reinterpret_cast<const char*>(data), size);
  for (arch::Machine machine : {arch::Machine::x86, arch::Machine::x64, arch::Machine::arm64}) {
    const arch::Arch& arch = *arch::find(machine);
    arch::Registers registers;
    for (int i = 0; i < 33; ++i) registers.set(i, kBase + 8 * i);
    (void)arch.unwind_by_cfi({registers, memory, rules});
  }
  return 0;
}
