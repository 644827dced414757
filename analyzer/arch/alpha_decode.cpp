// Walks on Alpha.
#include "arch/alpha.h"
#include "arch/tables.h"

namespace dumptriage::arch {

std::optional<bool> call_before_alpha(const memory::AddressSpace&, std::uint64_t) {
  return std::nullopt;
}
std::optional<CodeLine> code_line_alpha(std::span<const std::byte>, std::uint64_t) {
  return std::nullopt;
}

} // namespace dumptriage::arch
