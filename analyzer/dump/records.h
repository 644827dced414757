// What dumps of all kinds record, in one shape.  Text is safe UTF-8 already; addresses are virtual.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace dumptriage::dump {

// The debug id of an image: which PDB (or ELF file) belongs to it.
struct DebugId {
  enum class Kind { none, rsds, nb10, elf_build_id, embedded };
  Kind kind = Kind::none;
  std::string file;                    // path as recorded by the linker
  std::array<std::uint8_t, 16> guid{}; // rsds, as stored
  std::uint32_t signature = 0;         // nb10: time stamp
  std::uint32_t age = 0;
  std::vector<std::uint8_t> build_id; // elf_build_id
  // The symbol-server key: GUID as 32 upper-case digits + age in hex, or signature (8 digits) +
  // age. For ELF the Breakpad form of the build id + "0".  Empty for none.
  std::string key() const;
  bool operator==(const DebugId&) const = default;
};

// Reads an RSDS, NB10, NB09/NB11 or Breakpad ELF ("LEpB") record.  Kind::none when it is neither.
DebugId read_codeview(ByteView record);

struct FileVersion {
  std::array<std::uint16_t, 4> part{}; // major, minor, build, revision
  std::string to_string() const;       // "5.2.3790.3959"
  auto operator<=>(const FileVersion&) const = default;
};

struct Module {
  std::string path; // as recorded; name() is its last component
  std::uint64_t base = 0;
  std::uint64_t size = 0;      // SizeOfImage
  std::uint32_t timestamp = 0; // PE TimeDateStamp; 0 = not recorded
  std::uint32_t checksum = 0;
  std::optional<FileVersion> version; // as recorded by the dump's writer, not from a file
  DebugId debug;
  std::string dbg_file; // IMAGE_DEBUG_MISC name, when there is one
  std::string_view name() const;
  bool contains(std::uint64_t address) const { return address >= base && address - base < size; }
};

struct UnloadedModule {
  std::string name;
  std::uint64_t base = 0, size = 0;
  std::uint32_t timestamp = 0, checksum = 0;
};

struct ExceptionRecord {
  std::uint32_t code = 0, flags = 0;
  std::uint64_t record = 0; // address of a nested record
  std::uint64_t address = 0;
  std::vector<std::uint64_t> parameters; // at most 15
};

struct Thread {
  std::uint32_t id = 0;
  std::string name;
  std::uint64_t teb = 0;
  std::uint32_t suspend_count = 0, priority_class = 0, priority = 0;
  std::uint64_t stack_start = 0, stack_size = 0; // captured slice, low address first
  ByteView context;                              // raw CONTEXT; empty when missing
  std::uint64_t start_address = 0;               // ThreadInfo stream
  std::uint64_t create_time = 0, exit_time = 0, kernel_time = 0, user_time = 0; // FILETIME units
  std::uint64_t backing_store_start = 0, backing_store_size = 0;                // Itanium RSE
};

} // namespace dumptriage::dump
