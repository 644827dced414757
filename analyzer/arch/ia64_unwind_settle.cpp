// placeholder
#include "arch/ia64.h"
namespace dumptriage::arch {
std::optional<Settled> settle_ia64(const UnwindInput&) { return std::nullopt; }
} // namespace dumptriage::arch
