#include "evidence/kernel_file.h"

#include <algorithm>

#include "base/text.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

// The names a kernel is built under (Windows NT 4 to 11), and what they say.
struct Row {
  std::string_view stem;
  bool multiprocessor, pae;
};
constexpr Row kKernels[] = {{"ntoskrnl", false, false},
                            {"ntkrnlmp", true, false},
                            {"ntkrnlpa", false, true},
                            {"ntkrpamp", true, true}};

const Row* row_of(std::string_view stem) {
  const auto* row = std::ranges::find(kKernels, stem, &Row::stem);
  return row == std::end(kKernels) ? nullptr : row;
}

// The file of symbols that the linker named, from the dump or from the exact image.
std::string symbols_of(const Input& input, std::size_t module) {
  const dump::Module& row = input.snapshot.modules[module];
  if (!row.debug.file.empty()) return lower(stem(row.debug.file));
  if (!row.dbg_file.empty()) return lower(stem(row.dbg_file));
  if (module >= input.modules.modules().size() || !input.modules.status(module).asked) return {};
  const image::Image* image = input.modules.image_of(module);
  if (!image || image->origin() == memory::Origin::sibling) return {};
  const std::string& pdb = image->debug_id().file;
  return lower(stem(pdb.empty() ? image->dbg_name() : pdb));
}

} // namespace

std::optional<KernelFile> find_kernel_file(const Input& input) {
  if (!input.snapshot.kernel) return std::nullopt;
  const auto& modules = input.snapshot.modules;
  const auto kernel = std::ranges::find_if(
      modules, [](const dump::Module& module) { return row_of(lower(stem(module.path))); });
  if (kernel == modules.end()) return std::nullopt;
  KernelFile file;
  file.module = static_cast<std::size_t>(kernel - modules.begin());
  file.name = module_name(*kernel);
  const std::string loaded = lower(stem(kernel->path));
  const Row* row = row_of(symbols_of(input, file.module));
  // Under a name of its own a kernel is not renamed.
  if (!row && loaded != "ntoskrnl") row = row_of(loaded);
  if (!row) return file;
  file.name = std::string(row->stem) + ".exe";
  file.multiprocessor = row->multiprocessor;
  file.pae = row->pae;
  return file;
}

} // namespace dumptriage::evidence
