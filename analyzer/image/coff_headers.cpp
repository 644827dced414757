// The headers of a PE file through LLVM's libObject.  It refuses a whole image for one bad
// directory, and some old linkers' images; those go to the reader in headers.cpp, which memory
// images need anyway.
#include <algorithm>

#include <llvm/Object/COFF.h>

#include "base/text.h"
#include "formats/pe.h"
#include "image/headers.h"

namespace dumptriage::image {
namespace {

using llvm::object::COFFObjectFile;

template <class Header> void take_optional(const Header& header, Image& image) {
  image.preferred_base = header.ImageBase;
  image.size_of_image = header.SizeOfImage;
  image.checksum = header.CheckSum;
  image.section_alignment = header.SectionAlignment;
  image.size_of_headers = header.SizeOfHeaders;
}

void take_sections(const COFFObjectFile& coff, Image& image) {
  for (const llvm::object::SectionRef& ref : coff.sections()) {
    const llvm::object::coff_section* header = coff.getCOFFSection(ref);
    Section section;
    // The name of the header, not of a string table: images have none.
    section.name = utf8_from_ansi(ByteView(header->Name, sizeof header->Name).c_string(0));
    section.rva = header->VirtualAddress;
    section.virtual_size = header->VirtualSize;
    section.raw_offset = header->PointerToRawData;
    section.raw_size = header->SizeOfRawData;
    section.characteristics = header->Characteristics;
    if (section.raw_size != 0)
      image.raw_size =
          std::max(image.raw_size, std::uint64_t{section.raw_offset} + section.raw_size);
    image.sections.push_back(std::move(section));
  }
}

} // namespace

bool read_headers_by_libobject(ByteView file, Image& image) {
  // Without MZ and a PE signature libObject takes the bytes for an object file.
  auto magic = file.u16(0);
  auto elfanew = file.u32(formats::kElfanewOffset);
  if (!magic || *magic != formats::kDosMagic || !elfanew) return false;
  auto signature = file.u32(*elfanew);
  if (!signature || *signature != formats::kNtSignature) return false;
  llvm::MemoryBufferRef buffer(
      llvm::StringRef(reinterpret_cast<const char*>(file.data()), file.size()), "image");
  auto coff = COFFObjectFile::create(buffer);
  if (!coff) {
    llvm::consumeError(coff.takeError());
    return false;
  }
  const COFFObjectFile& object = **coff;
  const llvm::object::coff_file_header* header = object.getCOFFHeader();
  if (header == nullptr) return false;
  if (const auto* optional = object.getPE32PlusHeader()) {
    image.pe32_plus = true;
    take_optional(*optional, image);
  } else if (const auto* optional = object.getPE32Header()) {
    take_optional(*optional, image);
  } else {
    return false; // an object file, not an image
  }
  image.machine = arch::machine_of_image_file(header->Machine);
  image.timestamp = header->TimeDateStamp;
  for (std::uint32_t i = 0; i < formats::kDirectoryCount; ++i) {
    const llvm::object::data_directory* directory = object.getDataDirectory(i);
    if (directory == nullptr) break;
    image.directories.push_back({directory->RelativeVirtualAddress, directory->Size});
  }
  take_sections(object, image);
  return true;
}

} // namespace dumptriage::image
