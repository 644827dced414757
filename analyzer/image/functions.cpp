// Lookups in the function table, whose entries are sorted by where they begin.  They are read one
// at a time, because an image in memory often has only some pages of its table.
#include "formats/pe.h"
#include "image/function_table.h"

namespace dumptriage::image {
namespace {

using arch::FunctionLookup;

struct Search {
  FunctionLookup kind = FunctionLookup::unknown;
  const TableFormat* format = nullptr;
  TableEntry entry;             // found
  std::uint32_t end_before = 0; // leaf
};

Search search(const Image& image, std::uint32_t rva) {
  Search result;
  result.format = table_format(image.machine);
  if (!result.format || image.directories.size() <= formats::kDirectoryException) return {};
  const Image::Directory table = image.directories[formats::kDirectoryException];
  const std::uint32_t size = result.format->entry_size, count = table.size / size;
  if (table.rva == 0 || count == 0) return {};
  // The first entry that begins beyond rva; some linkers leave zeros at the end of the directory.
  std::uint32_t low = 0, high = count;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    auto begin = result.format->begin(image, table.rva + std::uint64_t{middle} * size);
    if (!begin) return {};
    if (*begin == 0 || *begin > rva)
      high = middle;
    else
      low = middle + 1;
  }
  // Both neighbours of the border were read on the way, so "no entry" is an answer.
  if (low > 0) {
    auto before = result.format->entry(image, table.rva + std::uint64_t{low - 1} * size);
    if (!before) return {};
    if (rva < before->end) {
      result.kind = FunctionLookup::found;
      result.entry = *before;
      return result;
    }
    result.end_before = before->end;
  }
  const Section* section = image.section_at(rva);
  if (section == nullptr || !(section->characteristics & formats::kSectionExecute)) return {};
  result.kind = FunctionLookup::leaf;
  return result;
}

} // namespace

FunctionLookup Image::find_function(std::uint32_t rva, arch::FunctionEntry& entry) const {
  Search result = search(*this, rva);
  if (result.kind != FunctionLookup::found) return result.kind;
  std::optional<TableEntry> resolved = result.entry;
  if (machine == arch::Machine::x64) resolved = resolve_x64(*this, result.entry);
  if (!resolved) return FunctionLookup::unknown;
  entry = {0, resolved->begin, resolved->end, resolved->unwind, origin()};
  return FunctionLookup::found;
}

Image::Extent Image::function_extent(std::uint32_t rva) const {
  Search result = search(*this, rva);
  if (result.kind == FunctionLookup::leaf) return {FunctionLookup::leaf, result.end_before};
  if (result.kind != FunctionLookup::found) return {};
  auto begin = result.format->function(*this, result.entry);
  return begin ? Extent{FunctionLookup::found, *begin} : Extent{};
}

} // namespace dumptriage::image
