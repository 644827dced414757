// Breakpad .sym text: index and lookups, inlined calls, frame records and call-frame rules.
#include "symbols/sources.h"

using namespace dumptriage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto source = symbols::read_breakpad(ByteView(data, size), {});
  if (!source) return 0;
  for (std::uint32_t rva : {0u, 1u, 0x1000u, 0x1010u, 0x10000u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    (*source)->lookup(rva);
    (*source)->inlines(rva);
    (*source)->frame_data(rva);
    (*source)->cfi(rva);
  }
  return 0;
}
