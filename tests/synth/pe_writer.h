// Builds PE images, as a file and as they lie in memory, from constants of the "PE Format"
// specification laid down by offset.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

inline constexpr std::uint32_t kCodeSection = 0x60000020;  // code, execute, read
inline constexpr std::uint32_t kConstSection = 0x40000040; // initialised data, read
inline constexpr std::uint32_t kDataSection = 0xC0000040;  // initialised data, read, write

class PeWriter {
public:
  explicit PeWriter(bool x64 = true)
      : machine(x64 ? 0x8664 : 0x14C), base(x64 ? 0x140000000 : 0x400000), x64_(x64) {}

  std::uint16_t machine;
  std::uint64_t base;
  std::uint32_t timestamp = 0x45D6970F, checksum = 0x1234;
  std::uint32_t size_of_image = 0; // 0: up to the end of the last section
  std::uint32_t section_alignment = 0x1000;
  std::uint32_t symbol_table = 0, symbol_count = 0; // COFF
  Bytes tail; // behind the last section's raw data, mapped by none

  // `virtual_size` 0 means that of the data; raw data is padded to 0x200.
  void section(const std::string& name, std::uint32_t rva, Bytes data,
               std::uint32_t characteristics, std::uint32_t virtual_size = 0);
  void directory(unsigned index, std::uint32_t rva, std::uint32_t size);

  Bytes file() const;
  Bytes memory() const;
  std::size_t tail_offset() const; // of `tail` in the file

  static constexpr std::size_t kElfanew = 0x80;
  static constexpr std::size_t kHeaders = 0x400; // SizeOfHeaders
  std::size_t optional_offset() const { return kElfanew + 0x18; }
  std::size_t section_table_offset() const { return optional_offset() + (x64_ ? 0xF0 : 0xE0); }

private:
  struct Section {
    std::string name;
    std::uint32_t rva, virtual_size, characteristics, raw;
    Bytes data;
  };
  Bytes headers() const;
  bool x64_;
  std::vector<Section> sections_;
  std::array<std::array<std::uint32_t, 2>, 16> directories_{};
};

// Contents of directories, to be put at `rva`.
struct ExportRow {
  std::string name;
  std::uint32_t rva = 0;
  std::string forwarder;
};
Bytes export_directory(std::uint32_t rva, std::uint32_t ordinal_base,
                       const std::vector<ExportRow>& rows);
// One CodeView entry and its RSDS record; the directory itself is the first 28 bytes.
Bytes debug_directory(std::uint32_t rva, const std::array<std::uint8_t, 16>& guid,
                      std::uint32_t age, const std::string& path);
// An entry of the debug directory: type, size, rva, file offset.
Bytes debug_rows(const std::vector<std::array<std::uint32_t, 4>>& rows);
Bytes runtime_functions(const std::vector<std::array<std::uint32_t, 3>>& rows);
Bytes version_resource(std::uint32_t rva, const std::array<std::uint16_t, 4>& version);

} // namespace dumptriage::synth
