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

void take_sections(const COFFObjectFile& coff, Image& image) {
  for (const llvm::object::SectionRef& ref : coff.sections()) {
    const llvm::object::coff_section* header = coff.getCOFFSection(ref);
    take_section(*header, image);
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
  take_file_header(*header, image);
  for (std::uint32_t i = 0; i < formats::kDirectoryCount; ++i) {
    const llvm::object::data_directory* directory = object.getDataDirectory(i);
    if (directory == nullptr) break;
    image.directories.push_back({directory->RelativeVirtualAddress, directory->Size});
  }
  take_sections(object, image);
  return true;
}

} // namespace dumptriage::image
