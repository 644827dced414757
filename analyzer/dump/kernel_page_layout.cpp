// Where the pages of a kernel dump lie in its file: runs of the header, bitmaps, ranges of RDMP.
#include <algorithm>

#include <fmt/format.h>

#include "dump/kernel_reading.h"
#include "formats/dump_header32.h"
#include "formats/kernel_pages.h"

namespace dumptriage::dump {
namespace {

struct LayoutReading {
  ByteView file;
  const KernelHeader& header;
  const KernelShape& shape;
  Notes& notes;
  bool& complete;

  void say(Severity severity, Code code, std::string message, std::uint64_t at) const {
    add_note(notes, severity, code, std::move(message), Where::file(at));
  }
  void missing(Code code, std::string message, std::uint64_t at) const {
    complete = false;
    say(Severity::warning, code, std::move(message), at);
  }
};

std::optional<PageLayout> nothing(const LayoutReading& reading, const char* what) {
  reading.complete = false;
  reading.say(Severity::error, Code::truncated,
              fmt::format("{}: cut short, so where its pages lie is not known", what),
              reading.file.size());
  return std::nullopt;
}

std::optional<PageLayout> full_layout(const LayoutReading& reading) {
  const KernelHeader& header = reading.header;
  std::uint64_t at = header.is64 ? 0x88 : 0x64;
  if (!header.physical_trouble.empty())
    reading.say(Severity::warning, Code::bad_value,
                fmt::format("physical memory block: {}", header.physical_trouble), at);
  if (header.physical_runs.empty()) {
    reading.complete = false;
    reading.say(Severity::error, Code::bad_value,
                "physical memory block: it names no runs, so where pages lie is not known", at);
    return std::nullopt;
  }
  PageLayout layout;
  layout.first_page = reading.shape.header_size;
  layout.pages = header.physical_pages;
  for (const PhysicalRun& run : header.physical_runs)
    layout.runs.push_back({run.base_page, run.page_count});
  return layout;
}

// The bits that the file holds in front of the first page.
void take_bitmap(const LayoutReading& reading, std::uint64_t at, std::uint64_t bits,
                 PageLayout& layout) {
  std::uint64_t bytes = bits / 8 + (bits % 8 != 0);
  layout.bitmap = reading.file.clamp(at, bytes);
  layout.bits = std::min(bits, 8 * layout.bitmap.size());
  if (layout.bitmap.size() < bytes)
    reading.missing(
        Code::truncated,
        fmt::format("page bitmap: {} of {} bytes are in the file", layout.bitmap.size(), bytes),
        at);
  else if (layout.first_page < at + bytes)
    reading.missing(Code::bad_value, "page bitmap: the first page lies inside it", at);
}

std::optional<PageLayout> summary_layout(const LayoutReading& reading) {
  const bool is64 = reading.header.is64;
  const std::uint64_t at = reading.shape.header_size;
  auto wire = reading.file.get<formats::SummaryDump>(at);
  if (!wire) return nothing(reading, "summary header");
  if (wire->SizeOfBitMap != wire->BitmapSize)
    reading.say(Severity::warning, Code::mismatch,
                fmt::format("summary header: it has {} bits, its bitmap says {}",
                            static_cast<std::uint32_t>(wire->BitmapSize),
                            static_cast<std::uint32_t>(wire->SizeOfBitMap)),
                at + 0x18);
  PageLayout layout;
  layout.first_page = wire->HeaderSize;
  layout.pages = wire->Pages;
  take_bitmap(reading, at + (is64 ? formats::kSummaryBits64 : formats::kSummaryBits32),
              wire->BitmapSize, layout);
  return layout;
}

std::optional<PageLayout> bitmap_layout(const LayoutReading& reading) {
  const std::uint64_t at = reading.shape.header_size;
  auto wire = reading.file.get<formats::BitmapDump>(at);
  if (!wire) return nothing(reading, "bitmap header");
  PageLayout layout;
  layout.first_page = wire->FirstPage;
  layout.pages = wire->TotalPresentPages;
  take_bitmap(reading, at + sizeof(formats::BitmapDump), wire->Pages, layout);
  return layout;
}

// The ranges end at the first page, at the total or the number of ranges of a complete dump, or at
// a range of frame 0 in the partial kinds.
void take_ranges(const LayoutReading& reading, const formats::RdmpDump& wire, PageLayout& layout) {
  constexpr std::size_t kMost = 1 << 21; // 32 MB of them
  const bool whole = reading.header.dump_type == formats::kDumpTypeRdmpComplete;
  std::uint64_t at = reading.shape.header_size + sizeof(formats::RdmpDump), sum = 0;
  const std::uint64_t end = layout.first_page;
  for (;; at += sizeof(formats::RdmpRange)) {
    if (whole && (sum >= wire.TotalNumberOfPages || layout.runs.size() == wire.NumberOfRanges))
      break;
    if (at > end || end - at < sizeof(formats::RdmpRange)) break;
    auto range = reading.file.get<formats::RdmpRange>(at);
    if (!range)
      return reading.missing(Code::truncated, "RDMP ranges: the file ends inside them", at);
    if (range->BasePage == 0 && (!whole || range->PageCount == 0)) break;
    if (layout.runs.size() == kMost)
      return reading.missing(Code::limit,
                             fmt::format("RDMP ranges: only the first {} are used", kMost), at);
    layout.runs.push_back({range->BasePage, range->PageCount});
    auto total = checked_add(sum, range->PageCount);
    if (!total) return reading.missing(Code::overflow, "RDMP ranges: they leave 64 bits", at);
    sum = *total;
  }
  if (!whole)
    layout.pages = sum;
  else if (sum != wire.TotalNumberOfPages)
    reading.missing(Code::mismatch,
                    fmt::format("RDMP ranges: they hold {} pages, the header says {}", sum,
                                static_cast<std::uint64_t>(wire.TotalNumberOfPages)),
                    at);
}

std::optional<PageLayout> rdmp_layout(const LayoutReading& reading) {
  const std::uint64_t at = reading.shape.header_size;
  auto wire = reading.file.get<formats::RdmpDump>(at);
  if (!wire) return nothing(reading, "RDMP header");
  PageLayout layout;
  layout.first_page = wire->FirstPageOffset;
  // The metadata stand between the first 0x20 bytes and the first page.
  if (checked_add(at + 0x20, wire->MetadataSize) != layout.first_page)
    reading.say(Severity::warning, Code::mismatch,
                "RDMP header: its metadata do not end where its pages begin", at + 0x10);
  if (reading.header.dump_type == formats::kDumpTypeRdmpComplete)
    layout.pages = wire->TotalNumberOfPages;
  take_ranges(reading, *wire, layout);
  return layout;
}

} // namespace

std::optional<PageLayout> read_page_layout(ByteView file, const KernelHeader& header,
                                           const KernelShape& shape, Notes& notes, bool& complete) {
  LayoutReading reading{file, header, shape, notes, complete};
  std::optional<PageLayout> layout;
  if (shape.tag_missing) return layout;
  switch (shape.layout) {
  case Kind::full: layout = full_layout(reading); break;
  case Kind::summary: layout = summary_layout(reading); break;
  case Kind::bitmap: layout = bitmap_layout(reading); break;
  case Kind::rdmp: layout = rdmp_layout(reading); break;
  default: break;
  }
  if (layout) layout->page_size = shape.page_size;
  return layout;
}

} // namespace dumptriage::dump
