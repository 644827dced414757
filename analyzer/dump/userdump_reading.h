// What the parts of the user dump reader share.  Internal to it.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "dump/userdump.h"
#include "formats/userdump.h"

namespace dumptriage::dump::userdump {

// Both headers in one shape.
struct Header {
  bool is64 = false;
  std::uint32_t major = 0, minor = 0, machine = 0;
  std::uint64_t threads = 0, modules = 0, regions = 0; // counts
  std::uint64_t thread_offset = 0, module_offset = 0, data_offset = 0, region_offset = 0;
  std::uint64_t event_offset = 0, thread_state_offset = 0, version_offset = 0;

  // Where the next table behind `offset` begins, or the end of the file.
  std::uint64_t next_table(std::uint64_t offset, std::uint64_t file_size) const;
};
std::optional<Header> read_header(ByteView file);

struct Reading {
  ByteView file;
  Header header;
  Notes& notes;
  Minidump& dump;
  arch::Machine machine = arch::Machine::unknown;
  bool complete = true;

  void note(Severity severity, Code code, std::string message, std::uint64_t offset) {
    add_note(notes, severity, code, "user dump, " + std::move(message), Where::file(offset));
  }
  void lost(Code code, std::string message, std::uint64_t offset) {
    complete = false;
    note(Severity::warning, code, std::move(message), offset);
  }
  // How many entries of `stride` bytes at `offset` are read: what is listed, what the file holds,
  // and `most` at the utmost.  Less than listed is noted.
  std::uint64_t entries(std::string_view what, std::uint64_t listed, std::uint64_t offset,
                        std::uint64_t stride, std::uint64_t most);
};

// userdump_threads.cpp
void read_threads(Reading&);
void read_debug_event(Reading&);
// userdump_modules.cpp
void read_modules(Reading&);
// Time stamp and check sum, which the list does not record, from the images' headers in memory.
void complete_modules(Reading&, const memory::AddressSpace& memory);
// userdump_memory.cpp.  After read_modules: images' first bytes may decide where memory lies.
std::shared_ptr<const memory::FlatRanges> read_memory(Reading&);

} // namespace dumptriage::dump::userdump
