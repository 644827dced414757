// The driver lists of a 64-bit triage dump: loaded, unloaded, and the one that is blamed.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/kernel_reading.h"

namespace dumptriage::dump {
namespace {

using formats::DumpDriverEntry64;

// The entry is a copy of the loader's, which has grown: its size follows from where the list ends.
std::uint64_t driver_stride(const TriageReading& reading, std::uint64_t at, std::uint64_t count) {
  constexpr std::uint64_t kMost = 0x120;
  auto next = std::upper_bound(reading.starts.begin(), reading.starts.end(), at);
  if (next == reading.starts.end() || count == 0) return formats::kDriverEntry64Stride;
  std::uint64_t stride = (*next - at) / count;
  bool plausible = stride > formats::kDriverEntry64Stride && stride <= kMost && stride % 8 == 0 &&
                   stride * count == *next - at;
  return plausible ? stride : formats::kDriverEntry64Stride;
}

} // namespace

std::string read_dump_string(const TriageReading& reading, std::uint64_t offset, const char* what) {
  constexpr std::uint64_t kMost = 0x8000;
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
  const auto& body = reading.body;
  std::uint64_t at = body.DriverListOffset, count = body.DriverCount;
  if (body.TriageOptions != formats::kTriageOptionsUnset &&
      (body.TriageOptions & formats::kTriageOverflow)) {
    triage.drivers_complete = false;
    add_note(reading.notes, Severity::warning, Code::limit,
             "driver list: Windows ran out of room in the dump, drivers may be missing",
             Where::file(at));
  }
  if (body.BrokenDriverOffset != 0)
    triage.broken_driver = read_dump_string(reading, body.BrokenDriverOffset, "broken driver");
  if (at == 0 || count == 0) {
    triage.drivers_complete = false;
    reading.trouble(Code::absent, "driver list: the dump holds none", at);
    return;
  }
  std::uint64_t stride = driver_stride(reading, at, count);
  std::uint64_t left = reading.file.left(at);
  std::uint64_t fit =
      left < sizeof(DumpDriverEntry64) ? 0 : 1 + (left - sizeof(DumpDriverEntry64)) / stride;
  if (count > fit) {
    triage.drivers_complete = false;
    reading.trouble(Code::truncated,
                    fmt::format("driver list: {} drivers, {} fit in the file", count, fit), at);
    count = fit;
  }
  triage.drivers.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    auto entry = *reading.file.get<DumpDriverEntry64>(at + i * stride);
    Module module;
    module.base = entry.DllBase;
    module.size = entry.SizeOfImage;
    module.timestamp = entry.TimeDateStamp;
    module.checksum = entry.CheckSum;
    module.path = read_dump_string(reading, entry.DriverNameOffset, "driver name");
    if (module.base == 0 && module.path.empty()) {
      triage.drivers_complete = false;
      continue;
    }
    triage.drivers.push_back(std::move(module));
  }
}

void read_unloaded_drivers(const TriageReading& reading, Triage& triage) {
  std::uint64_t at = reading.body.UnloadedDriversOffset;
  if (at == 0) return;
  auto count = reading.file.u64(at);
  if (!count) {
    reading.trouble(Code::truncated, "unloaded drivers: the file ends before their count", at);
    return;
  }
  std::uint64_t room = reading.room_behind(at);
  std::uint64_t fit = room < 8 ? 0 : (room - 8) / sizeof(formats::DumpUnloadedDriver64);
  if (*count > fit) {
    reading.trouble(Code::bad_value,
                    fmt::format("unloaded drivers: {} entries, there is room for {}", *count, fit),
                    at);
    *count = fit;
  }
  for (std::uint64_t i = 0; i < *count; ++i) {
    auto entry = *reading.file.get<formats::DumpUnloadedDriver64>(
        at + 8 + i * sizeof(formats::DumpUnloadedDriver64));
    if (entry.StartAddress == 0) continue; // a free slot
    UnloadedModule module;
    std::uint64_t characters = std::min<std::uint64_t>(entry.NameLength / 2, 12);
    module.name = utf8_from_utf16(ByteView(entry.DriverName, 2 * characters));
    module.base = entry.StartAddress;
    if (entry.EndAddress > entry.StartAddress) module.size = entry.EndAddress - entry.StartAddress;
    triage.unloaded_drivers.push_back(std::move(module));
  }
}

} // namespace dumptriage::dump
