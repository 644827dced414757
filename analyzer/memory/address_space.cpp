#include "memory/address_space.h"

namespace dumptriage::memory {

std::string_view name_of(Origin origin) {
  switch (origin) {
  case Origin::dump: return "dump";
  case Origin::image: return "image";
  case Origin::sibling: return "sibling";
  }
  return "dump";
}

std::optional<std::uint64_t> AddressSpace::u64(std::uint64_t address) const {
  le64 wire;
  if (!copy(address, std::as_writable_bytes(std::span(&wire, 1)))) return std::nullopt;
  return static_cast<std::uint64_t>(wire);
}

std::optional<std::uint32_t> AddressSpace::u32(std::uint64_t address) const {
  le32 wire;
  if (!copy(address, std::as_writable_bytes(std::span(&wire, 1)))) return std::nullopt;
  return static_cast<std::uint32_t>(wire);
}

std::optional<std::uint64_t> AddressSpace::pointer(std::uint64_t address, int pointer_size) const {
  if (pointer_size == 8) return u64(address);
  auto value = u32(address);
  if (!value) return std::nullopt;
  return *value;
}

} // namespace dumptriage::memory
