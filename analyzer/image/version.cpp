// VS_FIXEDFILEINFO of the version resource.  The resource tree has three levels (type, name,
// language); the first name and the first language are taken, as the system's version API does for
// a neutral request.
#include <algorithm>

#include "formats/pe.h"
#include "image/headers.h"

namespace dumptriage::image {
namespace {

using namespace formats;

constexpr std::uint32_t kMostEntries = 4096;
constexpr std::uint32_t kHighBit = 0x80000000;
constexpr std::uint64_t kFixedInfoSearch =
    128; // VS_VERSIONINFO: header, key and padding are 40 bytes

struct Tree {
  const Image& image;
  std::uint64_t root;

  // The child directory or data entry of the first entry that `wanted` takes.
  template <class Wanted>
  std::optional<std::uint32_t> child(std::uint32_t offset, Wanted wanted) const {
    std::uint64_t at = root + offset;
    auto header = get_rva<ImageResourceDirectory>(image, at);
    if (!header) return std::nullopt;
    std::uint32_t count = std::min<std::uint32_t>(
        std::uint32_t{header->NumberOfNamedEntries} + header->NumberOfIdEntries, kMostEntries);
    for (std::uint32_t i = 0; i < count; ++i) {
      auto entry = get_rva<ImageResourceDirectoryEntry>(
          image, at + sizeof(ImageResourceDirectory) + i * sizeof(ImageResourceDirectoryEntry));
      if (!entry) return std::nullopt;
      if (wanted(std::uint32_t{entry->Name})) return std::uint32_t{entry->OffsetToData};
    }
    return std::nullopt;
  }
};

std::optional<dump::FileVersion> fixed_info(const Image& image, std::uint32_t rva,
                                            std::uint32_t size) {
  // wLength, wValueLength, wType, the key "VS_VERSION_INFO", padding to 4, then the structure; it
  // is found by its signature because old resource compilers pad differently.
  std::uint64_t end = std::min<std::uint64_t>(size, kFixedInfoSearch);
  for (std::uint64_t at = 0; at + sizeof(VsFixedFileInfo) <= end; at += 4) {
    auto signature = get_rva<le32>(image, rva + at);
    if (!signature) return std::nullopt;
    if (*signature != kFixedFileInfoSignature) continue;
    auto info = get_rva<VsFixedFileInfo>(image, rva + at);
    if (!info) return std::nullopt;
    std::uint32_t high = info->dwFileVersionMS, low = info->dwFileVersionLS;
    return dump::FileVersion{
        {static_cast<std::uint16_t>(high >> 16), static_cast<std::uint16_t>(high),
         static_cast<std::uint16_t>(low >> 16), static_cast<std::uint16_t>(low)}};
  }
  return std::nullopt;
}

} // namespace

std::optional<dump::FileVersion> Image::read_version() const {
  if (directories.size() <= kDirectoryResource || directories[kDirectoryResource].rva == 0)
    return std::nullopt;
  Tree tree{*this, directories[kDirectoryResource].rva};
  auto any = [](std::uint32_t) { return true; };
  auto type = tree.child(0, [](std::uint32_t name) { return name == kResourceVersion; });
  if (!type || !(*type & kHighBit)) return std::nullopt;
  auto name = tree.child(*type & ~kHighBit, any);
  if (!name) return std::nullopt;
  auto leaf = name;
  if (*name & kHighBit) leaf = tree.child(*name & ~kHighBit, any);
  if (!leaf || (*leaf & kHighBit)) return std::nullopt;
  auto data = get_rva<ImageResourceDataEntry>(*this, tree.root + *leaf);
  if (!data) return std::nullopt;
  return fixed_info(*this, data->OffsetToData, data->Size);
}

const std::optional<dump::FileVersion>& Image::version() const {
  if (!version_) version_ = read_version();
  return *version_;
}

} // namespace dumptriage::image
