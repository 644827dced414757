// A kernel dump put together: header facts of every kind, and what stands behind the header.
#include <fmt/format.h>

#include "dump/kernel_reading.h"
#include "formats/dump_header32.h"
#include "formats/dump_header64.h"

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
}

// Pieces added first win where pieces overlap.
void lay_out(ByteView file, const Triage& triage, memory::FlatRanges& memory) {
  auto add = [&](std::uint64_t address, ByteView bytes) {
    if (address != 0 && !bytes.empty()) memory.add(address, bytes);
  };
  add(triage.stack_start, triage.stack);
  add(triage.backing_store_start, triage.backing_store);
  add(triage.process_address, triage.process);
  add(triage.thread_address, triage.thread);
  add(triage.data_page_address, triage.data_page);
  for (const DataBlock& block : triage.data_blocks)
    add(block.address, file.clamp(block.offset, block.size));
  memory.seal();
}

void read_triage_parts(ByteView file, const KernelShape& shape, KernelParts& parts, Notes& notes) {
  KernelDump& kernel = *parts.kernel;
  kernel.triage = read_triage(file, kernel.header, shape.header_size, notes, parts.complete);
  if (!kernel.triage) return;
  auto memory = std::make_shared<memory::FlatRanges>();
  lay_out(file, *kernel.triage, *memory);
  parts.memory = std::move(memory);
  kernel.blobs = read_secondary_blobs(file, kernel.triage->size_of_dump, notes, parts.complete);
}

void say_header_only(const KernelShape& shape, Notes& notes, bool& complete) {
  complete = false;
  add_note(notes, Severity::error, Code::absent,
           "kernel dump: it holds a header only; stacks, drivers and memory were not saved",
           Where::file(shape.header_size));
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
  auto empty = std::make_shared<memory::FlatRanges>();
  empty->seal();
  parts.memory = std::move(empty);
  check_header(file, header, shape, notes, parts.complete);
  switch (shape.layout) {
  case Kind::triage: read_triage_parts(file, shape, parts, notes); break;
  case Kind::header: say_header_only(shape, notes, parts.complete); break;
  default: read_pages(file, shape, parts, notes); break;
  }
  return parts;
}

} // namespace dumptriage::dump
