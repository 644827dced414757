// An NB09 or NB11 block on its own: directory, subsections, records, lines.
#include "symbols/debug_tables.h"

using namespace dumptriage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  symbols::NameTable names;
  names.sections = {{0x1000, 0x8000}, {0x9000, 0x2000}};
  symbols::add_codeview(ByteView(data, size), names);
  names.seal();
  for (std::uint32_t rva = 0; rva < 0xC000; rva += 0xFF) names.find(rva);
  return 0;
}
