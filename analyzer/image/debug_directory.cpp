// The debug directory: which PDB belongs to the image.
#include <algorithm>

#include "formats/pe.h"
#include "image/headers.h"

namespace dumptriage::image {
namespace {

using namespace formats;

constexpr std::uint32_t kMostEntries = 64;
constexpr std::uint32_t kLongestRecord = 4096; // a GUID, an age and a path

std::vector<std::byte> record_of(const Image& image, const ImageDebugDirectory& entry) {
  std::vector<std::byte> bytes(std::min<std::uint32_t>(entry.SizeOfData, kLongestRecord));
  std::size_t got = 0;
  if (entry.AddressOfRawData != 0) got = image.read_rva(entry.AddressOfRawData, bytes);
  // Old linkers leave the record outside every section, reachable by file offset alone.
  if (got == 0 && entry.PointerToRawData != 0) got = image.read_raw(entry.PointerToRawData, bytes);
  bytes.resize(got);
  return bytes;
}

} // namespace

dump::DebugId Image::read_debug_id() const {
  if (directories.size() <= kDirectoryDebug) return {};
  Directory directory = directories[kDirectoryDebug];
  if (directory.rva == 0) return {};
  std::uint32_t count =
      std::min<std::uint32_t>(directory.size / sizeof(ImageDebugDirectory), kMostEntries);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint64_t at = directory.rva + i * std::uint64_t{sizeof(ImageDebugDirectory)};
    auto entry = get_rva<ImageDebugDirectory>(*this, at);
    if (!entry) {
      add_note(notes_, Severity::warning, Code::truncated, "debug directory: not all there",
               Where::rva(at));
      break;
    }
    if (entry->Type != kDebugTypeCodeView) continue;
    std::vector<std::byte> record = record_of(*this, *entry);
    dump::DebugId id = dump::read_codeview(ByteView(record));
    if (id.kind != dump::DebugId::Kind::none) return id;
  }
  return {};
}

const dump::DebugId& Image::debug_id() const {
  if (!debug_id_) debug_id_ = read_debug_id();
  return *debug_id_;
}

} // namespace dumptriage::image
