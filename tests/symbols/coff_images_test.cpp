// Images of GNU's linker (tools/samples/coff) against LLVM's reader of COFF files.
#include <map>
#include <set>

#include <llvm/Object/COFF.h>
#include <llvm/Support/MemoryBuffer.h>

#include "image/image.h"
#include "symbols/old_formats.h"

namespace dumptriage::symbols {
namespace {

std::string file_of(const std::string& machine) {
  return std::string(DUMPTRIAGE_SOURCE_DIR) + "/tests/data/coff/" + machine + ".exe";
}

// The names of functions by rva, as LLVM lists them.
std::map<std::uint32_t, std::set<std::string>> functions_of(const std::string& path) {
  std::map<std::uint32_t, std::set<std::string>> found;
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) return found;
  auto file = llvm::object::COFFObjectFile::create((*buffer)->getMemBufferRef());
  if (!file) {
    llvm::consumeError(file.takeError());
    return found;
  }
  for (const llvm::object::SymbolRef& each : (*file)->symbols()) {
    const llvm::object::COFFSymbolRef symbol = (*file)->getCOFFSymbol(each);
    auto name = each.getName();
    auto section = (*file)->getSection(symbol.getSectionNumber());
    const bool known = static_cast<bool>(name) && static_cast<bool>(section);
    if (known && *section != nullptr &&
        symbol.getComplexType() == llvm::COFF::IMAGE_SYM_DTYPE_FUNCTION)
      found[(*section)->VirtualAddress + symbol.getValue()].insert(name->str());
    llvm::consumeError(name.takeError());
    llvm::consumeError(section.takeError());
  }
  return found;
}

TEST(CoffImages, EveryFunctionAsLlvmListsIt) {
  for (const std::string machine : {"i686", "x86_64"}) {
    SCOPED_TRACE(machine);
    const auto functions = functions_of(file_of(machine));
    EXPECT_GE(functions.size(), 8u);
    auto image = image::open_file(file_of(machine), memory::Origin::image);
    ASSERT_TRUE(image) << image.error().message();
    auto source = image_symbols(**image);
    ASSERT_TRUE(source);
    for (const auto& [rva, names] : functions)
      for (std::uint32_t offset : {0u, 1u}) {
        auto symbol = source->lookup(rva + offset);
        ASSERT_TRUE(symbol) << rva;
        EXPECT_TRUE(names.contains(symbol->decorated)) << symbol->decorated;
        EXPECT_EQ(symbol->rva, rva);
        EXPECT_EQ(symbol->source, NameSource::coff);
        EXPECT_FALSE(symbol->far);
      }
  }
}

TEST(CoffImages, NamesForPeople) {
  for (const std::string machine : {"i686", "x86_64"}) {
    auto image = image::open_file(file_of(machine), memory::Origin::image);
    ASSERT_TRUE(image) << image.error().message();
    auto source = image_symbols(**image);
    ASSERT_TRUE(source);
    std::set<std::string> names;
    for (const auto& [rva, decorated] : functions_of(file_of(machine)))
      if (auto symbol = source->lookup(rva)) names.insert(symbol->function);
    EXPECT_EQ(names, (std::set<std::string>{
                         "(anonymous namespace)::Counter::next", "(anonymous namespace)::hidden",
                         "by_fastcall", "by_stdcall", "hidden", "plain", "shop::price", "start"}))
        << machine;
  }
}

} // namespace
} // namespace dumptriage::symbols
