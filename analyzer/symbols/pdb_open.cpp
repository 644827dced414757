#include "symbols/pdb_open.h"

#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

Result<std::shared_ptr<SymbolSource>> open_bytes(std::shared_ptr<const MappedFile> file,
                                                 ByteView bytes, const dump::DebugId& wanted,
                                                 const image::Image* image) {
  if (is_pdb20(bytes)) return open_pdb20(std::move(file), bytes, wanted, image);
  return open_pdb7(std::move(file), bytes, wanted);
}

} // namespace

Result<std::shared_ptr<SymbolSource>> open_pdb(const std::string& path,
                                               const dump::DebugId& wanted) {
  return open_pdb(path, wanted, nullptr);
}

Result<std::shared_ptr<SymbolSource>> open_pdb(const std::string& path, const dump::DebugId& wanted,
                                               const image::Image* image) {
  auto file = MappedFile::open(path);
  if (!file) return std::unexpected(file.error());
  return open_bytes(*file, (*file)->bytes(), wanted, image);
}

Result<std::shared_ptr<SymbolSource>> read_pdb(ByteView bytes, const dump::DebugId& wanted,
                                               const image::Image* image) {
  return open_bytes(nullptr, bytes, wanted, image);
}

} // namespace dumptriage::symbols
