// A PDB 2.00: container, DBI stream, records, lines.
#include "symbols/sources.h"

using namespace dumptriage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto source = symbols::read_pdb(ByteView(data, size), {});
  if (!source) return 0;
  for (std::uint32_t rva = 0; rva < 0xC000; rva += 0xFF) {
    (*source)->lookup(rva);
    (*source)->frame_data(rva);
  }
  (*source)->lookup(0xFFFFFFFF);
  return 0;
}
