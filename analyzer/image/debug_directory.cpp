// The debug directory: what the image carries or names for a debugger, and the PDB among it.
// Source: "PE Format", Debug Directory; IMAGE_DEBUG_MISC of winnt.h.
#include <algorithm>

#include "base/text.h"
#include "formats/codeview.h"
#include "formats/pe.h"
#include "image/headers.h"

namespace dumptriage::image {
namespace {

using namespace formats;

constexpr std::uint32_t kMostEntries = 64;
constexpr std::uint32_t kLongestRecord = 4096; // a GUID, an age and a path
constexpr std::size_t kMostData = 64u << 20;   // symbols of a checked kernel are a few MiB
constexpr std::size_t kPiece = 1u << 16;       // what is read at once of data whose size may lie

// Matt Pietrek, "Peering Inside the PE": Borland's linker counts entries where others count bytes.
std::uint32_t entries_of(std::uint32_t size) {
  const std::uint32_t count =
      size < sizeof(ImageDebugDirectory) ? size : size / sizeof(ImageDebugDirectory);
  return std::min(count, kMostEntries);
}

std::string misc_name(ByteView record) {
  auto header = record.get<IMAGE_DEBUG_MISC>(0);
  if (!header || header->DataType != kImageDebugMiscExeName) return {};
  // Length counts the header too; where it lies the entry's own size has cut the record.
  const std::uint64_t length = std::min<std::uint64_t>(header->Length, record.size());
  if (length <= sizeof(IMAGE_DEBUG_MISC)) return {};
  const ByteView name = record.clamp(sizeof(IMAGE_DEBUG_MISC), length - sizeof(IMAGE_DEBUG_MISC));
  if (!header->Unicode) return utf8_from_ansi(name.c_string(0));
  std::uint64_t units = 0;
  while (name.u16(2 * units).value_or(0) != 0) ++units;
  return utf8_from_utf16(name, units);
}

} // namespace

std::vector<std::byte> Image::debug_data(const DebugEntry& entry, std::size_t most) const {
  // Old linkers leave the data outside every section, reachable by file offset alone.
  for (const bool by_rva : {true, false}) {
    const std::uint64_t start = by_rva ? entry.rva : entry.raw_offset;
    if (start == 0) continue;
    std::uint64_t size = std::min<std::uint64_t>({entry.size, most, kMostData});
    // What a section has beyond its raw data is zeros, as many as its header likes.
    if (const Section* section = by_rva ? section_at(entry.rva) : nullptr)
      size = std::min<std::uint64_t>(
          size, section->raw_size - std::min(section->raw_size, entry.rva - section->rva));
    std::vector<std::byte> bytes;
    while (bytes.size() < size) {
      const std::size_t before = bytes.size(), step = std::min<std::size_t>(kPiece, size - before);
      const std::uint64_t at = start + before;
      bytes.resize(before + step);
      const auto out = std::span(bytes).subspan(before);
      std::size_t got = 0;
      if (!by_rva) got = read_raw(at, out);
      if (by_rva && at <= UINT32_MAX) got = read_rva(static_cast<std::uint32_t>(at), out);
      bytes.resize(before + got);
      if (got < step) break;
    }
    if (!bytes.empty()) return bytes;
  }
  return {};
}

std::vector<DebugEntry> Image::read_debug_entries() const {
  if (directories.size() <= kDirectoryDebug) return {};
  const Directory directory = directories[kDirectoryDebug];
  if (directory.rva == 0) return {};
  std::vector<DebugEntry> entries;
  for (std::uint32_t i = 0, count = entries_of(directory.size); i < count; ++i) {
    const std::uint64_t at = directory.rva + i * std::uint64_t{sizeof(ImageDebugDirectory)};
    auto entry = get_rva<ImageDebugDirectory>(*this, at);
    if (!entry) {
      add_note(notes_, Severity::warning, Code::truncated, "debug directory: not all there",
               Where::rva(at));
      break;
    }
    entries.push_back({entry->Type, entry->AddressOfRawData, entry->PointerToRawData,
                       entry->SizeOfData, entry->TimeDateStamp});
  }
  return entries;
}

const std::vector<DebugEntry>& Image::debug_entries() const {
  if (!debug_entries_) debug_entries_ = read_debug_entries();
  return *debug_entries_;
}

dump::DebugId Image::read_debug_id() const {
  for (const DebugEntry& entry : debug_entries()) {
    if (entry.type != kDebugTypeCodeView) continue;
    const std::vector<std::byte> record = debug_data(entry, kLongestRecord);
    dump::DebugId id = dump::read_codeview(ByteView(record));
    if (id.kind != dump::DebugId::Kind::none) return id;
  }
  return {};
}

const dump::DebugId& Image::debug_id() const {
  if (!debug_id_) debug_id_ = read_debug_id();
  return *debug_id_;
}

std::string Image::dbg_name() const {
  for (const DebugEntry& entry : debug_entries()) {
    if (entry.type != kDebugTypeMisc) continue;
    const std::vector<std::byte> record = debug_data(entry, kLongestRecord);
    if (std::string name = misc_name(ByteView(record)); !name.empty()) return name;
  }
  return {};
}

} // namespace dumptriage::image
