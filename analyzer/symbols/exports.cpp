// Names from an image's own exports.  An export has no size, and most functions are not exported:
// the nearest export below an address is often another function.  So an export names an address
// only when the function table says that the function around it begins there; without a table the
// code between must not show another function, and a page is the most that is believed.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "formats/pe.h"
#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

class ExportSource final : public SymbolSource {
public:
  explicit ExportSource(const image::Image& image) : image_(image) {
    for (const image::Export& entry : image.exports())
      if (entry.forwarder.empty()) entries_.push_back({code_of(entry.rva), &entry});
    std::ranges::stable_sort(entries_, {}, &Entry::rva); // a pair's code is not in their order
  }

  std::optional<Symbol> lookup(std::uint32_t rva) override {
    auto next = std::ranges::upper_bound(entries_, rva, {}, &Entry::rva);
    if (next == entries_.begin()) return std::nullopt;
    std::uint32_t start = std::prev(next)->rva;
    // Data that is exported before the code it is asked for is no name for it.
    const image::Section* here = image_.section_at(rva);
    if (here == nullptr || here != image_.section_at(start)) return std::nullopt;
    const image::Export& entry = best_at(start);
    Symbol symbol;
    symbol.decorated = entry.name.empty() ? fmt::format("Ordinal{}", entry.ordinal) : entry.name;
    symbol.function = undecorate(symbol.decorated);
    symbol.rva = start;
    symbol.offset = rva - start;
    symbol.source = NameSource::exports;
    symbol.bounded = judge_by_function_table(image_, rva, symbol);
    if (!symbol.bounded)
      symbol.far = symbol.offset >= kFarthestExport || another_begins(start, rva);
    return symbol;
  }

private:
  struct Entry {
    std::uint32_t rva = 0; // of the code, where it is code
    const image::Export* entry = nullptr;
  };

  // On Itanium an exported function is a pair {entry, gp} of addresses among the data (Itanium
  // Software Conventions, "function descriptors").  Its entry is the start of a bundle in code.
  std::uint32_t code_of(std::uint32_t rva) const {
    if (image_.machine != arch::Machine::ia64 || is_code(rva)) return rva;
    std::array<std::byte, 8> bytes;
    if (image_.read_rva(rva, bytes) != bytes.size()) return rva;
    const std::uint64_t entry = *ByteView(bytes.data(), bytes.size()).u64(0);
    for (std::uint64_t base : {image_.loaded_at(), image_.preferred_base})
      if (const std::uint64_t at = entry - base;
          at % 16 == 0 && at < image_.size_of_image && is_code(static_cast<std::uint32_t>(at)))
        return static_cast<std::uint32_t>(at);
    return rva;
  }
  bool is_code(std::uint32_t rva) const {
    const image::Section* section = image_.section_at(rva);
    return section != nullptr && (section->characteristics & formats::kSectionExecute);
  }

  // x86 has no function table; but where a standard prologue (push ebp; mov ebp, esp) stands behind
  // a function's end or its padding, another function begins.
  bool another_begins(std::uint32_t start, std::uint32_t rva) const {
    if (image_.machine != arch::Machine::x86) return false;
    // Hot-patch entries and realigned frames have the function's own prologue further in.
    constexpr std::size_t kOwnPrologue = 0x20;
    std::array<std::byte, kFarthestExport> buffer;
    const std::size_t wanted = std::min<std::size_t>(rva - start + 1, buffer.size());
    const std::size_t got = image_.read_rva(start, std::span(buffer).first(wanted));
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(buffer[i]); };
    for (std::size_t i = kOwnPrologue; i + 3 <= got; ++i) {
      const bool gcc = at(i + 1) == 0x89 && at(i + 2) == 0xE5;
      const bool msvc = at(i + 1) == 0x8B && at(i + 2) == 0xEC;
      if (at(i) != 0x55 || !(gcc || msvc)) continue;
      const bool patched = i >= 3 && at(i - 2) == 0x8B && at(i - 1) == 0xFF; // mov edi, edi
      const std::size_t begin = patched ? i - 2 : i;
      const unsigned before = at(begin - 1);
      const bool ended = before == 0xCC || before == 0x90 || before == 0xC3 ||
                         (begin >= 3 && at(begin - 3) == 0xC2) || (start + begin) % 16 == 0;
      if (ended) return true;
    }
    return false;
  }

  // The first with a name among those at one address (NtX stands before ZwX).
  const image::Export& best_at(std::uint32_t rva) const {
    auto first = std::ranges::lower_bound(entries_, rva, {}, &Entry::rva);
    const image::Export* best = first->entry;
    for (auto it = first; it != entries_.end() && it->rva == rva; ++it) {
      if (it->entry->name.empty()) continue;
      if (best->name.empty() || it->entry->name < best->name) best = it->entry;
    }
    return *best;
  }

  const image::Image& image_;
  std::vector<Entry> entries_; // sorted by rva
};

} // namespace

std::shared_ptr<SymbolSource> export_source(const image::Image& image) {
  return std::make_shared<ExportSource>(image);
}

bool judge_by_function_table(const image::Image& image, std::uint32_t rva, Symbol& symbol) {
  image::Image::Extent extent = image.function_extent(rva);
  switch (extent.kind) {
  case arch::FunctionLookup::found: symbol.far = extent.begin != symbol.rva; return true;
  case arch::FunctionLookup::leaf:
    // Some function of the table ends between the symbol and the address.
    if (extent.begin > symbol.rva) {
      symbol.far = true;
      return true;
    }
    return false;
  case arch::FunctionLookup::unknown: break;
  }
  return false;
}

} // namespace dumptriage::symbols
