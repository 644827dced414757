#include "system/damage.h"

namespace dumptriage::system {

FreeLists read_free_lists(const KernelView&) {
  FreeLists lists;
  lists.missing = "lists of free memory are not read";
  return lists;
}

IrpState state_of(const KernelView&, const Irp&, const FreeLists&) { return {}; }

} // namespace dumptriage::system
