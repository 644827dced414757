// The two containers of a PDB, which open_pdb and read_pdb tell apart by their first bytes.
#pragma once

#include <memory>

#include "base/mapped_file.h"
#include "dump/records.h"
#include "image/image.h"
#include "symbols/symbol_source.h"

namespace dumptriage::symbols {

// `file` keeps the bytes; null when the caller does.
Result<std::shared_ptr<SymbolSource>> open_pdb7(std::shared_ptr<const MappedFile> file,
                                                ByteView bytes, const dump::DebugId& wanted);
// `image`: where its sections lie, which linkers before VC 5 did not write into the PDB; may be
// null.
Result<std::shared_ptr<SymbolSource>> open_pdb20(std::shared_ptr<const MappedFile> file,
                                                 ByteView bytes, const dump::DebugId& wanted,
                                                 const image::Image* image);
bool is_pdb20(ByteView bytes);

} // namespace dumptriage::symbols
