// What the stream readers of a minidump share: the file, where results go, and checked access to
// lists and strings.  Internal to the minidump reader; one minidump_*.cpp per group of streams.
#pragma once

#include <cstring>
#include <optional>
#include <string>

#include "arch/arch.h"
#include "base/bytes.h"
#include "base/error.h"
#include "dump/minidump.h"
#include "formats/mdmp.h"
#include "memory/address_space.h"

namespace dumptriage::dump::mdmp {

struct Stream {
  std::string_view name;    // "ThreadList"
  std::uint64_t offset = 0; // in the file
  std::uint64_t size = 0;   // as the directory says
  ByteView bytes;           // as much of it as the file holds
};

// A list of `count` entries that do lie in `bytes`.
struct List {
  ByteView bytes;           // the entries
  std::uint64_t offset = 0; // of the first entry in the file
  std::uint64_t stride = 0;
  std::uint64_t count = 0;
  template <class T> std::optional<T> entry(std::uint64_t index) const {
    return bytes.get<T>(index * stride);
  }
  std::uint64_t offset_of(std::uint64_t index) const { return offset + index * stride; }
};

// Troubles of one kind in one list: one note for all of them.
struct Tally {
  std::uint64_t count = 0, first = 0;
  void add(std::uint64_t file_offset) {
    if (count++ == 0) first = file_offset;
  }
};

struct Reading {
  ByteView file;
  Notes& notes;
  Minidump& dump;
  memory::FlatRanges& memory;
  arch::Machine machine = arch::Machine::unknown;
  bool complete = true;
  // All text of one dump together: a hostile list of entries that share one long name must not
  // multiply it.
  std::uint64_t text_left = 8U << 20;

  void note(Code code, const Stream& stream, std::string why, std::uint64_t file_offset);
  void note(const Tally& tally, Code code, const Stream& stream, std::string_view what);
  // The bytes at an RVA; nothing when they do not lie wholly in the file.
  std::optional<ByteView> at(std::uint64_t rva, std::uint64_t size) const;
  std::optional<ByteView> at(const formats::MINIDUMP_LOCATION_DESCRIPTOR& location) const {
    return at(location.Rva, location.DataSize);
  }
  // A MINIDUMP_STRING; nothing when it does not lie in the file.  rva 0 is the empty string.
  std::optional<std::string> string(std::uint64_t rva);
  std::string take_text(std::string text);
  // 64-bit fields of 32-bit dumps are sign-extended by some writers.
  std::uint64_t narrow(std::uint64_t address) const;

  // Entries behind a header of `header` bytes.  A count that the stream cannot hold, or above
  // `most`, is cut, with a note.
  List list(const Stream& stream, std::uint64_t header, std::uint64_t stride, std::uint64_t count,
            std::uint64_t most);
  // A list that says the size of its header and entries itself; nothing (and a note) when these are
  // smaller than the published ones.
  std::optional<List> sized_list(const Stream& stream, std::uint64_t header,
                                 std::uint64_t least_header, std::uint64_t stride,
                                 std::uint64_t least_stride, std::uint64_t count,
                                 std::uint64_t most);
  // A u32 count and its entries, with or without four bytes of padding between.
  std::optional<List> counted_list(const Stream& stream, std::uint64_t stride, std::uint64_t most);
};

// Where the entries of a counted list start: 8 when only padding explains the stream's size.
inline std::uint64_t counted_list_start(std::uint64_t size, std::uint64_t count,
                                        std::uint64_t stride) {
  return size == 8 + count * stride ? 8 : 4; // count < 2^32: no overflow
}

// A struct of which the file holds only the head; the rest is zero.
template <class T> T padded(ByteView bytes) {
  T value{};
  std::memcpy(static_cast<void*>(&value), bytes.data(),
              std::min<std::size_t>(bytes.size(), sizeof(T)));
  return value;
}

std::string utf16_text(ByteView bytes, std::uint64_t most_units = 32768); // to the first NUL

// minidump_system.cpp
void read_system_info(Reading&, const Stream&);
void read_misc_info(Reading&, const Stream&);
void read_exception(Reading&, const Stream&);
void read_comment_a(Reading&, const Stream&);
void read_comment_w(Reading&, const Stream&);
// minidump_lists.cpp
void read_threads(Reading&, const Stream&);
void read_threads_ex(Reading&, const Stream&);
void read_modules(Reading&, const Stream&);
void read_unloaded_modules(Reading&, const Stream&);
void read_thread_infos(Reading&, const Stream&);
void read_thread_names(Reading&, const Stream&);
// minidump_memory.cpp
void read_memory_list(Reading&, const Stream&);
void read_memory64_list(Reading&, const Stream&);
void read_memory_infos(Reading&, const Stream&);
// Stacks of a thread list (entries of `stride` bytes) that the memory lists do not hold.
void add_stacks(Reading&, const Stream&, std::uint64_t stride);
// minidump_extras.cpp
void read_handles(Reading&, const Stream&);
void read_function_tables(Reading&, const Stream&);
void read_breakpad_info(Reading&, const Stream&);
void read_assertion(Reading&, const Stream&);
void read_linux_text(Reading&, const Stream&);
// minidump_crashpad.cpp
void read_crashpad_info(Reading&, const Stream&);

} // namespace dumptriage::dump::mdmp
