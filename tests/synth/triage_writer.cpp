#include "synth/triage_writer.h"

#include <algorithm>

namespace dumptriage::synth {
namespace {

// Offsets of DUMP_HEADER64 and TRIAGE_DUMP64 as published (Windows SDK declarations of ntiodump.h).
constexpr std::size_t kHeaderSize = 0x2000, kTriageSize = 0x80;
constexpr std::uint32_t kFiller = 0x45474150; // 'PAGE'
constexpr std::uint32_t kEndMark = 0x44475254;

Bytes header(const TriageDescription& d) {
  Bytes out(kHeaderSize);
  for (std::size_t i = 0; i < kHeaderSize; i += 4) put32(out, i, kFiller);
  put_text(out, 0, "PAGEDU64");
  put32(out, 0x008, d.major_version);
  put32(out, 0x00c, d.build);
  put64(out, 0x010, d.directory_table_base);
  put64(out, 0x018, d.pfn_database);
  put64(out, 0x020, d.ps_loaded_module_list);
  put64(out, 0x028, d.ps_active_process_head);
  put32(out, 0x030, d.machine);
  put32(out, 0x034, d.processors);
  put32(out, 0x038, d.bugcheck_code);
  for (std::size_t i = 0; i < 4; ++i) put64(out, 0x040 + 8 * i, d.bugcheck_parameters[i]);
  put64(out, 0x080, d.kd_debugger_data_block);
  put_bytes(out, 0x348, d.context.data(), std::min<std::size_t>(d.context.size(), 3000));
  put_bytes(out, 0xf00, d.exception.data(), std::min<std::size_t>(d.exception.size(), 0x98));
  put32(out, 0xf98, 4); // DumpType: triage
  put64(out, 0xfa0, d.required_dump_space);
  if (d.system_time) put64(out, 0xfa8, *d.system_time);
  if (d.system_up_time) put64(out, 0x1030, *d.system_up_time);
  if (d.mini_dump_fields) put32(out, 0x1038, *d.mini_dump_fields);
  if (d.product_type) put32(out, 0x1040, *d.product_type);
  if (d.suite_mask) put32(out, 0x1044, *d.suite_mask);
  if (d.writer_status) put32(out, 0x1048, *d.writer_status);
  if (d.attributes) put32(out, 0x1050, *d.attributes);
  if (d.boot_id) put32(out, 0x1054, *d.boot_id);
  return out;
}

// DUMP_STRING: characters, UTF-16 text, NUL; the next one is 8-aligned.
std::uint32_t dump_string(Bytes& out, const std::string& text) {
  align(out, 8);
  std::uint32_t at = static_cast<std::uint32_t>(out.size());
  put32(out, at, text.size());
  put_utf16(out, at + 4, text);
  put16(out, at + 4 + 2 * text.size(), 0);
  return at;
}

void mm_storage(Bytes& out, std::size_t at) {
  put32(out, at, 1);
  put32(out, at + 4, 0x50);
  put64(out, at + 0x48, 0);
}

void unloaded_list(Bytes& out, std::size_t at, const std::vector<SynthUnloaded>& list) {
  put64(out, at, list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::size_t e = at + 8 + 0x38 * i;
    put16(out, e, 2 * list[i].name.size());
    put16(out, e + 2, 2 * list[i].name.size());
    put64(out, e + 8, 0); // UNICODE_STRING64.Buffer
    put_utf16(out, e + 0x10, list[i].name.substr(0, 12));
    put64(out, e + 0x28, list[i].start);
    put64(out, e + 0x30, list[i].end);
  }
}

void driver_list(Bytes& out, std::size_t at, const TriageDescription& d, TriageLayout& layout) {
  out.resize(at + std::size_t{d.driver_stride} * d.drivers.size());
  align(out, 8);
  layout.offset["strings"] = static_cast<std::uint32_t>(out.size());
  for (std::size_t i = 0; i < d.drivers.size(); ++i) {
    const SynthDriver& driver = d.drivers[i];
    std::size_t e = at + d.driver_stride * i;
    put32(out, e, dump_string(out, driver.path));
    put64(out, e + 0x38, driver.base);
    put32(out, e + 0x48, driver.size);
    put32(out, e + 0x80, driver.checksum);
    put32(out, e + 0x88, driver.timestamp);
  }
}

std::vector<SynthBlock> all_blocks(const TriageDescription& d) {
  std::vector<SynthBlock> blocks = d.blocks;
  if (d.ki_processor_block == 0) return blocks;
  SynthBlock array{d.ki_processor_block, {}};
  for (const SynthCpu& cpu : d.cpus) put64(array.bytes, array.bytes.size(), cpu.prcb_address);
  blocks.push_back(std::move(array));
  for (const SynthCpu& cpu : d.cpus) {
    if (!cpu.prcb.empty()) blocks.push_back({cpu.prcb_address, cpu.prcb});
    if (!cpu.context.empty()) blocks.push_back({cpu.context_address, cpu.context});
    if (!cpu.stack.empty()) blocks.push_back({cpu.stack_start, cpu.stack});
  }
  return blocks;
}

// TRIAGE_DATA_BLOCK {Address u64, Offset u32, Size u32}; the data follows packed.
void data_blocks(Bytes& out, const std::vector<SynthBlock>& blocks, TriageLayout& layout) {
  std::size_t at = out.size();
  out.resize(at + 16 * blocks.size());
  layout.offset["data"] = static_cast<std::uint32_t>(out.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    std::uint32_t offset = static_cast<std::uint32_t>(append(out, blocks[i].bytes));
    layout.block_offset.push_back(offset);
    put64(out, at + 16 * i, blocks[i].address);
    put32(out, at + 16 * i + 8, offset);
    put32(out, at + 16 * i + 12, blocks[i].bytes.size());
  }
}

void secondary_blobs(Bytes& out, const TriageDescription& d) {
  std::size_t at = out.size();
  put_text(out, at, "DumpBlob");
  put32(out, at + 8, 0x10);
  put32(out, at + 12, 0xF0000000u | d.build);
  for (const SynthBlob& blob : d.blobs) {
    at = out.size();
    put32(out, at, 0x20);
    put_bytes(out, at + 4, blob.guid.data(), blob.guid.size());
    put32(out, at + 20, blob.data.size());
    put32(out, at + 24, blob.pre_pad);
    put32(out, at + 28, blob.post_pad);
    out.resize(out.size() + blob.pre_pad);
    append(out, blob.data);
    out.resize(out.size() + blob.post_pad);
  }
}

} // namespace

Bytes write_triage64(const TriageDescription& d, TriageLayout* wanted_layout) {
  TriageLayout layout;
  Bytes out = header(d);
  const std::size_t t = kHeaderSize;
  out.resize(t + kTriageSize);
  // Starts a part, 8-aligned, notes it and points the header field at it.
  auto part = [&](const char* name, std::size_t field) {
    align(out, 8);
    layout.offset[name] = static_cast<std::uint32_t>(out.size());
    put32(out, t + field, out.size());
    return out.size();
  };
  auto region = [&](const char* name, std::size_t field, const Bytes& bytes) {
    if (!bytes.empty()) put_bytes(out, part(name, field), bytes);
  };
  put32(out, t + 0x00, d.service_pack_build);
  put32(out, t + 0x0c, 0x348);
  put32(out, t + 0x10, 0xf00);
  if (d.mm_storage) mm_storage(out, part("mm", 0x14));
  if (d.unloaded_list) unloaded_list(out, part("unloaded", 0x18), d.unloaded);
  region("prcb", 0x1c, d.prcb);
  region("process", 0x20, d.process);
  region("thread", 0x24, d.thread);
  region("stack", 0x28, d.stack);
  put32(out, t + 0x2c, d.stack.size());
  put64(out, t + 0x48, d.stack_start);
  region("backing_store", 0x50, d.backing_store);
  put32(out, t + 0x54, d.backing_store.size());
  put64(out, t + 0x58, d.backing_store_limit);
  region("kdbg", 0x70, d.debugger_data);
  put32(out, t + 0x74, d.debugger_data.size());
  region("data_page", 0x68, d.data_page);
  put64(out, t + 0x60, d.data_page_address);
  put32(out, t + 0x6c, d.data_page.size());
  if (!d.drivers.empty()) driver_list(out, part("drivers", 0x30), d, layout);
  put32(out, t + 0x34, d.drivers.size());
  if (!d.broken_driver.empty()) put32(out, t + 0x40, dump_string(out, d.broken_driver));
  if (!d.drivers.empty()) {
    align(out, 8);
    put32(out, t + 0x38, layout.offset["strings"]);
    put32(out, t + 0x3c, out.size() - layout.offset["strings"]);
  }
  put32(out, t + 0x44, d.triage_options);
  std::vector<SynthBlock> blocks = all_blocks(d);
  if (!blocks.empty()) {
    part("blocks", 0x78);
    data_blocks(out, blocks, layout);
  }
  put32(out, t + 0x7c, blocks.size());
  align(out, 4);
  layout.offset["valid"] = static_cast<std::uint32_t>(out.size());
  put32(out, t + 0x08, out.size());
  put32(out, out.size(), kEndMark);
  put32(out, t + 0x04, out.size());
  if (!d.blobs.empty()) {
    layout.offset["blobs"] = static_cast<std::uint32_t>(out.size());
    secondary_blobs(out, d);
  }
  if (wanted_layout) *wanted_layout = std::move(layout);
  return out;
}

} // namespace dumptriage::synth
