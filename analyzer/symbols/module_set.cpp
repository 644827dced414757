#include "symbols/module_set.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "base/text.h"
#include "formats/pe.h"
#include "symbols/imports.h"
#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

constexpr std::size_t kNoModule = SIZE_MAX;

} // namespace

// Everything found out so far about each module, and the dump's memory with image files laid over
// it.
struct ModuleSet::State final : memory::AddressSpace {
  struct Entry {
    Status status;
    bool image_asked = false, memory_asked = false, symbols_asked = false, own_asked = false;
    std::unique_ptr<image::Image> memory_image;
    std::shared_ptr<SymbolSource> exports,
        own; // of the image: names it exports, symbols it carries
  };

  const std::vector<dump::Module>* modules = nullptr;
  std::shared_ptr<const memory::AddressSpace> memory;
  arch::Machine machine = arch::Machine::unknown;
  Store* store = nullptr;
  mutable std::vector<Entry> entries;
  // From `start` to the start of the next slice lies `module`, or none.  Sorted.
  struct Slice {
    std::uint64_t start = 0;
    std::size_t module = kNoModule;
  };
  std::vector<Slice> slices;

  void slice();
  std::size_t module_at(std::uint64_t address) const;
  std::size_t module_named(std::string_view name) const; // "KERNEL32.dll"
  const image::Image* file_of(std::size_t module) const;
  const image::Image* memory_image_of(std::size_t module) const;
  const image::Image* image_of(std::size_t module) const {
    const image::Image* file = file_of(module);
    return file != nullptr ? file : memory_image_of(module);
  }
  SymbolSource* symbols_of(std::size_t module);
  SymbolSource* exports_of(std::size_t module);
  SymbolSource* own_symbols_of(std::size_t module);
  // Those of a symbol file, else those that the image carries.
  SymbolSource* best_of(std::size_t module);

  void settle(std::size_t module, SymbolSource& source, std::uint32_t rva, Symbol& symbol);
  bool judge_by_code(std::size_t module, std::uint32_t rva, Symbol& symbol);
  std::map<std::uint64_t, std::vector<Range>> reached; // by the function's address

  memory::ReadOutcome read(std::uint64_t address, std::span<std::byte> out) const override;
  std::optional<Range> range_around(std::uint64_t address) const override {
    return memory->range_around(address);
  }
  std::size_t fill(std::uint64_t address, std::span<std::byte> out, memory::Origin& origin) const;
};

// Ranges may overlap in a damaged list: the module that begins nearest below an address wins, of
// two that begin together the later one.  Worked out once, so that no list makes a lookup slow.
void ModuleSet::State::slice() {
  std::vector<std::size_t> by_base; // modules with a size
  std::vector<std::uint64_t> borders;
  auto last_of = [this](std::size_t index) {
    const dump::Module& module = (*modules)[index];
    return module.base + std::min(module.size - 1, UINT64_MAX - module.base);
  };
  for (std::size_t i = 0; i < modules->size(); ++i) {
    if ((*modules)[i].size == 0) continue;
    by_base.push_back(i);
    borders.push_back((*modules)[i].base);
    if (last_of(i) != UINT64_MAX) borders.push_back(last_of(i) + 1);
  }
  std::stable_sort(by_base.begin(), by_base.end(), [this](std::size_t a, std::size_t b) {
    return (*modules)[a].base < (*modules)[b].base;
  });
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  // What begins later lies on top, so a module that has ended below another is met when that one
  // is taken off: everything is put on and taken off once.
  std::vector<std::size_t> open;
  auto next = by_base.begin();
  for (std::uint64_t border : borders) {
    for (; next != by_base.end() && (*modules)[*next].base == border; ++next) open.push_back(*next);
    while (!open.empty() && last_of(open.back()) < border) open.pop_back();
    std::size_t owner = open.empty() ? kNoModule : open.back();
    if (slices.empty() || slices.back().module != owner) slices.push_back({border, owner});
  }
}

std::size_t ModuleSet::State::module_at(std::uint64_t address) const {
  auto next = std::upper_bound(slices.begin(), slices.end(), address,
                               [](std::uint64_t at, const Slice& s) { return at < s.start; });
  return next == slices.begin() ? kNoModule : std::prev(next)->module;
}

std::size_t ModuleSet::State::module_named(std::string_view name) const {
  const std::string wanted = lower(name);
  for (std::size_t i = 0; i < modules->size(); ++i)
    if (lower((*modules)[i].name()) == wanted) return i;
  return kNoModule;
}

const image::Image* ModuleSet::State::file_of(std::size_t module) const {
  Entry& entry = entries[module];
  if (!entry.image_asked) {
    entry.image_asked = true;
    entry.status.asked = true;
    if (store != nullptr) entry.status.image = store->find_image((*modules)[module]);
  }
  return entry.status.image.image.get();
}

const image::Image* ModuleSet::State::memory_image_of(std::size_t module) const {
  Entry& entry = entries[module];
  if (!entry.memory_asked) {
    entry.memory_asked = true;
    auto image = image::open_memory(memory, (*modules)[module].base);
    if (image) entry.memory_image = std::move(*image);
    entry.status.image_in_memory = entry.memory_image != nullptr;
  }
  return entry.memory_image.get();
}

SymbolSource* ModuleSet::State::symbols_of(std::size_t module) {
  Entry& entry = entries[module];
  if (!entry.symbols_asked) {
    entry.symbols_asked = true;
    entry.status.asked = true;
    if (store != nullptr)
      entry.status.symbols = store->find_symbols((*modules)[module], image_of(module));
  }
  return entry.status.symbols.source.get();
}

SymbolSource* ModuleSet::State::exports_of(std::size_t module) {
  Entry& entry = entries[module];
  const image::Image* image = image_of(module);
  if (entry.exports == nullptr && image != nullptr) entry.exports = export_source(*image);
  return entry.exports.get();
}

SymbolSource* ModuleSet::State::own_symbols_of(std::size_t module) {
  Entry& entry = entries[module];
  const image::Image* image = image_of(module);
  if (!entry.own_asked && image != nullptr) entry.own = image_symbols(*image);
  entry.own_asked = true;
  return entry.own.get();
}

SymbolSource* ModuleSet::State::best_of(std::size_t module) {
  SymbolSource* source = symbols_of(module);
  return source != nullptr ? source : own_symbols_of(module);
}

// Bytes of an image file for a hole in the dump.  Only what the loader maps read-only can be the
// same in the process as in the file: headers and sections without the write flag.
std::size_t ModuleSet::State::fill(std::uint64_t address, std::span<std::byte> out,
                                   memory::Origin& origin) const {
  std::size_t module = module_at(address);
  if (module == kNoModule) return 0;
  const image::Image* image = file_of(module);
  if (image == nullptr) return 0;
  std::uint64_t rva = address - (*modules)[module].base;
  if (rva > UINT32_MAX) return 0;
  std::uint64_t end = image->size_of_headers;
  if (const image::Section* section = image->section_at(static_cast<std::uint32_t>(rva))) {
    if (section->characteristics & formats::kSectionWrite) return 0;
    std::uint64_t size = section->virtual_size != 0 ? section->virtual_size : section->raw_size;
    end = std::uint64_t{section->rva} + size;
  }
  if (image->directories.size() > formats::kDirectoryImportAddresses) {
    auto imports = image->directories[formats::kDirectoryImportAddresses];
    if (rva >= imports.rva && rva - imports.rva < imports.size) return 0;
    if (rva < imports.rva) end = std::min<std::uint64_t>(end, imports.rva);
  }
  if (rva >= end) return 0;
  out = out.first(std::min<std::uint64_t>(out.size(), end - rva));
  origin = image->origin();
  return image->read_relocated(static_cast<std::uint32_t>(rva), out, (*modules)[module].base);
}

memory::ReadOutcome ModuleSet::State::read(std::uint64_t address, std::span<std::byte> out) const {
  memory::ReadOutcome outcome;
  while (outcome.got < out.size()) {
    std::span<std::byte> rest = out.subspan(outcome.got);
    memory::ReadOutcome part = memory->read(address, rest);
    outcome.got += part.got;
    outcome.origin = std::max(outcome.origin, part.origin);
    outcome.presence = part.presence;
    if (part.got == rest.size() || part.got > UINT64_MAX - address) return outcome;
    address += part.got;
    // The hole ends where the dump's memory goes on: its bytes go before the file's.
    rest = out.subspan(outcome.got);
    std::uint64_t to_page = 0x1000 - (address & 0xFFF);
    memory::Origin origin = memory::Origin::dump;
    std::size_t filled =
        fill(address, rest.first(std::min<std::uint64_t>(rest.size(), to_page)), origin);
    if (filled == 0) return outcome;
    std::byte probe;
    for (std::size_t i = 1; i < filled; ++i)
      if (memory->read(address + i, std::span(&probe, 1)).got == 1) filled = i;
    outcome.got += filled;
    outcome.origin = std::max(outcome.origin, origin);
    outcome.presence = memory::Presence::present;
    if (filled > UINT64_MAX - address) return outcome;
    address += filled;
  }
  return outcome;
}

ModuleSet::ModuleSet(std::vector<dump::Module> modules,
                     std::shared_ptr<const memory::AddressSpace> memory, arch::Machine machine,
                     Store* store)
    : modules_(std::move(modules)), state_(std::make_unique<State>()) {
  State& state = *state_;
  state.modules = &modules_;
  state.memory = std::move(memory);
  state.machine = machine;
  state.store = store;
  state.entries.resize(modules_.size());
  state.slice();
}

ModuleSet::~ModuleSet() = default;

namespace {

// 32-bit x86 has no function table, but the records of its frames tell where functions begin.
bool judge_by_frame_record(SymbolSource& source, std::uint32_t rva, Symbol& symbol) {
  const auto frame = source.frame_data(rva);
  if (!frame || frame->function == 0) return false;
  symbol.far = frame->function != symbol.rva;
  return true;
}

} // namespace

// Last resort: the code itself, from where the symbol stands.
bool ModuleSet::State::judge_by_code(std::size_t module, std::uint32_t rva, Symbol& symbol) {
  constexpr std::size_t kMostKept = 1024;
  const arch::Arch* arch = arch::find(machine);
  if (arch == nullptr || arch->reached_code == nullptr || symbol.far) return false;
  if (rva == symbol.rva) return true;
  const std::uint64_t base = (*modules)[module].base, start = base + symbol.rva;
  if (reached.size() >= kMostKept) reached.clear();
  auto [found, fresh] = reached.try_emplace(start);
  if (fresh) found->second = arch->reached_code(*this, start);
  std::byte probe;
  if (found->second.empty() && read(start, std::span(&probe, 1)).got == 0) return false;
  symbol.far = std::ranges::none_of(found->second, [at = base + rva](const Range& range) {
    return at >= range.start && at < range.end;
  });
  return true;
}

// Whether the function's extent is known.
void ModuleSet::State::settle(std::size_t module, SymbolSource& source, std::uint32_t rva,
                              Symbol& symbol) {
  if (symbol.bounded) return;
  const image::Image* image = image_of(module);
  symbol.bounded = symbol.size != 0 || judge_by_frame_record(source, rva, symbol) ||
                   (image != nullptr && judge_by_function_table(*image, rva, symbol)) ||
                   judge_by_code(module, rva, symbol);
}

std::optional<std::size_t> ModuleSet::module_at(std::uint64_t address) const {
  std::size_t module = state_->module_at(address);
  if (module == kNoModule) return std::nullopt;
  return module;
}

const image::Image* ModuleSet::image_of(std::size_t module) {
  return module < modules_.size() ? state_->image_of(module) : nullptr;
}

std::optional<NamedSymbol> ModuleSet::name(std::uint64_t address) {
  const std::size_t module = state_->module_at(address);
  if (module == kNoModule) return std::nullopt;
  const std::uint64_t rva = address - modules_[module].base;
  if (rva > UINT32_MAX) return std::nullopt;
  const auto rva32 = static_cast<std::uint32_t>(rva);
  const image::Image* image = state_->image_of(module);
  SymbolSource* file = state_->symbols_of(module);
  // The store only gives files that match by id, be it the dump's own or that of the image that
  // matched by time stamp and size.  An image that matched by these only is exact when the dump has
  // no better to compare.
  const bool exact_image =
      image != nullptr &&
      (image->origin() == memory::Origin::dump || modules_[module].debug.key().empty() ||
       image->debug_id().key() == modules_[module].debug.key());
  std::optional<NamedSymbol> best;
  for (SymbolSource* source : {file, state_->own_symbols_of(module), state_->exports_of(module)}) {
    if (source == nullptr) continue;
    auto symbol = source->lookup(rva32);
    if (!symbol) continue;
    state_->settle(module, *source, rva32, *symbol);
    if (best && symbol->far) continue;
    const bool of_file = source == file;
    best = NamedSymbol{std::move(*symbol), source->inlines(rva32),
                       of_file ? state_->entries[module].status.symbols.origin : image->origin(),
                       of_file || exact_image};
    if (!best->symbol.far) break;
  }
  return best;
}

std::shared_ptr<const PdbTypes> ModuleSet::types_of(std::size_t module) {
  if (module >= modules_.size()) return nullptr;
  state_->symbols_of(module);
  const SymbolFind& found = state_->entries[module].status.symbols;
  if (found.result != SearchResult::found || found.origin != memory::Origin::image) return nullptr;
  return {found.source, found.source->types()};
}

arch::FunctionLookup ModuleSet::find(std::uint64_t pc, arch::FunctionEntry& entry) const {
  std::size_t module = state_->module_at(pc);
  if (module == kNoModule) return arch::FunctionLookup::unknown;
  std::uint64_t rva = pc - modules_[module].base;
  const image::Image* image = state_->image_of(module);
  if (image == nullptr || rva > UINT32_MAX) return arch::FunctionLookup::unknown;
  auto result = image->find_function(static_cast<std::uint32_t>(rva), entry);
  entry.image_base = modules_[module].base;
  entry.origin = image->origin();
  return result;
}

std::optional<arch::FrameData> ModuleSet::frame_data(std::uint64_t pc) const {
  std::size_t module = state_->module_at(pc);
  if (module == kNoModule || state_->machine != arch::Machine::x86) return std::nullopt;
  SymbolSource* source = state_->best_of(module);
  std::uint64_t rva = pc - modules_[module].base;
  if (source == nullptr || rva > UINT32_MAX) return std::nullopt;
  auto data = source->frame_data(static_cast<std::uint32_t>(rva));
  if (!data) return std::nullopt;
  data->start += modules_[module].base;
  if (data->function != 0) data->function += modules_[module].base;
  const auto& file = state_->entries[module].status.symbols;
  data->origin = file.source ? file.origin : state_->image_of(module)->origin();
  return data;
}

std::optional<arch::CfiRules> ModuleSet::cfi(std::uint64_t pc) const {
  const std::size_t module = state_->module_at(pc);
  if (module == kNoModule) return std::nullopt;
  SymbolSource* source = state_->symbols_of(module);
  const std::uint64_t rva = pc - modules_[module].base;
  if (source == nullptr || rva > UINT32_MAX) return std::nullopt;
  auto rules = source->cfi(static_cast<std::uint32_t>(rva));
  if (!rules) return std::nullopt;
  rules->start += modules_[module].base;
  rules->origin = state_->entries[module].status.symbols.origin;
  return rules;
}

std::optional<std::uint64_t> ModuleSet::function_start(std::uint64_t pc) const {
  const std::size_t module = state_->module_at(pc);
  if (module == kNoModule) return std::nullopt;
  const std::uint64_t rva = pc - modules_[module].base;
  if (rva > UINT32_MAX) return std::nullopt;
  for (SymbolSource* source : {state_->best_of(module), state_->exports_of(module)})
    if (source != nullptr)
      if (auto symbol = source->lookup(static_cast<std::uint32_t>(rva)); symbol && !symbol->far)
        return modules_[module].base + symbol->rva;
  return std::nullopt;
}

// By the name under which the loader looked it up, in the module of that name; exports that are
// forwarded are followed.
arch::ImportedFunction ModuleSet::imported(std::uint64_t slot) const {
  constexpr int most_forwards = 4;
  const std::size_t module = state_->module_at(slot);
  const std::uint64_t rva = module == kNoModule ? 0 : slot - modules_[module].base;
  if (module == kNoModule || rva > UINT32_MAX) return {};
  arch::ImportedFunction out;
  if (SymbolSource* source = state_->best_of(module))
    if (auto symbol = source->lookup(static_cast<std::uint32_t>(rva));
        symbol && symbol->rva == rva && symbol->decorated.starts_with("__imp_"))
      out.parameters = parameters_in_name(symbol->decorated);
  const image::Image* image = state_->image_of(module);
  auto import =
      image != nullptr ? import_at(*image, static_cast<std::uint32_t>(rva)) : std::nullopt;
  for (int i = 0; i < most_forwards && import; ++i) {
    const std::size_t other = state_->module_named(import->module);
    const image::Image* exporter = other == kNoModule ? nullptr : state_->image_of(other);
    const image::Export* found = exporter != nullptr ? find_export(*exporter, *import) : nullptr;
    if (found == nullptr) break;
    if (found->forwarder.empty()) {
      out.address = modules_[other].base + found->rva;
      break;
    }
    import = import_of_forwarder(found->forwarder);
  }
  return out;
}

std::optional<bool> ModuleSet::is_code(std::uint64_t address) const {
  std::size_t module = state_->module_at(address);
  if (module == kNoModule) return std::nullopt;
  std::uint64_t rva = address - modules_[module].base;
  const image::Image* image = state_->image_of(module);
  if (image == nullptr || image->sections.empty() || rva > UINT32_MAX) return std::nullopt;
  const image::Section* section = image->section_at(static_cast<std::uint32_t>(rva));
  return section != nullptr && (section->characteristics & formats::kSectionExecute);
}

const memory::AddressSpace& ModuleSet::overlay() const { return *state_; }

const ModuleSet::Status& ModuleSet::status(std::size_t module) const {
  return state_->entries.at(module).status;
}

void ModuleSet::search_all() {
  for (std::size_t i = 0; i < modules_.size(); ++i) {
    state_->symbols_of(i);
    state_->file_of(i);
    state_->memory_image_of(i);
  }
}

} // namespace dumptriage::symbols
