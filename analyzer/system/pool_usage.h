// Who holds how much pool: the system's own accounts by tag (PoolTrackTable), and the tags that a
// session left behind (stop 0xAB).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dumptriage::system {

class KernelView;

struct PoolTagUsage {
  std::string tag, pool; // "paged", "nonpaged"
  std::uint64_t bytes = 0, blocks = 0;
  unsigned share = 0; // per cent of the bytes of that pool
};
struct PoolUsage {
  std::vector<PoolTagUsage> tags; // most bytes first
  bool complete = false;
  std::string from;    // "PoolTrackTable"
  std::string missing; // why nothing, or not all
};
PoolUsage read_pool_usage(const KernelView& view);

} // namespace dumptriage::system
