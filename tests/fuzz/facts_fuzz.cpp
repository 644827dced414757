// Frozen facts of a stranger: they thaw or give an error with a byte, and what thaws freezes to a
// text that thaws to the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "evidence/freeze.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dumptriage;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto thawed = evidence::thaw("fuzz", text);
  if (!thawed) {
    if (thawed.error().why.empty() || thawed.error().where.at > size) std::abort();
    return 0;
  }
  const std::string once = evidence::freeze(*thawed);
  const auto again = evidence::thaw("again", once);
  if (!again || evidence::freeze(*again) != once) std::abort();
  return 0;
}
