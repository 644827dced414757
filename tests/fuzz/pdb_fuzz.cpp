// A PDB: container through LLVM's reader (not instrumented), everything above it by our own.
// Input that begins with a byte 1 is taken as the stream of one compiland, because a
// mutated container seldom gets that far.
#include <algorithm>

#include "symbols/pdb_module.h"
#include "symbols/sources.h"

using namespace dumptriage;

namespace {

void whole_file(ByteView bytes) {
  auto source = symbols::read_pdb(bytes, {});
  if (!source) return;
  for (std::uint32_t rva = 0; rva < 0x8000; rva += 0x111) {
    (*source)->lookup(rva);
    (*source)->inlines(rva);
  }
  (*source)->lookup(0xFFFFFFFF);
}

void one_compiland(ByteView bytes) {
  std::vector<std::byte> copy(bytes.span().begin(), bytes.span().end());
  auto half = static_cast<std::uint32_t>(copy.size() / 2);
  symbols::PdbModule module(std::move(copy), half, 0, half);
  for (std::uint16_t section = 0; section < 3; ++section)
    for (std::uint32_t offset = 0; offset < 0x400; offset += 0x31) {
      module.line_at(section, offset);
      if (const auto* procedure = module.procedure_at(section, offset)) {
        module.inlined_at(*procedure, offset - procedure->offset);
        module.whole_of(*procedure);
      }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView bytes(data, size);
  if (size > 1 && data[0] == 1)
    one_compiland(bytes.clamp(1, size));
  else
    whole_file(bytes);
  return 0;
}
