// image: one PE, from a file (LLVM libObject) or as it lies in memory, in one shape.
// The directories (exports, debug, exceptions, version resource) are read by rva, so one reader
// serves both.  `dump` and `image` do not know each other's readers; only dump/records.h is shared.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "dump/records.h"
#include "memory/address_space.h"

namespace dumptriage::image {

struct Section { std::string name; std::uint32_t rva = 0, virtual_size = 0, raw_offset = 0, raw_size = 0, characteristics = 0; };

struct Export { std::uint32_t rva = 0; std::uint32_t ordinal = 0; std::string name; std::string forwarder; };

class Image {
public:
  virtual ~Image() = default;

  arch::Machine machine = arch::Machine::unknown;
  std::uint32_t timestamp = 0, size_of_image = 0, checksum = 0;
  std::uint64_t preferred_base = 0;
  bool pe32_plus = false;
  std::vector<Section> sections;
  // Data directories by IMAGE_DIRECTORY_ENTRY_*: rva and size.
  struct Directory { std::uint32_t rva = 0, size = 0; };
  std::vector<Directory> directories;
  // max(PointerToRawData + SizeOfRawData): the file size that KB file tables print for stripped builds.
  std::uint64_t raw_size = 0;

  // Bytes of the image as loaded, without relocations applied; as many as are there.
  virtual std::size_t read_rva(std::uint32_t rva, std::span<std::byte> out) const = 0;
  virtual memory::Origin origin() const = 0;
  virtual std::string where() const = 0; // file path, or "memory"

  // Read on first use, then kept.  Lists are cut at sane limits; what was refused is in `notes`.
  const std::vector<Export>& exports() const; // sorted by rva
  const dump::DebugId& debug_id() const;
  const std::optional<dump::FileVersion>& version() const; // VS_FIXEDFILEINFO
  arch::FunctionLookup find_function(std::uint32_t rva, arch::FunctionEntry& entry) const;
  const Notes& notes() const { return notes_; }

private:
  mutable std::optional<std::vector<Export>> exports_;
  mutable std::optional<dump::DebugId> debug_id_;
  mutable std::optional<std::optional<dump::FileVersion>> version_;
  mutable Notes notes_;
};

// A PE file on disk.  Errors: not a PE, truncated headers.
Result<std::unique_ptr<Image>> open_file(const std::string& path, memory::Origin origin);
// An image at `base` of a captured address space; `absent` when its headers are not captured.
Result<std::unique_ptr<Image>> open_memory(std::shared_ptr<const memory::AddressSpace> memory,
                                           std::uint64_t base);

} // namespace dumptriage::image
