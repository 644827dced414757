// Text from a dump becomes safe UTF-8 once, here: valid, without control characters (each replaced
// by U+FFFD), so that no renderer has to think about it again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace dumptriage {

// UTF-16LE bytes (an odd last byte is dropped); unpaired surrogates become U+FFFD.
// Stops at `most_units` code units.
std::string utf8_from_utf16(ByteView bytes, std::uint64_t most_units = 32768);
// Bytes that are valid UTF-8 stay; otherwise they are read as Windows-1252.
std::string utf8_from_ansi(std::string_view bytes, std::size_t most = 32768);

std::string lower(std::string_view text);                    // ASCII only
bool equals_no_case(std::string_view a, std::string_view b); // ASCII only
// The last component of a Windows or POSIX path.
std::string_view base_name(std::string_view path);
// base_name without its extension: "netbt" of "\\SystemRoot\\drivers\\netbt.sys".
std::string_view stem(std::string_view path);

// '*' stands for any run of characters; everything else for itself, with case.
bool glob_match(std::string_view pattern, std::string_view text);

// "0x" and upper-case digits, padded to `digits`.
std::string hex(std::uint64_t value, int digits = 0);
// An address at the native width of the machine (pointer_size 4 or 8): 0x00401000.
std::string hex_address(std::uint64_t value, int pointer_size);

// ISO 8601, UTC: "2009-03-01T12:00:00Z".  Empty for 0 and for times no calendar holds.
std::string iso_time_from_unix(std::uint64_t seconds);
std::string iso_time_from_filetime(std::uint64_t hundred_ns_since_1601);

} // namespace dumptriage
