// base: the vocabulary every room shares.  Its names live directly in `dumptriage`.
//
// How things fail.  A reader returns Result<T>; nothing throws across a room's wall.  The message
// of an Error reads "what was being read: why (where)", e.g.
//   "ThreadList stream: 4096 entries do not fit in 96 bytes (file offset 0x1A4)".
// Problems that do not end the work are Notes; they travel with the result to the report.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dumptriage {

enum class Code {
  io,          // the operating system refused
  truncated,   // the file ends before the bytes that were promised
  bad_magic,   // not the format it was taken for
  bad_value,   // a field holds what it cannot hold
  overflow,    // offset or size arithmetic leaves 64 bits (or the format's own width)
  unsupported, // understood, but this program does not read it
  absent,      // memory that was not captured in this dump
  unmapped,    // memory with no translation
  paged_out,   // memory that was in the page file
  mismatch,    // two things that must agree do not (ids, names)
  limit,       // a budget was used up
};

enum class Space { none, file, physical, virtual_memory, rva, text };

// A place.  `at` is a byte offset, an address, an rva, or (Space::text) a line with `column`.
struct Where {
  Space space = Space::none;
  std::uint64_t at = 0;
  std::uint32_t column = 0;

  static Where file(std::uint64_t offset) { return {Space::file, offset, 0}; }
  static Where virtual_address(std::uint64_t address) {
    return {Space::virtual_memory, address, 0};
  }
  static Where rva(std::uint64_t rva) { return {Space::rva, rva, 0}; }
  static Where text(std::uint32_t line, std::uint32_t column) {
    return {Space::text, line, column};
  }
  // "file offset 0x1A4", "virtual 0x8A01F3C8", "line 3, column 7"; empty for Space::none.
  std::string to_string() const;
  bool operator==(const Where&) const = default;
};

struct Error {
  Code code = Code::bad_value;
  std::string what; // what was being read
  std::string why;
  Where where;

  // "what: why (where)"
  std::string message() const;
};

template <class T> using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, std::string what, std::string why, Where where = {}) {
  return std::unexpected(Error{code, std::move(what), std::move(why), where});
}

enum class Severity { info, warning, error };

// One remark for the report: what could not be read or what looked odd, and where.
struct Note {
  Severity severity = Severity::warning;
  Code code = Code::bad_value;
  std::string message; // "what: why"
  Where where;
};
using Notes = std::vector<Note>;

Note note_of(const Error& error, Severity severity = Severity::warning);
void add_note(Notes& notes, Severity severity, Code code, std::string message, Where where = {});

std::string_view name_of(Code code);         // "truncated"
std::string_view name_of(Space space);       // "file", "physical", "virtual", "rva", "text", ""
std::string_view name_of(Severity severity); // "info"

} // namespace dumptriage
