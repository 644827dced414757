// image: one PE, from a file or as it lies in memory, in one shape.
// The headers of a file come from LLVM's libObject; our own header reader serves memory images, and
// files that libObject refuses (one bad directory is enough).  Directories (exports, debug,
// exceptions, version resource) are read by rva, by one reader for both. `dump` and `image` do not
// know each other's readers; only dump/records.h is shared.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arch/arch.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "dump/records.h"
#include "memory/address_space.h"

namespace dumptriage::image {

struct Section {
  std::string name;
  std::uint32_t rva = 0, virtual_size = 0, raw_offset = 0, raw_size = 0, characteristics = 0;
};

struct Export {
  std::uint32_t rva = 0;
  std::uint32_t ordinal = 0;
  std::string name;
  std::string forwarder;
};

// One entry of the debug directory as it stands there; `rva` is 0 where the data lies in no
// section.
struct DebugEntry {
  std::uint32_t type = 0; // IMAGE_DEBUG_TYPE_*: formats/pe.h
  std::uint32_t rva = 0, raw_offset = 0, size = 0, timestamp = 0;
};

class Image {
public:
  virtual ~Image() = default;

  arch::Machine machine = arch::Machine::unknown;
  std::uint32_t timestamp = 0, size_of_image = 0, checksum = 0;
  std::uint64_t preferred_base = 0;
  bool pe32_plus = false;
  std::vector<Section> sections;
  // Data directories by IMAGE_DIRECTORY_ENTRY_*: rva and size.
  struct Directory {
    std::uint32_t rva = 0, size = 0;
  };
  std::vector<Directory> directories;
  // max(PointerToRawData + SizeOfRawData): the file size that KB file tables print for stripped
  // builds.
  std::uint64_t raw_size = 0;

  std::uint32_t section_alignment = 0, size_of_headers = 0;
  std::uint16_t characteristics = 0; // IMAGE_FILE_*
  // The COFF symbol table: a file offset (read_raw), and the number of its 18-byte records.
  std::uint32_t symbol_table = 0, symbol_count = 0;

  // Bytes of the image as loaded, without relocations applied; as many as are there.  Of a file:
  // what a section has in memory beyond its raw data is zero, what the file should hold beyond its
  // end is not there.
  virtual std::size_t read_rva(std::uint32_t rva, std::span<std::byte> out) const = 0;
  // Bytes by file offset, for data that no section maps; none for an image in memory.
  virtual std::size_t read_raw(std::uint64_t, std::span<std::byte>) const { return 0; }
  // The address that addresses in the image's own data count from.
  virtual std::uint64_t loaded_at() const { return preferred_base; }
  virtual memory::Origin origin() const = 0;
  virtual std::string where() const = 0; // file path, or "memory"

  // read_rva, then what the loader changes when the image lies at `base` instead of preferred_base.
  std::size_t read_relocated(std::uint32_t rva, std::span<std::byte> out, std::uint64_t base) const;

  // Read on first use, then kept.  Lists are cut at sane limits; what was refused is in `notes`.
  const std::vector<Export>& exports() const; // sorted by rva
  const dump::DebugId& debug_id() const;
  const std::vector<DebugEntry>& debug_entries() const;
  // What an entry points at, at most `most` bytes; what is there when the image ends before.
  std::vector<std::byte> debug_data(const DebugEntry& entry, std::size_t most = SIZE_MAX) const;
  // The .DBG file that a stripped image names (type MISC): "sys\\netbt.dbg"; empty: none.
  std::string dbg_name() const;
  const std::optional<dump::FileVersion>& version() const; // VS_FIXEDFILEINFO
  // The entry of the function table that covers `rva` (image_base is left 0).  `unwind` is what
  // follows the range in it (ARM64, ARM: packed data or an rva); on Alpha, MIPS and PowerPC the rva
  // of the entry itself.  x64: an indirect entry is replaced by the one it names, whose range need
  // not contain `rva`, as the system does.  `leaf` only when the entries on both sides were read
  // and `rva` lies in code.
  arch::FunctionLookup find_function(std::uint32_t rva, arch::FunctionEntry& entry) const;
  // What the function table says about where the code around `rva` begins.
  struct Extent {
    arch::FunctionLookup kind = arch::FunctionLookup::unknown;
    // found: where the function begins, parts chained to a parent resolved to the parent; a part
    // that does not say whose it is (ARM64, ARM) is `unknown`.
    // leaf: the end of the table's entry before `rva` (0: none before): nothing begins earlier.
    std::uint32_t begin = 0;
  };
  Extent function_extent(std::uint32_t rva) const;
  // The section that holds `rva` as loaded; null when none does.
  const Section* section_at(std::uint32_t rva) const;
  const Notes& notes() const { return notes_; }
  Notes& header_notes() { return notes_; } // for the openers of this room

protected:
  // Call once, when `sections` is complete.
  void order_sections();

private:
  std::vector<Export> read_exports() const;
  dump::DebugId read_debug_id() const;
  std::vector<DebugEntry> read_debug_entries() const;
  std::optional<dump::FileVersion> read_version() const;
  // A field that holds an address, or half of one.
  struct Relocation {
    std::uint32_t rva = 0;
    std::uint8_t size = 0, type = 0;
    std::int16_t low = 0; // the other half, for the type that needs it
  };
  const std::vector<Relocation>& relocations() const; // sorted by rva
  std::vector<std::uint32_t> by_rva_;                 // indexes of `sections`
  mutable std::optional<std::vector<Export>> exports_;
  mutable std::optional<dump::DebugId> debug_id_;
  mutable std::optional<std::vector<DebugEntry>> debug_entries_;
  mutable std::optional<std::optional<dump::FileVersion>> version_;
  mutable std::optional<std::vector<Relocation>> relocations_;
  mutable Notes notes_;
};

// A PE file on disk.  Errors: not a PE, truncated headers.
Result<std::unique_ptr<Image>> open_file(const std::string& path, memory::Origin origin);
Result<std::unique_ptr<Image>> open_file(std::shared_ptr<const MappedFile> file,
                                         memory::Origin origin);
// An image at `base` of a captured address space; `absent` when its headers are not captured.
Result<std::unique_ptr<Image>> open_memory(std::shared_ptr<const memory::AddressSpace> memory,
                                           std::uint64_t base);

} // namespace dumptriage::image
