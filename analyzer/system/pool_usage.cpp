#include "system/pool_usage.h"

namespace dumptriage::system {

PoolUsage read_pool_usage(const KernelView&) {
  PoolUsage usage;
  usage.missing = "the pool's accounts are not read";
  return usage;
}

} // namespace dumptriage::system
