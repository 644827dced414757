#include "symbols/omap.h"

#include "symbols/frame_table.h"

namespace dumptriage::symbols {

std::optional<arch::FrameData> through_omap(const FrameTable& frames, const Omap& to_source,
                                            const Omap& from_source, std::uint32_t rva) {
  auto source = to_source.map(rva);
  auto found = source ? frames.find(*source) : std::nullopt;
  if (!found || rva == *source) return found;
  auto start = from_source.map(static_cast<std::uint32_t>(found->start));
  if (!start || rva - *start != *source - found->start) return std::nullopt;
  if (found->function != 0)
    found->function = from_source.map(static_cast<std::uint32_t>(found->function)).value_or(0);
  found->start = *start;
  return found;
}

} // namespace dumptriage::symbols
