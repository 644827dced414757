// CONTEXT decoding of every CPU, and the call-before checks on the same bytes.
#include <cstdint>

#include "arch/arch.h"
#include "memory/address_space.h"

using namespace dumptriage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  memory::FlatRanges memory;
  memory.add(0x1000, ByteView(data, size));
  memory.seal();
  for (arch::Machine machine : {arch::Machine::x86, arch::Machine::x64, arch::Machine::arm64,
                                arch::Machine::ia64, arch::Machine::alpha}) {
    const arch::Arch& arch = *arch::find(machine);
    auto registers = arch.decode_context(ByteView(data, size));
    if (registers && arch.strip) arch.strip(registers->get(arch.pc).value_or(0));
    if (arch.call_before)
      for (std::uint64_t at = 0x1000; at <= 0x1010; ++at) arch.call_before(memory, at);
    if (registers && arch.call_reaches) arch.call_reaches(memory, 0x1000 + size, *registers);
  }
  return 0;
}
