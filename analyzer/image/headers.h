// The headers of a PE, read through a callback so that one reader serves files (by file offset) and
// memory (by rva); both start at the DOS header.
#pragma once

#include <algorithm>
#include <functional>
#include <span>

#include "base/text.h"
#include "image/image.h"

namespace dumptriage::image {

// Fills `out` from `offset` as far as it can, and says how far.
using HeaderBytes = std::function<std::size_t(std::uint64_t offset, std::span<std::byte> out)>;

// Fills the public fields of `image`.  A section table that is cut short keeps what is there and
// adds a note.  `missing` is the code for bytes that are not there: truncated (file) or absent
// (memory).
Result<void> read_headers(const HeaderBytes& bytes, Code missing, Space space,
                          const std::string& what, Image& image, Notes& notes);

// The same fields from LLVM's libObject; false, with `image` untouched, when it refuses the file.
bool read_headers_by_libobject(ByteView file, Image& image);

// From a header in our layout or in libObject's; both use the published field names.
template <class Header> void take_file_header(const Header& header, Image& image) {
  image.machine = arch::machine_of_image_file(header.Machine);
  image.timestamp = header.TimeDateStamp;
  image.characteristics = header.Characteristics;
  image.symbol_table = header.PointerToSymbolTable;
  image.symbol_count = header.NumberOfSymbols;
}
template <class Header> void take_optional(const Header& header, Image& image) {
  image.preferred_base = header.ImageBase;
  image.size_of_image = header.SizeOfImage;
  image.checksum = header.CheckSum;
  image.section_alignment = header.SectionAlignment;
  image.size_of_headers = header.SizeOfHeaders;
}
template <class Header> void take_section(const Header& header, Image& image) {
  Section section;
  // The name in the header itself: images have no string table.
  section.name = utf8_from_ansi(ByteView(header.Name, sizeof header.Name).c_string(0));
  section.rva = header.VirtualAddress;
  section.virtual_size = header.VirtualSize;
  section.raw_offset = header.PointerToRawData;
  section.raw_size = header.SizeOfRawData;
  section.characteristics = header.Characteristics;
  if (section.raw_size != 0)
    image.raw_size = std::max(image.raw_size, std::uint64_t{section.raw_offset} + section.raw_size);
  image.sections.push_back(std::move(section));
}

// A struct at an rva; nothing when a byte of it is not there.
template <class T> std::optional<T> get_rva(const Image& image, std::uint64_t rva) {
  T value;
  if (rva > UINT32_MAX) return std::nullopt;
  auto out = std::as_writable_bytes(std::span(&value, 1));
  if (image.read_rva(static_cast<std::uint32_t>(rva), out) != out.size()) return std::nullopt;
  return value;
}
// Characters up to a NUL, at most `most`; what is there when the image ends before.
std::string c_string_rva(const Image& image, std::uint64_t rva, std::size_t most);

// What a section takes in memory: VirtualSize (or the raw size when that is 0) in whole pages.
std::uint64_t extent_of(const Section& section);

} // namespace dumptriage::image
