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
  std::uint64_t base, size, full_name, base_name;
  std::optional<std::uint64_t> checksum, timestamp;
};
EntryFields entry_fields(const KernelView& view) {
  constexpr std::uint32_t kWindows2000 = 2195, kWindows10 = 10240;
  std::uint32_t build = view.dump.kernel->header.build;
  bool narrow = view.pointer_size == 4;
  EntryFields fields = narrow ? EntryFields{0x18, 0x20, 0x24, 0x2C, 0x40, {}}
                              : EntryFields{0x30, 0x40, 0x48, 0x58, 0x78, {}};
  if (!view.has_published_layouts()) { // images tell both
    fields.checksum.reset();
    return fields;
  }
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
  if (fields.checksum) module.checksum = view.u32(view.cut(entry + *fields.checksum)).value_or(0);
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

bool ends_with(std::string_view path, std::string_view name) {
  auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  return !name.empty() && path.size() >= name.size() &&
         std::ranges::equal(path.substr(path.size() - name.size()), name, same);
}

// The inferred layout against what it must give: images of the entries' sizes at their bases, and
// names that end their paths.  The kernel's two names may differ.
bool prove_entries(const KernelView& view, const EntryFields& fields,
                   const std::vector<std::uint64_t>& entries, Snapshot& snapshot) {
  std::size_t images = 0, others = 0, names = 0, wrong_names = 0;
  for (std::uint64_t entry : entries) {
    const auto module = read_entry(view, fields, entry);
    if (!module) continue;
    if (const auto image = image::open_memory(snapshot.memory, module->base))
      ++((*image)->size_of_image == module->size ? images : others);
    const auto name = view.unicode_string(view.cut(entry + fields.base_name));
    if (name && !module->path.empty()) ++(ends_with(module->path, *name) ? names : wrong_names);
  }
  if (images == 0 || others != 0) {
    add_note(
        view.notes, Severity::warning, Code::unsupported,
        fmt::format("module list: undecided; where this CPU's entries keep their fields is not "
                    "published, and this dump does not prove that it is where others do: {} "
                    "images fit their entries, {} do not",
                    images, others));
    return false;
  }
  if (names > wrong_names) return true;
  for (dump::Module& module : snapshot.modules) module.path.clear();
  add_note(view.notes, Severity::warning, Code::unsupported,
           "module list: the names are undecided; where this CPU's entries keep them is not "
           "published, and this dump does not prove it");
  return true;
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
  if (!view.has_published_layouts() && !snapshot.modules.empty() &&
      !prove_entries(view, fields, list.entries, snapshot))
    snapshot.modules.clear();
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
