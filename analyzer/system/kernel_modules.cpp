// The modules of a kernel dump: PsLoadedModuleList of dumps with pages, the driver list of triage
// dumps; and what the images in memory tell of themselves.
//
// The loader's entry (KLDR_DATA_TABLE_ENTRY, before XP LDR_DATA_TABLE_ENTRY) begins alike in every
// version: Geoff Chappell's tables for NT 4 to XP, Microsoft's public symbols later.  Its time
// stamp moved, and in between there is none; the image's own header has it.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "image/image.h"
#include "system/kernel_snapshot.h"

namespace dumptriage::system {
namespace {

constexpr std::size_t kMostModules = 16384;

struct EntryFields {
  std::uint64_t base, size, full_name, base_name, checksum;
  std::optional<std::uint64_t> timestamp;
};
EntryFields entry_fields(const KernelView& view) {
  constexpr std::uint32_t kWindows2000 = 2195, kWindows10 = 10240;
  std::uint32_t build = view.dump.kernel->header.build;
  bool narrow = view.pointer_size == 4;
  EntryFields fields = narrow ? EntryFields{0x18, 0x20, 0x24, 0x2C, 0x40, {}}
                              : EntryFields{0x30, 0x40, 0x48, 0x58, 0x78, {}};
  if (build <= kWindows2000 && narrow) fields.timestamp = 0x44;
  if (build >= kWindows10) fields.timestamp = narrow ? 0x58 : 0x9C;
  return fields;
}

std::optional<dump::Module> read_entry(const KernelView& view, const EntryFields& fields,
                                       std::uint64_t entry) {
  auto base = view.pointer(view.cut(entry + fields.base));
  auto size = view.u32(view.cut(entry + fields.size));
  if (!base || !size) return std::nullopt;
  dump::Module module;
  module.base = *base;
  module.size = *size;
  module.checksum = view.u32(view.cut(entry + fields.checksum)).value_or(0);
  if (fields.timestamp)
    module.timestamp = view.u32(view.cut(entry + *fields.timestamp)).value_or(0);
  auto path = view.unicode_string(view.cut(entry + fields.full_name));
  if (!path || path->empty()) path = view.unicode_string(view.cut(entry + fields.base_name));
  module.path = path.value_or("");
  return module;
}

// Where an image is in memory, its own header, debug record and version resource are better than
// the list's copy.  An image whose header does not fit its entry says nothing.
void ask_image(const std::shared_ptr<const memory::AddressSpace>& memory, dump::Module& module) {
  if (module.base == 0 || module.size == 0) return;
  auto image = image::open_memory(memory, module.base);
  if (!image || (*image)->size_of_image == 0) return;
  // The loader rounds the size up to pages.
  constexpr std::uint64_t kPage = 0x1000;
  std::uint64_t size = ((*image)->size_of_image + kPage - 1) / kPage * kPage;
  if (size != (module.size + kPage - 1) / kPage * kPage) return;
  if (module.timestamp == 0) module.timestamp = (*image)->timestamp;
  if (module.timestamp != (*image)->timestamp) return;
  if (module.checksum == 0) module.checksum = (*image)->checksum;
  if (module.debug.kind == dump::DebugId::Kind::none) module.debug = (*image)->debug_id();
  if (!module.version) module.version = (*image)->version();
}

void walk_modules(const KernelView& view, Snapshot& snapshot) {
  std::uint64_t head = view.cut(view.dump.kernel->header.ps_loaded_module_list);
  if (head == 0)
    return add_note(view.notes, Severity::warning, Code::absent,
                    "module list: the header does not say where it is");
  const EntryFields fields = entry_fields(view);
  const ListEntries list = list_entries(view, head, kMostModules, "module list");
  std::size_t unreadable = 0;
  for (std::uint64_t entry : list.entries) {
    auto module = read_entry(view, fields, entry);
    if (!module || !view.is_kernel_address(module->base) || module->base % 0x1000 != 0)
      ++unreadable;
    else
      snapshot.modules.push_back(std::move(*module));
  }
  if (unreadable != 0)
    add_note(view.notes, Severity::warning, Code::absent,
             fmt::format("module list: {} entries cannot be read", unreadable),
             Where::virtual_address(head));
  snapshot.modules_complete = list.complete && unreadable == 0 && !snapshot.modules.empty();
}

} // namespace

void read_modules(const KernelView& view, Snapshot& snapshot) {
  const dump::KernelDump& kernel = *view.dump.kernel;
  snapshot.modules_complete = false;
  if (kernel.triage) {
    snapshot.modules = kernel.triage->drivers;
    snapshot.modules_complete = kernel.triage->drivers_complete;
  } else if (view.dump.physical) {
    walk_modules(view, snapshot);
  }
  for (dump::Module& module : snapshot.modules) ask_image(snapshot.memory, module);
}

} // namespace dumptriage::system
