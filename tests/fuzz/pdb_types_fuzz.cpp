// The type records of a PDB: the input is the TPI stream, wrapped into a container, so that the
// fuzzer need not invent one.
#include <cstddef>
#include <cstdint>

#include "symbols/pdb_types.h"
#include "symbols/tiny_pdb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dumptriage;
  if (size > 32768) return 0; // one directory block of the hand-made container
  symbols::TinyPdb pdb;
  pdb.types.assign(data, data + size);
  const auto bytes = pdb.bytes();
  auto types = symbols::PdbTypes::open(ByteView(bytes.data(), bytes.size()));
  if (!types) return 0;
  for (const char* name : {"_KTHREAD", "_LIST_ENTRY", "a"}) {
    (*types)->size(name);
    for (const char* field : {"Far", "Flink", "b"}) (*types)->field(name, field);
  }
  return 0;
}
