// Alpha instructions as text and as accesses, and calls in front of addresses: any words.
#include <cstdint>
#include <cstdlib>

#include "arch/arch.h"
#include "memory/address_space.h"

using namespace dumptriage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const arch::Arch& alpha = *arch::find(arch::Machine::alpha);
  const auto bytes = std::as_bytes(std::span(data, size));
  memory::FlatRanges memory;
  memory.add(0x10000, ByteView(data, size));
  memory.seal();
  for (std::size_t at = 0; at < size; at += 4) {
    const std::uint64_t pc = 0xFFFFFFFFFFFFFF00 + at; // targets wrap
    const auto line = alpha.code_line(bytes.subspan(at), pc);
    if (line && (line->length != 4 || line->text.empty())) std::abort();
    if (line && line->access && line->access->read == line->access->write) std::abort();
    const auto call = alpha.call_before(memory, 0x10000 + at + 4);
    if (line && call && *call != line->call) std::abort();
  }
  return 0;
}
