// The makers of symbol sources, one per format, for the store and the module set.  A new format is
// one .cpp file, one line here and one in store.cpp.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "dump/records.h"
#include "image/image.h"
#include "symbols/symbol_source.h"

namespace dumptriage::symbols {

// Code::mismatch when the file belongs to another build; the error's text has both ids.
Result<std::shared_ptr<SymbolSource>> open_pdb(const std::string& path,
                                               const dump::DebugId& wanted);
// Linkers before VC 5 leave it to the image to say where the sections lie.
Result<std::shared_ptr<SymbolSource>> open_pdb(const std::string& path, const dump::DebugId& wanted,
                                               const image::Image* image);
Result<std::shared_ptr<SymbolSource>> open_breakpad(const std::string& path,
                                                    const dump::DebugId& wanted);
// The same over bytes that the caller keeps alive.
Result<std::shared_ptr<SymbolSource>> read_pdb(ByteView bytes, const dump::DebugId& wanted,
                                               const image::Image* image = nullptr);
Result<std::shared_ptr<SymbolSource>> read_breakpad(ByteView bytes, const dump::DebugId& wanted);

// A `wanted` of Kind::none takes any file; the store never asks so.

// A .DBG file belongs to the image of this time stamp and SizeOfImage.  `pdb`: the PDB that it
// points on to, which then says more; `source` is null when the file has neither names nor frames
// itself.
struct DbgSymbols {
  std::shared_ptr<SymbolSource> source;
  dump::DebugId pdb;
};
Result<DbgSymbols> open_dbg(const std::string& path, std::uint32_t timestamp,
                            std::uint64_t size_of_image);
Result<DbgSymbols> read_dbg(ByteView bytes, std::uint32_t timestamp, std::uint64_t size_of_image);

// What the image carries itself: a COFF symbol table, CodeView in its debug directory.  Null when
// it carries none.  `image` must outlive the source.
std::shared_ptr<SymbolSource> image_symbols(const image::Image& image);

// `image` must outlive the source.
std::shared_ptr<SymbolSource> export_source(const image::Image& image);

// Settles Symbol::far of a symbol without size by the image's function table: the function around
// `rva` must begin where the symbol stands.  `false` when the table cannot say.
bool judge_by_function_table(const image::Image& image, std::uint32_t rva, Symbol& symbol);

// "Foo::bar(int) const" -> "Foo::bar"; text that does not end like a function stays.
std::string without_arguments(std::string_view text);
// "static int Foo::bar" -> "Foo::bar", as Microsoft's undecorator writes static functions; other
// text stays.
std::string without_return_type(std::string_view text);

// A public or export may name at most this much code when nothing else bounds it.
inline constexpr std::uint32_t kFarthestPublic = 0x10000;
inline constexpr std::uint32_t kFarthestExport = 0x1000;

} // namespace dumptriage::symbols
