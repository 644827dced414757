// Code addresses in words, and where they lie.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "evidence/evidence.h"

namespace dumptriage::evidence {

// Lower-case base name: "netbt.sys".
std::string module_name(const dump::Module& module);

struct Place {
  std::size_t module = 0; // index in Snapshot::modules
  std::string name;       // module_name
  std::uint64_t rva = 0;
};
std::optional<Place> place_of(const Input& input, std::uint64_t address);

// The unloaded module that once held `address`; null when none did.
const dump::UnloadedModule* unloaded_at(const Input& input, std::uint64_t address);

// "netbt.sys+0x1234 (NbtFoo+0x1c)", "unloaded foo.sys+0x12", or "" when nothing is known.
std::string describe_code(const Input& input, std::uint64_t address);

// "0xFFFFF80001000000", at the width of the dump's machine.
std::string address_text(const Input& input, std::uint64_t address);
// "0x1c": offsets, small numbers.
std::string offset_text(std::uint64_t offset);

// An address cut to the width of the machine; dumps of 32-bit machines may carry it sign-extended.
std::uint64_t native(const Input& input, std::uint64_t address);

} // namespace dumptriage::evidence
