// A kernel dump put together: header facts of every kind, the body of 64-bit triage dumps.
#include <fmt/format.h>

#include "dump/kernel_reading.h"
#include "formats/dump_header32.h"
#include "formats/dump_header64.h"
#include "formats/kernel_pages.h"

namespace dumptriage::dump {
namespace {

// The header holds everything up to the bugcheck parameters, or it holds too little to go on.
constexpr std::uint64_t kLeastHeader32 = 0x3C, kLeastHeader64 = 0x60;

void check_header(ByteView file, const KernelHeader& header, const KernelShape& shape, Notes& notes,
                  bool& complete) {
  auto say = [&](Severity severity, Code code, std::string text, std::uint64_t at) {
    add_note(notes, severity, code, std::move(text), Where::file(at));
  };
  if (file.size() < shape.header_size) {
    complete = false;
    say(Severity::error, Code::truncated,
        fmt::format("kernel dump header: cut short, {} of {} bytes are there", file.size(),
                    shape.header_size),
        file.size());
  } else if (header.context.empty()) {
    say(Severity::info, Code::absent, "kernel dump header: its CONTEXT was never filled in",
        header.is64 ? 0x348 : 0x320);
  }
  if (shape.tag_missing) {
    complete = false;
    say(Severity::warning, Code::bad_magic,
        fmt::format("kernel dump: DumpType is {}, but no such dump stands behind the header",
                    header.dump_type.value_or(0)),
        shape.header_size);
  }
  if (shape.live)
    say(Severity::info, Code::bad_value,
        "live dump: the machine did not crash, it wrote this dump while running", 0);
  constexpr std::uint32_t kDocumentedWriterStatus = 2;
  if (header.writer_status && *header.writer_status != 0 &&
      *header.writer_status <= kDocumentedWriterStatus)
    say(Severity::warning, Code::bad_value,
        *header.writer_status == 1 ? "kernel dump: its writer found no module list"
                                   : "kernel dump: its writer found the module list corrupt",
        header.is64 ? 0x1048 : 0xF9C);
  if (!header.attributes) return;
  std::uint64_t at = header.is64 ? 0x1050 : 0x8A0;
  if (*header.attributes & formats::kDumpInsufficientFileSize) {
    complete = false;
    say(Severity::warning, Code::absent,
        "kernel dump: the dump file was too small, Windows left pages out", at);
  }
  if (*header.attributes & formats::kDumpEncrypted)
    say(Severity::warning, Code::unsupported, "kernel dump: its contents are encrypted", at);
}

// Bytes behind the header that are there at least, before any page.
std::uint64_t least_body(Kind kind) {
  switch (kind) {
  case Kind::summary: return sizeof(formats::SummaryDump);
  case Kind::bitmap:
  case Kind::live: return sizeof(formats::BitmapDump);
  case Kind::rdmp: return sizeof(formats::RdmpDump);
  case Kind::header: return 0;
  default: return 1;
  }
}

// For every kind whose memory is not read: what is known, and what is not.
void say_unread(const KernelHeader& header, const KernelShape& shape, ByteView file, Notes& notes,
                bool& complete) {
  if (file.left(shape.header_size) < least_body(shape.kind)) {
    complete = false;
    add_note(notes, Severity::warning, Code::truncated,
             "kernel dump: cut short, only its header is there", Where::file(file.size()));
  } else if (shape.expected_size && *shape.expected_size > file.size()) {
    complete = false;
    add_note(notes, Severity::warning, Code::truncated,
             fmt::format("kernel dump: cut short, {} of {} are there", readable_size(file.size()),
                         readable_size(*shape.expected_size)),
             Where::file(file.size()));
  }
  if (shape.kind == Kind::header) {
    complete = false;
    add_note(notes, Severity::error, Code::absent,
             "kernel dump: it holds a header only; stacks, drivers and memory were not saved",
             Where::file(shape.header_size));
    return;
  }
  std::string kind = fmt::format("{}-bit {}", header.is64 ? 64 : 32, name_of(shape.kind));
  add_note(notes, Severity::error, Code::unsupported,
           fmt::format("memory of a {} kernel dump is not read by this version: known are the stop "
                       "code, its parameters, build, CPU count and times of the header; not known "
                       "are drivers, processes and stacks",
                       kind),
           Where::file(shape.header_size));
}

// Pieces added first win where pieces overlap.
void lay_out(ByteView file, const Triage& triage, const formats::TriageDump64& body,
             memory::FlatRanges& memory, RegionIndex& regions) {
  auto add = [&](std::uint64_t address, ByteView bytes) {
    if (address == 0 || bytes.empty()) return;
    memory.add(address, bytes);
    regions.add(address, bytes);
  };
  add(triage.stack_start, triage.stack);
  add(triage.process_address, triage.process);
  add(triage.thread_address, triage.thread);
  if (body.DataPageOffset != 0)
    add(body.DataPageAddress, file.clamp(body.DataPageOffset, body.DataPageSize));
  for (const DataBlock& block : triage.data_blocks)
    add(block.address, file.clamp(block.offset, block.size));
  regions.seal();
}

void read_triage_parts(ByteView file, KernelParts& parts, memory::FlatRanges& memory,
                       Notes& notes) {
  KernelDump& kernel = *parts.kernel;
  kernel.triage = read_triage(file, kernel.header, notes, parts.complete);
  if (!kernel.triage) return;
  Triage& triage = *kernel.triage;
  auto body = *file.get<formats::TriageDump64>(formats::kDumpHeader64Size);
  RegionIndex regions;
  lay_out(file, triage, body, memory, regions);
  kernel.cpus = read_kernel_cpus(kernel.header, triage, regions, parts.machine, notes);
  triage.crashed_cpu = crashed_cpu_of(kernel.header, triage);
  for (const KernelCpu& cpu : kernel.cpus)
    if (cpu.number == triage.crashed_cpu) memory.add(cpu.prcb, triage.prcb);
}

} // namespace

Result<KernelParts> read_kernel_dump(ByteView file, Notes& notes) {
  if (!is_kernel_dump(file))
    return fail(Code::bad_magic, "kernel dump header", "neither PAGEDUMP nor PAGEDU64",
                Where::file(0));
  KernelParts parts;
  parts.kernel = std::make_unique<KernelDump>();
  KernelHeader& header = parts.kernel->header;
  header = read_kernel_header(file);
  if (file.size() < (header.is64 ? kLeastHeader64 : kLeastHeader32))
    return fail(Code::truncated, "kernel dump header", describe_kernel_dump(file),
                Where::file(file.size()));
  KernelShape shape = kernel_shape(file, header);
  parts.machine = machine_of(header);
  parts.kind = shape.kind;
  parts.kernel->live = shape.live;
  check_header(file, header, shape, notes, parts.complete);

  auto memory = std::make_shared<memory::FlatRanges>();
  if (shape.kind == Kind::triage && header.is64)
    read_triage_parts(file, parts, *memory, notes);
  else
    say_unread(header, shape, file, notes, parts.complete);
  memory->seal();
  parts.memory = std::move(memory);
  return parts;
}

} // namespace dumptriage::dump
