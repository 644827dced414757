// A COFF symbol table: the first two bytes say where the strings begin.
#include "symbols/debug_tables.h"

using namespace dumptriage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const std::uint64_t split = bytes.u16(0).value_or(0);
  symbols::NameTable names;
  names.sections = {{0x1000, 0x8000}, {0x9000, 0x2000}};
  symbols::add_coff({bytes.clamp(2, split), bytes.clamp(2 + split, size), bytes.clamp(split, 600)},
                    symbols::CoffValues::section_offsets, names);
  names.seal();
  for (std::uint32_t rva = 0; rva < 0xC000; rva += 0xFF) names.find(rva);
  return 0;
}
