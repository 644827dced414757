// The body of a triage dump, 32 and 64 bits.  Offsets are trusted when they are not 0, whatever
// MiniDumpFields says: real dumps carry parts whose bit is not set.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include <fmt/format.h>

#include "dump/kernel_reading.h"
#include "formats/kdbg64.h"
#include "formats/triage32.h"
#include "formats/triage64.h"

namespace dumptriage::dump {
namespace {

// Windows 2000 knew fewer fields than today's declaration; what stands behind its last one is the
// first part.  So the header ends where a part begins, and fields behind that are nothing.
template <class Wire> std::optional<Wire> wire_of(ByteView file, std::uint64_t at) {
  constexpr std::uint64_t kOldest = offsetof(Wire, TopOfStack); // every version has these
  if (!file.holds(at, sizeof(Wire))) return std::nullopt;
  Wire wire = *file.get<Wire>(at);
  std::uint64_t end = at + sizeof(Wire);
  for (std::uint64_t start :
       {wire.MmOffset + 0ull, wire.UnloadedDriversOffset + 0ull, wire.PrcbOffset + 0ull,
        wire.ProcessOffset + 0ull, wire.ThreadOffset + 0ull, wire.CallStackOffset + 0ull,
        wire.DriverListOffset + 0ull, wire.StringPoolOffset + 0ull, wire.BrokenDriverOffset + 0ull})
    if (start >= at + kOldest) end = std::min(end, start);
  if (end < at + sizeof(Wire))
    std::memset(reinterpret_cast<std::byte*>(&wire) + (end - at), 0, at + sizeof(Wire) - end);
  return wire;
}

template <class Wire> TriageBody common_of(const Wire& wire) {
  TriageBody body;
  body.service_pack_build = wire.ServicePackBuild;
  body.size_of_dump = wire.SizeOfDump;
  body.valid = wire.ValidOffset;
  body.mm = wire.MmOffset;
  body.unloaded = wire.UnloadedDriversOffset;
  body.prcb = wire.PrcbOffset;
  body.process = wire.ProcessOffset;
  body.thread = wire.ThreadOffset;
  body.stack = wire.CallStackOffset;
  body.stack_size = wire.SizeOfCallStack;
  body.drivers = wire.DriverListOffset;
  body.driver_count = wire.DriverCount;
  body.strings = wire.StringPoolOffset;
  body.strings_size = wire.StringPoolSize;
  body.broken_driver = wire.BrokenDriverOffset;
  body.options = wire.TriageOptions;
  body.top_of_stack = wire.TopOfStack;
  body.data_page_address = wire.DataPageAddress;
  body.data_page = wire.DataPageOffset;
  body.data_page_size = wire.DataPageSize;
  body.debugger_data = wire.DebuggerDataOffset;
  body.debugger_data_size = wire.DebuggerDataSize;
  body.data_blocks = wire.DataBlocksOffset;
  body.data_block_count = wire.DataBlocksCount;
  return body;
}

std::optional<TriageBody> body_of(ByteView file, bool is64, std::uint64_t at) {
  if (!is64) {
    auto wire = wire_of<formats::TriageDump32>(file, at);
    return wire ? std::optional(common_of(*wire)) : std::nullopt;
  }
  auto wire = wire_of<formats::TriageDump64>(file, at);
  if (!wire) return std::nullopt;
  TriageBody body = common_of(*wire);
  body.backing_store = wire->ArchitectureBStoreOffset;
  body.backing_store_size = wire->SizeOfBStore;
  body.backing_store_limit = wire->LimitOfBStore;
  return body;
}

std::vector<std::uint64_t> starts_of(const TriageBody& body) {
  std::vector<std::uint64_t> starts;
  for (std::uint32_t start :
       {body.valid, body.mm, body.unloaded, body.prcb, body.process, body.thread, body.stack,
        body.drivers, body.strings, body.backing_store, body.data_page, body.debugger_data,
        body.data_blocks})
    if (start != 0) starts.push_back(start);
  std::sort(starts.begin(), starts.end());
  return starts;
}

void read_data_blocks(const TriageReading& reading, Triage& triage) {
  std::uint64_t at = reading.body.data_blocks, count = reading.body.data_block_count;
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
    // 32-bit kernels widen addresses with or without their sign.
    std::uint64_t address = reading.header.is64 ? entry.Address : entry.Address & 0xFFFFFFFF;
    if (there > 0) triage.data_blocks.push_back({address, entry.Offset, there});
  }
  if (torn > 0)
    reading.trouble(
        Code::truncated,
        fmt::format("data blocks: {} of {} reach beyond the end of the file", torn, count),
        first_torn);
}

void check_end_mark(const TriageReading& reading) {
  const TriageBody& body = reading.body;
  if (body.size_of_dump > reading.file.size())
    reading.trouble(Code::truncated,
                    fmt::format("triage dump: cut short, {} of {} bytes are there",
                                reading.file.size(), body.size_of_dump),
                    reading.file.size());
  else if (reading.file.u32(body.valid) != formats::kTriageValid)
    reading.trouble(Code::bad_value,
                    "triage dump: its end mark is missing, so Windows did not finish writing it",
                    body.valid);
}

// TopOfStack is the lowest address of the slice; above it no more fits than the address space has.
void read_stacks(const TriageReading& reading, Triage& triage) {
  const TriageBody& body = reading.body;
  triage.stack_start = body.top_of_stack;
  if (body.stack != 0) triage.stack = reading.part("call stack", body.stack, body.stack_size);
  std::uint64_t room = (reading.header.is64 ? UINT64_MAX : 0x100000000) - body.top_of_stack;
  if (triage.stack.size() > room) {
    reading.trouble(Code::bad_value,
                    "call stack: it reaches beyond the end of the address space, so where it lies "
                    "is not known",
                    body.stack);
    triage.stack = {};
  }
  constexpr std::uint32_t kIa64 = 0x200;
  if (reading.header.machine_image_type != kIa64) return;
  triage.backing_store_limit = body.backing_store_limit;
  if (body.backing_store != 0)
    triage.backing_store =
        reading.part("register backing store", body.backing_store, body.backing_store_size);
}

template <class Wire> MmStorage mm_of(const Wire& wire) {
  return {wire.Version,
          wire.Size,
          wire.MmSpecialPoolTag,
          wire.MiTriageActionTaken,
          wire.MmVerifyDriverLevel,
          wire.KernelVerifier,
          wire.MmMaximumNonPagedPool,
          wire.MmAllocatedNonPagedPool,
          wire.PagedPoolMaximum,
          wire.PagedPoolAllocated,
          wire.CommittedPages,
          wire.CommittedPagesPeak,
          wire.CommitLimitMaximum};
}

// Its own Size says whether it is the structure that is known.
template <class Wire> void read_mm(const TriageReading& reading, Triage& triage) {
  if (reading.body.mm == 0) return;
  auto wire = reading.file.get<Wire>(reading.body.mm);
  if (!wire)
    reading.trouble(Code::truncated, "memory manager's counters: cut off", reading.body.mm);
  else if (wire->Size == sizeof(Wire))
    triage.mm = mm_of(*wire);
}

} // namespace

std::optional<std::uint64_t> TriageReading::pointer(ByteView bytes, std::uint64_t at) const {
  if (header.is64) return bytes.u64(at);
  auto word = bytes.u32(at);
  return word ? std::optional<std::uint64_t>(*word) : std::nullopt;
}

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

std::optional<Triage> read_triage(ByteView file, const KernelHeader& header, std::uint64_t at,
                                  Notes& notes, bool& complete) {
  auto body = body_of(file, header.is64, at);
  if (!body) {
    complete = false;
    add_note(notes, Severity::error, Code::truncated,
             "triage dump: the file ends behind the header; no driver, stack or memory is there",
             Where::file(file.size()));
    return std::nullopt;
  }
  TriageReading reading{file, header, notes, complete, *body, starts_of(*body)};
  check_end_mark(reading);

  Triage triage;
  triage.service_pack_build = body->service_pack_build;
  triage.size_of_dump = body->size_of_dump;
  triage.triage_options = body->options;
  if (body->debugger_data != 0) {
    triage.debugger_data =
        reading.part("debugger data", body->debugger_data, body->debugger_data_size);
    if (!DebuggerData(triage.debugger_data).valid())
      reading.trouble(Code::bad_value, "debugger data: the tag KDBG is missing or Size is wrong",
                      body->debugger_data);
  }
  read_stacks(reading, triage);
  read_triage_objects(reading, triage);
  place_backing_store(reading, triage);
  if (body->data_page != 0) {
    triage.data_page_address = body->data_page_address;
    triage.data_page = reading.part("data page", body->data_page, body->data_page_size);
  }
  if (header.is64)
    read_mm<formats::DumpMmStorage64>(reading, triage);
  else
    read_mm<formats::DumpMmStorage32>(reading, triage);
  read_drivers(reading, triage);
  read_unloaded_drivers(reading, triage);
  read_data_blocks(reading, triage);
  return triage;
}

} // namespace dumptriage::dump
