#include "symbols/pdb_open.h"

namespace dumptriage::symbols {

bool is_pdb20(ByteView bytes) {
  return bytes.chars().starts_with("Microsoft C/C++ program database 2.00\r\n\x1aJG");
}

Result<std::shared_ptr<SymbolSource>> open_pdb20(std::shared_ptr<const MappedFile>, ByteView,
                                                 const dump::DebugId&, const image::Image*) {
  return fail(Code::unsupported, "PDB 2.00", "not read", Where::file(0));
}

} // namespace dumptriage::symbols
