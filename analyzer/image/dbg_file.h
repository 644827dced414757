// A .DBG file: what was stripped off an image, and enough of the image's headers to place it.  On
// CPUs that unwind by tables it may be all that is left of them (type EXCEPTION).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "image/image.h"

namespace dumptriage::image {

struct DbgFile {
  arch::Machine machine = arch::Machine::unknown;
  std::uint16_t flags = 0, characteristics = 0;
  std::uint32_t timestamp = 0, size_of_image = 0; // of the image: both must match
  std::uint32_t checksum = 0;                     // of the image, before it was changed again
  std::uint64_t image_base = 0;
  std::uint32_t section_alignment = 0;
  std::vector<Section> sections;
  std::vector<std::string> exported_names;
  struct Entry {
    DebugEntry entry; // raw_offset counts in the .DBG file
    ByteView data;    // as much as is there
  };
  std::vector<Entry> entries;
  Notes notes;
  std::shared_ptr<const MappedFile> file; // keeps the bytes; null when the caller does

  // The data of the first entry of a type (formats/pe.h); empty: none.
  ByteView data_of(std::uint32_t type) const;
};

Result<DbgFile> read_dbg_file(ByteView bytes);
Result<DbgFile> open_dbg_file(const std::string& path);

} // namespace dumptriage::image
