#include "image/headers.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

#include "base/text.h"
#include "formats/pe.h"

namespace dumptriage::image {
namespace {

using namespace formats;

// The loader takes NT headers far from the DOS stub, but no linker or packer puts them beyond this.
constexpr std::uint32_t kMostElfanew = 16u << 20;
constexpr std::uint64_t kPage = 0x1000;

struct HeaderReader {
  const HeaderBytes& bytes;
  Code missing;
  Space space;
  const std::string& what;
  Image& image;
  Notes& notes;

  template <class T> std::optional<T> get(std::uint64_t offset) const {
    T value;
    auto out = std::as_writable_bytes(std::span(&value, 1));
    if (bytes(offset, out) != out.size()) return std::nullopt;
    return value;
  }
  std::unexpected<Error> ends(std::string_view part, std::uint64_t at) const {
    return fail(
        missing, what,
        fmt::format("the {} {}", part,
                    missing == Code::absent ? "is not captured" : "does not fit in the file"),
        {space, at, 0});
  }

  Result<void> read();
  template <class Optional> Result<void> read_optional(std::uint64_t at, std::uint32_t size);
  void read_directories(std::uint64_t at, std::uint64_t room, std::uint32_t count);
  void read_sections(std::uint64_t at, std::uint32_t count);
};

Result<void> HeaderReader::read() {
  auto magic = get<le16>(0);
  if (!magic) return ends("DOS header", 0);
  if (*magic != kDosMagic)
    return fail(Code::bad_magic, what, "not a PE image: no MZ", {space, 0, 0});
  auto elfanew = get<le32>(kElfanewOffset);
  if (!elfanew) return ends("DOS header", kElfanewOffset);
  std::uint64_t nt = *elfanew;
  if (nt < 4 || nt > kMostElfanew)
    return fail(Code::bad_value, what, fmt::format("e_lfanew 0x{:X} is out of range", nt),
                {space, kElfanewOffset, 0});
  auto signature = get<le32>(nt);
  if (!signature) return ends("PE signature", nt);
  if (*signature != kNtSignature)
    return fail(Code::bad_magic, what, "not a PE image: no PE signature", {space, nt, 0});
  auto file = get<ImageFileHeader>(nt + 4);
  if (!file) return ends("file header", nt + 4);
  take_file_header(*file, image);

  std::uint64_t optional = nt + 4 + sizeof(ImageFileHeader);
  auto kind = get<le16>(optional);
  if (!kind) return ends("optional header", optional);
  Result<void> read_it;
  if (*kind == kOptionalMagic64) {
    image.pe32_plus = true;
    read_it = read_optional<ImageOptionalHeader64>(optional, file->SizeOfOptionalHeader);
  } else if (*kind == kOptionalMagic32) {
    read_it = read_optional<ImageOptionalHeader32>(optional, file->SizeOfOptionalHeader);
  } else {
    return fail(Code::bad_value, what,
                fmt::format("optional header magic 0x{:X} is neither PE32 nor PE32+",
                            static_cast<std::uint16_t>(*kind)),
                {space, optional, 0});
  }
  if (!read_it) return read_it;
  read_sections(optional + file->SizeOfOptionalHeader, file->NumberOfSections);
  return {};
}

template <class Optional>
Result<void> HeaderReader::read_optional(std::uint64_t at, std::uint32_t size) {
  // The loader does not look at SizeOfOptionalHeader for the fixed part, only for where the section
  // table begins; an image that lies about it loads, so it is read likewise.
  auto header = get<Optional>(at);
  if (!header) return ends("optional header", at);
  take_optional(*header, image);
  std::uint64_t room = size > sizeof(Optional) ? size - sizeof(Optional) : 0;
  read_directories(at + sizeof(Optional), room, header->NumberOfRvaAndSizes);
  return {};
}

void HeaderReader::read_directories(std::uint64_t at, std::uint64_t room, std::uint32_t count) {
  count = std::min<std::uint32_t>(count, kDirectoryCount);
  count =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(count, room / sizeof(ImageDataDirectory)));
  for (std::uint32_t i = 0; i < count; ++i) {
    auto directory = get<ImageDataDirectory>(at + i * sizeof(ImageDataDirectory));
    if (!directory) {
      notes.push_back(note_of(ends("data directories", at).error()));
      return;
    }
    image.directories.push_back({directory->VirtualAddress, directory->Size});
  }
}

void HeaderReader::read_sections(std::uint64_t at, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint64_t place = at + i * sizeof(ImageSectionHeader);
    auto header = get<ImageSectionHeader>(place);
    if (!header) {
      notes.push_back(
          note_of(ends(fmt::format("section table of {} entries after entry {}", count, i), place)
                      .error()));
      break;
    }
    take_section(*header, image);
  }
}

} // namespace

Result<void> read_headers(const HeaderBytes& bytes, Code missing, Space space,
                          const std::string& what, Image& image, Notes& notes) {
  return HeaderReader{bytes, missing, space, what, image, notes}.read();
}

std::string c_string_rva(const Image& image, std::uint64_t rva, std::size_t most) {
  std::string text;
  std::array<std::byte, 128> chunk;
  while (text.size() < most && rva <= UINT32_MAX) {
    std::size_t want = std::min(chunk.size(), most - text.size());
    std::size_t got = image.read_rva(static_cast<std::uint32_t>(rva), std::span(chunk).first(want));
    std::string_view part = ByteView(chunk.data(), got).c_string(0);
    text += part;
    if (part.size() < want) break;
    rva += got;
  }
  return text;
}

std::uint64_t extent_of(const Section& section) {
  std::uint64_t size = section.virtual_size != 0 ? section.virtual_size : section.raw_size;
  return (size + kPage - 1) / kPage * kPage;
}

void Image::order_sections() {
  by_rva_.resize(sections.size());
  std::iota(by_rva_.begin(), by_rva_.end(), 0u);
  std::stable_sort(by_rva_.begin(), by_rva_.end(), [this](std::uint32_t a, std::uint32_t b) {
    return sections[a].rva < sections[b].rva;
  });
}

const Section* Image::section_at(std::uint32_t rva) const {
  auto next = std::upper_bound(
      by_rva_.begin(), by_rva_.end(), rva,
      [this](std::uint32_t at, std::uint32_t index) { return at < sections[index].rva; });
  if (next == by_rva_.begin()) return nullptr;
  const Section& section = sections[*std::prev(next)];
  return rva - section.rva < extent_of(section) ? &section : nullptr;
}

} // namespace dumptriage::image
