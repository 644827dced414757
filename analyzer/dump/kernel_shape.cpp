#include <fmt/format.h>

#include "dump/kernel_reading.h"
#include "formats/dump_header32.h"
#include "formats/dump_header64.h"
#include "formats/kernel_pages.h"
#include "formats/windows_builds.h"

namespace dumptriage::dump {
namespace {

using formats::kTagDump;

std::optional<std::uint64_t> with_pages(std::uint64_t start, std::optional<std::uint64_t> pages,
                                        std::uint64_t page_size) {
  if (!pages) return std::nullopt;
  auto bytes = checked_mul(*pages, page_size);
  return bytes ? checked_add(start, *bytes) : std::nullopt;
}

bool is_bitmap_number(std::uint32_t type) {
  return type >= formats::kDumpTypeBitmapFull && type <= formats::kDumpTypeAutomatic;
}

// "SDMP" begins two layouts.  In each, the offset of the first page agrees with the count of bits
// in front of it.
bool fits_summary(ByteView file, std::uint64_t at, bool is64) {
  auto wire = file.get<formats::SummaryDump>(at);
  std::uint64_t bits_at = at + (is64 ? formats::kSummaryBits64 : formats::kSummaryBits32);
  return wire && wire->BitmapSize != 0 && wire->HeaderSize >= bits_at &&
         (wire->HeaderSize - bits_at) * 8 >= wire->BitmapSize && wire->Pages <= wire->BitmapSize;
}

bool fits_bitmap(ByteView file, std::uint64_t at) {
  auto wire = file.get<formats::BitmapDump>(at);
  std::uint64_t bits_at = at + sizeof(formats::BitmapDump);
  return wire && wire->Pages != 0 && wire->FirstPage >= bits_at &&
         wire->FirstPage - bits_at >= wire->Pages / 8 && wire->TotalPresentPages <= wire->Pages;
}

Kind kind_of_sdmp(ByteView file, const KernelHeader& header, std::uint64_t at) {
  bool summary = fits_summary(file, at, header.is64), bitmap = fits_bitmap(file, at);
  if (summary != bitmap) return summary ? Kind::summary : Kind::bitmap;
  constexpr std::uint32_t kWindows8 = 9200; // the first to write the bitmap layout
  if (header.dump_type == formats::kDumpTypeSummary) return Kind::summary;
  if (header.dump_type && is_bitmap_number(*header.dump_type)) return Kind::bitmap;
  return header.build >= kWindows8 ? Kind::bitmap : Kind::summary;
}

std::optional<Kind> kind_by_tag(ByteView file, const KernelHeader& header, std::uint64_t at) {
  std::uint32_t first = file.u32(at).value_or(0), second = file.u32(at + 4).value_or(0);
  if (first == formats::kTagFdmp && second == kTagDump) return Kind::bitmap;
  if (first == formats::kTagSdmp && second == kTagDump) return kind_of_sdmp(file, header, at);
  if (first == formats::kRdmpMarker && second == formats::kTagRdmp) return Kind::rdmp;
  return std::nullopt;
}

// Where no tag stands, DumpType is believed; the kinds that have a tag then lack it.
Kind kind_by_number(const KernelHeader& header, bool& tag_missing) {
  std::uint32_t type = header.dump_type.value_or(formats::kDumpTypeFull);
  if (type == formats::kDumpTypeTriage) return Kind::triage;
  if (type == formats::kDumpTypeHeader) return Kind::header;
  tag_missing = type != formats::kDumpTypeFull;
  if (type == formats::kDumpTypeSummary) return Kind::summary;
  if (is_bitmap_number(type)) return Kind::bitmap;
  if (type >= formats::kDumpTypeRdmpKernel && type <= formats::kDumpTypeRdmpComplete)
    return Kind::rdmp;
  tag_missing = false; // a number that is not known may as well be garbage in a full dump
  return Kind::full;
}

// Pages of 8 KB have a header of that size, or so it is inferred: no public source shows a 32-bit
// dump of such a machine.  A tag behind the shorter header, or a file that is exactly as long as a
// full dump with the shorter one, settles it otherwise.
std::uint64_t header_size_of(ByteView file, const KernelHeader& header, std::uint32_t page_size) {
  if (header.is64) return formats::kDumpHeader64Size;
  if (page_size == formats::kDumpHeader32Size) return formats::kDumpHeader32Size;
  bool short_header =
      kind_by_tag(file, header, formats::kDumpHeader32Size) ||
      with_pages(formats::kDumpHeader32Size, header.physical_pages, page_size) == file.size();
  return short_header ? formats::kDumpHeader32Size : formats::kDumpHeaderAlphaSize;
}

std::optional<std::uint64_t> expected_size(ByteView file, const KernelHeader& header,
                                           const KernelShape& shape) {
  std::uint64_t at = shape.header_size;
  switch (shape.layout) {
  case Kind::full: return with_pages(at, header.physical_pages, shape.page_size);
  case Kind::summary:
    if (auto summary = file.get<formats::SummaryDump>(at))
      return with_pages(summary->HeaderSize, summary->Pages, shape.page_size);
    return std::nullopt;
  case Kind::bitmap:
    if (auto bitmap = file.get<formats::BitmapDump>(at))
      return with_pages(bitmap->FirstPage, bitmap->TotalPresentPages, shape.page_size);
    return std::nullopt;
  case Kind::rdmp:
    // The partial kinds count no pages in their header.
    if (header.dump_type != formats::kDumpTypeRdmpComplete) return std::nullopt;
    if (auto rdmp = file.get<formats::RdmpDump>(at))
      return with_pages(rdmp->FirstPageOffset, rdmp->TotalNumberOfPages, shape.page_size);
    return std::nullopt;
  case Kind::triage:
    // SizeOfDump stands at +4 for both widths.
    if (auto size = file.u32(at + 4); size && *size > at) return *size;
    return std::nullopt;
  default: return at;
  }
}

std::string_view words_of(Kind kind) {
  switch (kind) {
  case Kind::full: return "full dump";
  case Kind::summary: return "summary dump";
  case Kind::bitmap: return "bitmap dump";
  case Kind::rdmp: return "RDMP dump";
  case Kind::live: return "live dump";
  case Kind::triage: return "triage dump";
  default: return "header-only dump";
  }
}

} // namespace

KernelShape kernel_shape(ByteView file, const KernelHeader& header) {
  using arch::Machine;
  const Machine machine = machine_of(header);
  bool big_pages =
      machine == Machine::alpha || machine == Machine::alpha64 || machine == Machine::ia64;
  KernelShape shape;
  shape.page_size = big_pages ? 0x2000 : 0x1000;
  shape.header_size = header_size_of(file, header, shape.page_size);
  auto tagged = kind_by_tag(file, header, shape.header_size);
  shape.layout = tagged ? *tagged : kind_by_number(header, shape.tag_missing);
  if (!shape.tag_missing) shape.expected_size = expected_size(file, header, shape);
  constexpr std::uint32_t kLiveSystemDump = 0x161;
  std::uint32_t attributes = header.attributes.value_or(0);
  shape.live = (attributes & formats::kDumpLive) != 0 || header.bugcheck_code == kLiveSystemDump;
  shape.encrypted =
      (attributes & formats::kDumpEncrypted) != 0 && (attributes & formats::kDumpDecrypted) == 0;
  // A full dump with the mark is a memory image that a tool took; it keeps its name.
  shape.kind = shape.live && shape.layout == Kind::bitmap ? Kind::live : shape.layout;
  return shape;
}

std::string readable_size(std::uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"bytes", "KB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1024) return fmt::format("{} {}", bytes, bytes == 1 ? "byte" : "bytes");
  std::size_t unit = 0;
  double value = static_cast<double>(bytes);
  while (value >= 1023.5 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  std::string text = value < 9.95 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return fmt::format("{} {}", text, kUnits[unit]);
}

std::string describe_kernel_dump(ByteView file) {
  KernelHeader header = read_kernel_header(file);
  KernelShape shape = kernel_shape(file, header);
  std::string text = fmt::format("{}-bit kernel {}", header.is64 ? 64 : 32, words_of(shape.kind));
  if (shape.live && shape.kind != Kind::live) text += " (taken live)";
  std::string windows = formats::windows_of_build(header.build, header.product_type);
  if (!windows.empty())
    text += fmt::format(" of {} (build {})", windows, header.build);
  else if (header.build != 0)
    text += fmt::format(" of Windows build {}", header.build);
  arch::Machine machine = machine_of(header);
  if (machine != arch::Machine::unknown) text += fmt::format(", {}", arch::name_of(machine));
  if (file.size() < shape.header_size)
    return text + fmt::format(", cut short at {} inside its header", readable_size(file.size()));
  if (shape.expected_size && *shape.expected_size > file.size())
    return text + fmt::format(", cut short at {} of {}", readable_size(file.size()),
                              readable_size(*shape.expected_size));
  if (file.size() == shape.header_size && shape.kind != Kind::header)
    return text +
           fmt::format(", cut short at {}: only its header is there", readable_size(file.size()));
  return text + ", " + readable_size(file.size());
}

} // namespace dumptriage::dump
