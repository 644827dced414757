// Layouts: "PE Format" on learn.microsoft.com, The .idata Section.
#include "symbols/imports.h"

#include <array>
#include <charconv>
#include <vector>

#include "base/bytes.h"
#include "base/wire.h"
#include "formats/pe.h"

namespace dumptriage::symbols {
namespace {

constexpr std::uint32_t kMostModules = 1024, kMostFunctions = 4096;
constexpr std::size_t kMostName = 512;
constexpr std::uint32_t kImportDirectory = 1;
constexpr std::uint64_t kByOrdinal32 = 0x80000000, kByOrdinal64 = 0x8000000000000000;

// IMAGE_IMPORT_DESCRIPTOR
struct Descriptor {
  /*00*/ le32 OriginalFirstThunk;
  /*04*/ le32 TimeDateStamp;
  /*08*/ le32 ForwarderChain;
  /*0C*/ le32 Name;
  /*10*/ le32 FirstThunk;
};
static_assert(sizeof(Descriptor) == 0x14);

template <class T> std::optional<T> read(const image::Image& image, std::uint64_t rva) {
  T value{};
  const auto bytes = std::as_writable_bytes(std::span(&value, 1));
  if (rva > UINT32_MAX || image.read_rva(static_cast<std::uint32_t>(rva), bytes) != sizeof(T))
    return std::nullopt;
  return value;
}

std::string text(const image::Image& image, std::uint64_t rva) {
  std::array<std::byte, kMostName> bytes{};
  if (rva > UINT32_MAX) return {};
  const std::size_t size = image.read_rva(static_cast<std::uint32_t>(rva), bytes);
  std::string out;
  for (std::size_t i = 0; i < size && bytes[i] != std::byte{0}; ++i)
    out += static_cast<char>(bytes[i]);
  return out;
}

// Entry `index` of a table of names; 0 when the table ends before it: what lies behind the end is
// no slot, but a variable beside the import table, and must not get the name of some other entry.
std::uint64_t thunk_at(const image::Image& image, std::uint32_t names, std::uint32_t index,
                       std::uint32_t size) {
  std::vector<std::byte> table((std::size_t{index} + 1) * size);
  if (image.read_rva(names, table) != table.size()) return 0;
  const ByteView view(table.data(), table.size());
  std::uint64_t thunk = 0;
  for (std::uint32_t i = 0; i <= index; ++i) {
    const std::uint64_t at = std::uint64_t{i} * size;
    thunk = size == 8 ? view.u64(at).value_or(0) : view.u32(at).value_or(0);
    if (thunk == 0) break;
  }
  return thunk;
}

} // namespace

std::optional<Import> import_at(const image::Image& image, std::uint32_t slot) {
  if (image.directories.size() <= kImportDirectory) return std::nullopt;
  const auto directory = image.directories[kImportDirectory];
  const std::uint32_t size = image.pe32_plus ? 8 : 4;
  // The table of slots that begins nearest before this one.
  std::optional<Descriptor> best;
  for (std::uint32_t i = 0; directory.rva != 0 && i < kMostModules; ++i) {
    const auto entry =
        read<Descriptor>(image, std::uint64_t{directory.rva} + i * sizeof(Descriptor));
    if (!entry || entry->Name == 0) break;
    if (entry->FirstThunk <= slot && (!best || entry->FirstThunk > best->FirstThunk)) best = entry;
  }
  if (!best || (slot - best->FirstThunk) % size != 0) return std::nullopt;
  const std::uint32_t index = (slot - best->FirstThunk) / size;
  // The slots of an image in memory are filled already: only the other table has the names.
  const std::uint32_t names = best->OriginalFirstThunk;
  if (index >= kMostFunctions || names == 0) return std::nullopt;
  const std::uint64_t thunk = thunk_at(image, names, index, size);
  if (thunk == 0) return std::nullopt;
  Import out;
  out.module = text(image, best->Name);
  if (thunk & (size == 8 ? kByOrdinal64 : kByOrdinal32))
    out.ordinal = thunk & 0xFFFF;
  else
    out.name = text(image, thunk + 2); // behind the hint
  if (out.module.empty() || (out.name.empty() && out.ordinal == 0)) return std::nullopt;
  return out;
}

const image::Export* find_export(const image::Image& image, const Import& import) {
  for (const image::Export& entry : image.exports())
    if (import.name.empty() ? entry.ordinal == import.ordinal : entry.name == import.name)
      return &entry;
  return nullptr;
}

std::optional<Import> import_of_forwarder(std::string_view forwarder) {
  const std::size_t dot = forwarder.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == forwarder.size()) return std::nullopt;
  Import out;
  out.module = std::string(forwarder.substr(0, dot)) + ".dll";
  const std::string_view name = forwarder.substr(dot + 1);
  if (!name.starts_with('#')) {
    out.name = name;
    return out;
  }
  const auto [end, error] =
      std::from_chars(name.data() + 1, name.data() + name.size(), out.ordinal);
  if (error != std::errc() || end != name.data() + name.size() || out.ordinal == 0)
    return std::nullopt;
  return out;
}

std::optional<std::uint32_t> parameters_in_name(std::string_view decorated) {
  constexpr std::uint32_t most = 1024;
  if (decorated.starts_with('?')) return std::nullopt; // C++ names say it otherwise
  const std::size_t at = decorated.rfind('@');
  if (at == std::string_view::npos || at == 0 || decorated[at - 1] == '@') return std::nullopt;
  const std::string_view digits = decorated.substr(at + 1);
  std::uint32_t bytes = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bytes);
  if (error != std::errc() || end != digits.data() + digits.size() || bytes % 4 != 0 ||
      bytes > most)
    return std::nullopt;
  // "@name@8": two of the parameters came in registers.
  const bool fast = decorated.starts_with('@') || decorated.starts_with("__imp_@");
  return fast ? bytes - std::min(bytes, 8u) : bytes;
}

} // namespace dumptriage::symbols
