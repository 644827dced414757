// One instruction's line and the search for a call in front of an address, over bytes of the
// fuzzer's.
#include <cstdint>

#include "arch/arch.h"
#include "memory/address_space.h"

using namespace dumptriage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const arch::Arch& ia64 = *arch::find(arch::Machine::ia64);
  memory::FlatRanges memory;
  memory.add(0x10000, ByteView(data, size));
  memory.seal();
  for (std::uint64_t at = 0; at < size && at < 256; at += 4) {
    const auto line = ia64.code_line(
        std::as_bytes(std::span(data, size)).subspan(at & ~std::uint64_t{15}), 0x10000 + at);
    if (line && (line->text.empty() || line->length != 16)) __builtin_trap();
    ia64.call_before(memory, 0x10000 + at);
  }
  return 0;
}
