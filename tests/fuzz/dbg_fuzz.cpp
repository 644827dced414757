// A .DBG file: headers, names of CodeView or COFF, frames, OMAP.
#include "image/dbg_file.h"
#include "symbols/sources.h"

using namespace dumptriage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  auto dbg = image::read_dbg_file(bytes);
  if (!dbg) return 0;
  auto symbols = symbols::read_dbg(bytes, dbg->timestamp, dbg->size_of_image);
  if (!symbols || symbols->source == nullptr) return 0;
  for (std::uint32_t rva = 0; rva < 0xC000; rva += 0xFF) {
    symbols->source->lookup(rva);
    symbols->source->frame_data(rva);
  }
  symbols->source->lookup(0xFFFFFFFF);
  return 0;
}
