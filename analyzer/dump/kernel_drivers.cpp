// The driver lists of a triage dump: loaded, unloaded, and the one that is blamed.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/kernel_reading.h"
#include "formats/triage32.h"
#include "formats/triage64.h"

namespace dumptriage::dump {
namespace {

using formats::DumpDriverEntry32;
using formats::DumpDriverEntry64;

constexpr std::uint64_t kMostDrivers = 0x4000; // real machines load a few hundred

struct DriverEntry {
  std::uint64_t name = 0, base = 0; // name: file offset of a DumpString
  std::uint32_t size = 0, checksum = 0, timestamp = 0;
};

// The loader entries of kernels before Windows 10 may hold a pointer where the time stamp is looked
// for; no driver of theirs was linked after 2038.
std::uint32_t stamp_of(const DumpDriverEntry32& wire, std::uint32_t build) {
  constexpr std::uint32_t kFirstPointer = 0x80000000, kWindows10 = 10240;
  std::uint32_t stamp = wire.TimeDateStamp;
  return build < kWindows10 && stamp >= kFirstPointer ? 0 : stamp;
}

std::optional<DriverEntry> driver_entry(const TriageReading& reading, std::uint64_t at) {
  if (reading.header.is64) {
    auto wire = reading.file.get<DumpDriverEntry64>(at);
    if (!wire) return std::nullopt;
    return DriverEntry{wire->DriverNameOffset, wire->DllBase, wire->SizeOfImage, wire->CheckSum,
                       wire->TimeDateStamp};
  }
  auto wire = reading.file.get<DumpDriverEntry32>(at);
  if (!wire) return std::nullopt;
  return DriverEntry{wire->DriverNameOffset, wire->DllBase, wire->SizeOfImage, wire->CheckSum,
                     stamp_of(*wire, reading.header.build)};
}

// Images begin at a page, and their names lie in the string pool.
bool makes_sense(const TriageReading& reading, const DriverEntry& entry) {
  constexpr std::uint64_t kPage = 0x1000;
  constexpr std::uint32_t kMostImage = 0x40000000;
  const TriageBody& body = reading.body;
  bool named = entry.name != 0 &&
               (body.strings == 0 || body.strings_size == 0 ||
                (entry.name >= body.strings && entry.name - body.strings < body.strings_size));
  return named && entry.base != 0 && entry.base % kPage == 0 && entry.size != 0 &&
         entry.size <= kMostImage;
}

// Of the first entries of a list with this stride, how many make sense.
std::uint64_t sense_of(const TriageReading& reading, std::uint64_t count, std::uint64_t stride) {
  constexpr std::uint64_t kLooked = 64;
  std::uint64_t sense = 0;
  for (std::uint64_t i = 0; i < std::min(count, kLooked); ++i) {
    auto entry = driver_entry(reading, reading.body.drivers + i * stride);
    sense += entry && makes_sense(reading, *entry);
  }
  return sense;
}

// The entry is a copy of the loader's, which has grown.  Its size follows from where the list ends,
// and is believed when the entries make more sense so than with the size that is known.  0: no
// entry makes sense at all.
std::uint64_t driver_stride(const TriageReading& reading, std::uint64_t count) {
  const bool is64 = reading.header.is64;
  const std::uint64_t known = is64 ? formats::kDriverEntry64Stride : formats::kDriverEntry32Stride;
  std::uint64_t derived = reading.room_behind(reading.body.drivers) / count;
  derived -= derived % (is64 ? 8 : 4); // the next part may be aligned
  std::uint64_t sense = sense_of(reading, count, known);
  if (derived > known && derived <= 2 * known && sense_of(reading, count, derived) > sense)
    return derived;
  return sense > 0 ? known : 0;
}

void read_driver_options(const TriageReading& reading, Triage& triage) {
  const TriageBody& body = reading.body;
  if (body.options != formats::kTriageOptionsUnset && (body.options & formats::kTriageOverflow)) {
    triage.drivers_complete = false;
    add_note(reading.notes, Severity::warning, Code::limit,
             "driver list: Windows ran out of room in the dump, drivers may be missing",
             Where::file(body.drivers));
  }
  if (body.broken_driver != 0)
    triage.broken_driver = read_dump_string(reading, body.broken_driver, "broken driver");
}

// What the unloaded-driver lists of both widths hold.
struct UnloadedEntry {
  std::string name;
  std::uint64_t start = 0, end = 0;
};
template <class Wire> UnloadedEntry unloaded_entry(ByteView file, std::uint64_t at) {
  auto wire = *file.get<Wire>(at);
  std::uint64_t characters = std::min<std::uint64_t>(wire.NameLength / 2, 12);
  return {utf8_from_utf16(ByteView(wire.DriverName, 2 * characters)), wire.StartAddress,
          wire.EndAddress};
}

} // namespace

std::string read_dump_string(const TriageReading& reading, std::uint64_t offset, const char* what) {
  constexpr std::uint64_t kMost = 0x400; // far beyond the paths of drivers
  auto wire = reading.file.get<formats::DumpString>(offset);
  std::uint64_t at = offset + sizeof(formats::DumpString);
  if (offset == 0 || !wire || wire->Length > kMost ||
      !reading.file.holds(at, 2ull * wire->Length)) {
    reading.trouble(Code::bad_value, fmt::format("{}: the text does not lie in the file", what),
                    offset);
    return "";
  }
  return utf8_from_utf16(reading.file.clamp(at, 2ull * wire->Length));
}

void read_drivers(const TriageReading& reading, Triage& triage) {
  std::uint64_t at = reading.body.drivers, count = reading.body.driver_count;
  read_driver_options(reading, triage);
  auto incomplete = [&](Code code, std::string message) {
    triage.drivers_complete = false;
    reading.trouble(code, std::move(message), at);
  };
  if (at == 0 || count == 0) return incomplete(Code::absent, "driver list: the dump holds none");
  std::uint64_t stride = driver_stride(reading, count);
  if (stride == 0)
    return incomplete(Code::bad_value,
                      fmt::format("driver list: none of its {} entries makes sense", count));
  std::uint64_t left = reading.file.left(at);
  std::uint64_t least = reading.header.is64 ? sizeof(DumpDriverEntry64) : sizeof(DumpDriverEntry32);
  std::uint64_t fit = left < least ? 0 : 1 + (left - least) / stride;
  if (count > fit) {
    incomplete(Code::truncated,
               fmt::format("driver list: {} drivers, {} fit in the file", count, fit));
    count = fit;
  }
  if (count > kMostDrivers) {
    incomplete(Code::limit, fmt::format("driver list: only the first {} of {} drivers are listed",
                                        kMostDrivers, count));
    count = kMostDrivers;
  }
  triage.drivers.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    auto entry = *driver_entry(reading, at + i * stride);
    Module module;
    module.base = entry.base;
    module.size = entry.size;
    module.timestamp = entry.timestamp;
    module.checksum = entry.checksum;
    module.path = read_dump_string(reading, entry.name, "driver name");
    if (module.base == 0 && module.path.empty()) {
      triage.drivers_complete = false;
      continue;
    }
    triage.drivers.push_back(std::move(module));
  }
}

void read_unloaded_drivers(const TriageReading& reading, Triage& triage) {
  std::uint64_t at = reading.body.unloaded;
  if (at == 0) return;
  const bool is64 = reading.header.is64;
  const std::uint64_t prefix = reading.pointer_size();
  const std::uint64_t entry_size =
      is64 ? sizeof(formats::DumpUnloadedDriver64) : sizeof(formats::DumpUnloadedDriver32);
  auto count = reading.pointer(reading.file, at);
  if (!count) {
    reading.trouble(Code::truncated, "unloaded drivers: the file ends before their count", at);
    return;
  }
  std::uint64_t room = reading.room_behind(at);
  std::uint64_t fit = room < prefix ? 0 : (room - prefix) / entry_size;
  if (*count > fit) {
    reading.trouble(Code::bad_value,
                    fmt::format("unloaded drivers: {} entries, there is room for {}", *count, fit),
                    at);
    *count = fit;
  }
  *count = std::min(*count, kMostDrivers);
  for (std::uint64_t i = 0; i < *count; ++i) {
    std::uint64_t entry_at = at + prefix + i * entry_size;
    UnloadedEntry entry =
        is64 ? unloaded_entry<formats::DumpUnloadedDriver64>(reading.file, entry_at)
             : unloaded_entry<formats::DumpUnloadedDriver32>(reading.file, entry_at);
    if (entry.start == 0) continue; // a free slot
    UnloadedModule module;
    module.name = std::move(entry.name);
    module.base = entry.start;
    if (entry.end > entry.start) module.size = entry.end - entry.start;
    triage.unloaded_drivers.push_back(std::move(module));
  }
}

} // namespace dumptriage::dump
