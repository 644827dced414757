// What kind of driver a file of a well-known name is, and whose.
#pragma once

#include <span>
#include <string_view>

namespace dumptriage::evidence {

struct DriverClass {
  std::string_view file;    // "savrt.sys", lower case
  std::string_view name;    // "antivirus"
  std::string_view company; // "" = Microsoft
};

// By the last part of the path; null for files that no table knows: nothing is guessed by a name.
const DriverClass* find_driver_class(std::string_view path);
std::span<const DriverClass> driver_classes(); // sorted by file

} // namespace dumptriage::evidence
