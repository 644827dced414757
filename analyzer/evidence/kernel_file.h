// Which kernel was loaded, and what its name proves.  Setup copies the multiprocessor kernel under
// the name ntoskrnl.exe, so the name of the loaded file alone proves little; the linker's name for
// its symbols (ntkrnlmp.pdb) does.
#pragma once

#include <optional>
#include <string>

#include "evidence/evidence.h"

namespace dumptriage::evidence {

struct KernelFile {
  std::size_t module = 0; // index in Snapshot::modules
  std::string name;       // "ntkrpamp.exe": as it was built, where that is proved, else as loaded
  std::optional<bool> multiprocessor, pae; // only as far as the name it was built under says
};
// Nothing in a dump of a program, or without a kernel in the list.
std::optional<KernelFile> find_kernel_file(const Input& input);

} // namespace dumptriage::evidence
