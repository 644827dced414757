// Walks on Itanium.
#include "arch/ia64.h"
#include "arch/tables.h"

namespace dumptriage::arch {

std::optional<bool> call_before_ia64(const memory::AddressSpace&, std::uint64_t) {
  return std::nullopt;
}
std::optional<CodeLine> code_line_ia64(std::span<const std::byte>, std::uint64_t) {
  return std::nullopt;
}

} // namespace dumptriage::arch
