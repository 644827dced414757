// Is a layout right?  Asked of the dump's own objects, before anything is read by it.
#pragma once

#include <string>
#include <vector>

#include "system/kernel_snapshot.h"

namespace dumptriage::system {

// What was looked at, in words for people: "the thread of each CPU is one, with its stack in
// order".
struct LayoutCheck {
  std::vector<std::string> held, failed; // neither: this dump does not hold what it takes
  bool threads_fail = false, processes_fail = false;
};
LayoutCheck check_layout(const KernelView& view, const KernelView& raw, const RawObjects& objects,
                         const std::vector<Cpu>& cpus);

// Takes out of the layout what the checks do not allow, says so in notes, and fills the snapshot's
// layout_trust and layout_checks.  Inferred offsets need three checks that hold and none that
// fails; published ones must not fail.
void judge_layout(Layout& layout, const LayoutCheck& check, Snapshot& snapshot);

} // namespace dumptriage::system
