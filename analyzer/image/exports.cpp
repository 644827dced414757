// The export directory.  NumberOfFunctions and NumberOfNames are bounded by the 16-bit ordinals
// that index them, and the text by a budget, because all names may point at one long string.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "base/text.h"
#include "formats/pe.h"
#include "image/headers.h"

namespace dumptriage::image {
namespace {

using namespace formats;

constexpr std::uint32_t kMostExports = 65536;
constexpr std::size_t kLongestName = 4096; // the longest decorated name MSVC writes
constexpr std::size_t kTextBudget = 16u << 20;

struct ExportReader {
  const Image& image;
  Image::Directory directory;
  ImageExportDirectory header;
  Notes& notes;
  std::vector<std::uint32_t> functions;
  std::vector<Export> out;
  std::size_t text_left = kTextBudget;

  std::string text(std::uint64_t rva) {
    std::string name = c_string_rva(image, rva, std::min(kLongestName, text_left));
    text_left -= name.size();
    return utf8_from_ansi(name);
  }
  std::uint32_t bounded(std::uint32_t count, std::string_view what) {
    if (count <= kMostExports) return count;
    add_note(notes, Severity::warning, Code::limit,
             fmt::format("export directory: {} {} cut to {}", count, what, kMostExports),
             Where::rva(directory.rva));
    return kMostExports;
  }
  void read_functions();
  void read_names();
  void add(std::uint32_t index, std::string name);
};

void ExportReader::read_functions() {
  std::uint32_t count = bounded(header.NumberOfFunctions, "functions");
  for (std::uint32_t i = 0; i < count; ++i) {
    auto rva = get_rva<le32>(image, std::uint64_t{header.AddressOfFunctions} + i * 4ull);
    if (!rva) {
      add_note(notes, Severity::warning, Code::truncated,
               fmt::format("export directory: only {} of {} functions are there", i, count),
               Where::rva(header.AddressOfFunctions));
      break;
    }
    functions.push_back(*rva);
  }
}

void ExportReader::add(std::uint32_t index, std::string name) {
  std::uint32_t rva = functions[index];
  if (rva == 0) return; // a hole in the ordinals
  Export entry{rva, header.Base + index, std::move(name), {}};
  // "PE Format": an address inside the export directory is that of a forwarder string.
  if (rva >= directory.rva && rva - directory.rva < directory.size) entry.forwarder = text(rva);
  out.push_back(std::move(entry));
}

void ExportReader::read_names() {
  std::vector<bool> named(functions.size(), false);
  std::uint32_t count = bounded(header.NumberOfNames, "names");
  for (std::uint32_t i = 0; i < count; ++i) {
    auto rva = get_rva<le32>(image, std::uint64_t{header.AddressOfNames} + i * 4ull);
    auto index = get_rva<le16>(image, std::uint64_t{header.AddressOfNameOrdinals} + i * 2ull);
    if (!rva || !index || text_left == 0) {
      add_note(notes, Severity::warning, rva && index ? Code::limit : Code::truncated,
               fmt::format("export directory: only {} of {} names are there", i, count),
               Where::rva(header.AddressOfNames));
      break;
    }
    if (*index >= functions.size()) continue;
    std::string name = text(*rva);
    if (name.empty()) continue;
    named[*index] = true;
    add(*index, std::move(name));
  }
  for (std::uint32_t i = 0; i < functions.size(); ++i)
    if (!named[i]) add(i, {});
}

} // namespace

std::vector<Export> Image::read_exports() const {
  if (directories.size() <= kDirectoryExport) return {};
  Directory directory = directories[kDirectoryExport];
  if (directory.rva == 0 || directory.size == 0) return {};
  auto header = get_rva<ImageExportDirectory>(*this, directory.rva);
  if (!header) {
    add_note(notes_, Severity::warning, Code::truncated, "export directory: not there",
             Where::rva(directory.rva));
    return {};
  }
  ExportReader reader{*this, directory, *header, notes_, {}, {}};
  reader.read_functions();
  reader.read_names();
  std::stable_sort(reader.out.begin(), reader.out.end(), [](const Export& a, const Export& b) {
    return std::tie(a.rva, a.ordinal, a.name) < std::tie(b.rva, b.ordinal, b.name);
  });
  return std::move(reader.out);
}

const std::vector<Export>& Image::exports() const {
  if (!exports_) exports_ = read_exports();
  return *exports_;
}

} // namespace dumptriage::image
