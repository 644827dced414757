// A PE as a file, and in memory once whole and once with a hole in the middle: headers and every
// directory.
#include <array>

#include "image/image.h"
#include "symbols/imports.h"

using namespace dumptriage;

namespace {

void read_all(const image::Image& image) {
  image.exports();
  image.debug_id();
  image.dbg_name();
  for (const image::DebugEntry& entry : image.debug_entries()) image.debug_data(entry);
  image.version();
  for (std::uint32_t slot = 0x2000; slot < 0x2100; slot += 4) symbols::import_at(image, slot);
  arch::FunctionEntry entry;
  for (std::uint32_t rva = 0; rva < 0x10000; rva += 0x431) {
    image.find_function(rva, entry);
    image.function_extent(rva);
  }
  std::array<std::byte, 64> out;
  for (const image::Section& section : image.sections) {
    image.read_rva(section.rva, out);
    image.read_relocated(section.rva, out, 0x10000);
    image.read_rva(section.rva + section.virtual_size - 32, out);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kBase = 0x10000;
  auto whole = std::make_shared<memory::FlatRanges>();
  whole->add(kBase, ByteView(data, size));
  whole->seal();
  if (auto image = image::open_memory(whole, kBase)) read_all(**image);
  if (auto image = image::open_file(MappedFile::borrow(ByteView(data, size), "input"),
                                    memory::Origin::image))
    read_all(**image);
  auto holed = std::make_shared<memory::FlatRanges>();
  holed->add(kBase, ByteView(data, size / 2));
  holed->add(kBase + size / 2 + 16, ByteView(data, size).clamp(size / 2 + 16, size));
  holed->seal();
  if (auto image = image::open_memory(holed, kBase)) read_all(**image);
  return 0;
}
