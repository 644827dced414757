// Names of NTSTATUS values and exception codes.
// Source: [MS-ERREF]; table: tables/ntstatus.def, made by tools/gen_tables.py.
#pragma once

#include <cstdint>
#include <string_view>

namespace dumptriage::formats {

struct StatusInfo {
  std::uint32_t code = 0;
  std::string_view name;    // "STATUS_ACCESS_VIOLATION"
  std::string_view meaning; // a few words
};

// nullptr when the code is not known.
const StatusInfo* find_ntstatus(std::uint32_t code);
const StatusInfo* find_ntstatus(std::string_view name); // "STATUS_ACCESS_VIOLATION"

} // namespace dumptriage::formats
