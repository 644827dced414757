// .DBG files as symbols: names of CodeView or COFF, FPO; or the PDB that they point on to.
#include <algorithm>

#include <fmt/format.h>

#include "formats/pe.h"
#include "image/dbg_file.h"
#include "symbols/debug_tables.h"
#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

constexpr char kWhat[] = "DBG file";

std::shared_ptr<SymbolSource> source_of(const std::shared_ptr<const image::DbgFile>& dbg) {
  const DebugTables from = {dbg->data_of(kDebugTypeCodeView), dbg->data_of(kDebugTypeCoff),
                            dbg->data_of(kDebugTypeFpo), dbg->data_of(kDebugTypeOmapToSource),
                            dbg->data_of(kDebugTypeOmapFromSource)};
  const bool names = is_embedded_codeview(from.codeview) || !from.coff.empty();
  const bool frames = dbg->machine == arch::Machine::x86 && !from.fpo.empty();
  if (!names && !frames) return nullptr;
  return make_table_source([dbg, from](ImageTables& tables) {
    tables.names.machine = dbg->machine;
    for (const image::Section& section : dbg->sections)
      tables.names.sections.push_back(
          {section.rva, std::max(section.virtual_size, section.raw_size)});
    add_debug_tables(from, tables);
  });
}

Result<DbgSymbols> make(Result<image::DbgFile> read, std::uint32_t timestamp,
                        std::uint64_t size_of_image) {
  if (!read) return std::unexpected(read.error());
  if (timestamp != read->timestamp || size_of_image != read->size_of_image)
    return fail(Code::mismatch, kWhat,
                fmt::format("time stamp {:08X} and size {:X}, wanted {:08X} and {:X}",
                            read->timestamp, read->size_of_image, timestamp, size_of_image));
  auto dbg = std::make_shared<const image::DbgFile>(std::move(*read));
  DbgSymbols symbols;
  symbols.source = source_of(dbg);
  const dump::DebugId id = dump::read_codeview(dbg->data_of(kDebugTypeCodeView));
  if (id.kind == dump::DebugId::Kind::nb10 || id.kind == dump::DebugId::Kind::rsds)
    symbols.pdb = id;
  return symbols;
}

} // namespace

Result<DbgSymbols> open_dbg(const std::string& path, std::uint32_t timestamp,
                            std::uint64_t size_of_image) {
  return make(image::open_dbg_file(path), timestamp, size_of_image);
}

Result<DbgSymbols> read_dbg(ByteView bytes, std::uint32_t timestamp, std::uint64_t size_of_image) {
  return make(image::read_dbg_file(bytes), timestamp, size_of_image);
}

} // namespace dumptriage::symbols
