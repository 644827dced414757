// The body of a 64-bit triage dump.  Offsets are trusted when they are not 0, whatever
// MiniDumpFields says: real dumps carry parts whose bit is not set.
#include <algorithm>
#include <cstddef>
#include <initializer_list>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/kernel_reading.h"
#include "formats/dump_header64.h"
#include "formats/kdbg64.h"

namespace dumptriage::dump {
namespace {

using formats::KdDebuggerData64;

std::vector<std::uint64_t> starts_of(const formats::TriageDump64& body) {
  std::vector<std::uint64_t> starts;
  for (std::uint64_t start :
       {body.ValidOffset + 0ull, body.MmOffset + 0ull, body.UnloadedDriversOffset + 0ull,
        body.PrcbOffset + 0ull, body.ProcessOffset + 0ull, body.ThreadOffset + 0ull,
        body.CallStackOffset + 0ull, body.DriverListOffset + 0ull, body.StringPoolOffset + 0ull,
        body.ArchitectureBStoreOffset + 0ull, body.DataPageOffset + 0ull,
        body.DebuggerDataOffset + 0ull, body.DataBlocksOffset + 0ull})
    if (start != 0) starts.push_back(start);
  std::sort(starts.begin(), starts.end());
  return starts;
}

// Where an object lay.  A list head that is empty points at itself and so tells it; but a list of
// one entry looks the same, so two lists must agree, or one with what another structure says.
std::uint64_t address_by_lists(ByteView object, std::uint8_t type,
                               std::initializer_list<std::uint64_t> list_heads,
                               std::uint64_t expected) {
  // Bit 7 of the dispatcher header's Type is a lock bit on newer kernels.
  auto first = object.u8(0);
  if (!first || (*first & 0x7F) != type) return 0;
  std::vector<std::uint64_t> seen;
  for (std::uint64_t head : list_heads) {
    auto flink = object.u64(head), blink = object.u64(head + 8);
    if (!flink || !blink || *flink != *blink || *flink < head) continue;
    std::uint64_t address = *flink - head;
    if (address == 0 || address % 8 != 0) continue;
    if (address == expected || std::ranges::find(seen, address) != seen.end()) return address;
    seen.push_back(address);
  }
  return 0;
}

void find_addresses(const DebuggerData& kdbg, Triage& triage) {
  constexpr std::uint8_t kProcessObject = 3, kThreadObject = 6;
  constexpr std::uint64_t kWaitListHead = 8, kProfileListHead = 0x18; // the latter of KPROCESS
  auto pointer = [&](ByteView object, std::size_t field) -> std::uint64_t {
    auto at = kdbg.offset16(field);
    return at ? object.u64(*at).value_or(0) : 0;
  };
  triage.process_address =
      address_by_lists(triage.process, kProcessObject, {kWaitListHead, kProfileListHead},
                       pointer(triage.thread, offsetof(KdDebuggerData64, OffsetKThreadApcProcess)));
  // KTHREAD.ApcState begins with the two APC lists, 0x20 bytes before its Process.
  std::uint64_t apc =
      kdbg.offset16(offsetof(KdDebuggerData64, OffsetKThreadApcProcess)).value_or(0);
  std::uint64_t lists = apc >= 0x20 ? apc - 0x20 : UINT64_MAX - 0x20; // beyond any object
  triage.thread_address =
      address_by_lists(triage.thread, kThreadObject, {kWaitListHead, lists, lists + 0x10},
                       pointer(triage.prcb, offsetof(KdDebuggerData64, OffsetPrcbCurrentThread)));
}

// KPRCB, EPROCESS and ETHREAD are raw copies; their sizes stand in the debugger data, and without
// those a copy ends at the next part.
void read_objects(const TriageReading& reading, Triage& triage) {
  const auto& body = reading.body;
  DebuggerData kdbg(triage.debugger_data);
  auto object = [&](const char* name, std::uint64_t offset, std::size_t size_field) -> ByteView {
    if (offset == 0) return {};
    auto size = kdbg.offset16(size_field);
    return reading.part(name, offset, size ? *size : reading.room_behind(offset));
  };
  triage.prcb = object("KPRCB", body.PrcbOffset, offsetof(KdDebuggerData64, SizePrcb));
  triage.process = object("EPROCESS", body.ProcessOffset, offsetof(KdDebuggerData64, SizeEProcess));
  triage.thread = object("ETHREAD", body.ThreadOffset, offsetof(KdDebuggerData64, SizeEThread));
  find_addresses(kdbg, triage);
}

void read_data_blocks(const TriageReading& reading, Triage& triage) {
  std::uint64_t at = reading.body.DataBlocksOffset, count = reading.body.DataBlocksCount;
  if (at == 0 || count == 0) return;
  std::uint64_t fit = reading.file.left(at) / sizeof(formats::TriageDataBlock);
  if (count > fit) {
    reading.trouble(Code::truncated,
                    fmt::format("data blocks: {} entries, {} fit in the file", count, fit), at);
    count = fit;
  }
  std::uint64_t torn = 0, first_torn = 0;
  triage.data_blocks.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t entry_at = at + i * sizeof(formats::TriageDataBlock);
    auto entry = *reading.file.get<formats::TriageDataBlock>(entry_at);
    std::uint64_t there = std::min<std::uint64_t>(entry.Size, reading.file.left(entry.Offset));
    if (there < entry.Size && torn++ == 0) first_torn = entry_at;
    if (there > 0) triage.data_blocks.push_back({entry.Address, entry.Offset, there});
  }
  if (torn > 0)
    reading.trouble(
        Code::truncated,
        fmt::format("data blocks: {} of {} reach beyond the end of the file", torn, count),
        first_torn);
}

void check_end_mark(const TriageReading& reading) {
  const auto& body = reading.body;
  if (body.SizeOfDump > reading.file.size())
    reading.trouble(Code::truncated,
                    fmt::format("triage dump: cut short, {} of {} bytes are there",
                                reading.file.size(), static_cast<std::uint32_t>(body.SizeOfDump)),
                    reading.file.size());
  else if (reading.file.u32(body.ValidOffset) != formats::kTriageValid)
    reading.trouble(Code::bad_value,
                    "triage dump: its end mark is missing, so Windows did not finish writing it",
                    body.ValidOffset);
}

void read_stacks(const TriageReading& reading, Triage& triage) {
  const auto& body = reading.body;
  triage.stack_start = body.TopOfStack;
  if (body.CallStackOffset != 0)
    triage.stack = reading.part("call stack", body.CallStackOffset, body.SizeOfCallStack);
  constexpr std::uint32_t kIa64 = 0x200;
  if (reading.header.machine_image_type != kIa64) return;
  // Whether LimitOfBStore is the end of the slice or of the whole store, no public source tells.
  triage.backing_store_limit = body.LimitOfBStore;
  if (body.ArchitectureBStoreOffset != 0)
    triage.backing_store =
        reading.part("register backing store", body.ArchitectureBStoreOffset, body.SizeOfBStore);
}

} // namespace

void TriageReading::trouble(Code code, std::string message, std::uint64_t at) const {
  complete = false;
  add_note(notes, Severity::warning, code, std::move(message), Where::file(at));
}

ByteView TriageReading::part(const char* name, std::uint64_t offset, std::uint64_t size) const {
  if (!file.holds(offset, size))
    trouble(Code::truncated,
            fmt::format("{}: {} of {} bytes are in the file", name,
                        std::min(size, file.left(offset)), size),
            offset);
  return file.clamp(offset, size);
}

std::uint64_t TriageReading::room_behind(std::uint64_t offset) const {
  auto next = std::upper_bound(starts.begin(), starts.end(), offset);
  std::uint64_t end = next == starts.end() ? file.size() : std::min(*next, file.size());
  return end > offset ? end - offset : 0;
}

std::optional<Triage> read_triage(ByteView file, const KernelHeader& header, Notes& notes,
                                      bool& complete) {
  auto body = file.get<formats::TriageDump64>(formats::kDumpHeader64Size);
  TriageReading reading{file, header, notes, complete};
  if (!body) {
    complete = false;
    add_note(notes, Severity::error, Code::truncated,
             "triage dump: the file ends behind the header; no driver, stack or memory is there",
             Where::file(file.size()));
    return std::nullopt;
  }
  reading.body = *body;
  reading.starts = starts_of(*body);
  check_end_mark(reading);

  Triage triage;
  triage.service_pack_build = body->ServicePackBuild;
  triage.size_of_dump = body->SizeOfDump;
  triage.triage_options = body->TriageOptions;
  if (body->DebuggerDataOffset != 0) {
    triage.debugger_data =
        reading.part("debugger data", body->DebuggerDataOffset, body->DebuggerDataSize);
    if (!DebuggerData(triage.debugger_data).valid())
      reading.trouble(Code::bad_value, "debugger data: the tag KDBG is missing or Size is wrong",
                      body->DebuggerDataOffset);
  }
  read_stacks(reading, triage);
  read_objects(reading, triage);
  read_drivers(reading, triage);
  read_unloaded_drivers(reading, triage);
  read_data_blocks(reading, triage);
  read_secondary_blobs(reading, triage);
  return triage;
}

} // namespace dumptriage::dump
