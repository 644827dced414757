// A 32-bit triage dump (PAGEDUMP, DumpType 4) from the same description as the 64-bit one.
#include <algorithm>

#include "synth/triage_writer.h"

namespace dumptriage::synth {
namespace {

// DUMP_HEADER32 and TRIAGE_DUMP32 as published (Windows SDK declarations of ntiodump.h).
constexpr std::size_t kHeaderSize = 0x1000, kTriageSize = 0x68;
constexpr std::uint32_t kEndMark = 0x44475254;

Bytes header(const TriageDescription& d) {
  Bytes out(kHeaderSize);
  for (std::size_t i = 0; i < kHeaderSize; i += 4) put_text(out, i, "PAGE");
  put_text(out, 0, "PAGEDUMP");
  put32(out, 0x008, d.major_version);
  put32(out, 0x00c, d.build);
  put32(out, 0x010, d.directory_table_base);
  put32(out, 0x014, d.pfn_database);
  put32(out, 0x018, d.ps_loaded_module_list);
  put32(out, 0x01c, d.ps_active_process_head);
  put32(out, 0x020, d.machine);
  put32(out, 0x024, d.processors);
  put32(out, 0x028, d.bugcheck_code);
  for (std::size_t i = 0; i < 4; ++i) put32(out, 0x02c + 4 * i, d.bugcheck_parameters[i]);
  if (d.pae_enabled) put8(out, 0x05c, *d.pae_enabled);
  put32(out, 0x060, d.kd_debugger_data_block);
  put_bytes(out, 0x320, d.context.data(), std::min<std::size_t>(d.context.size(), 1200));
  put_bytes(out, 0x7d0, d.exception.data(), std::min<std::size_t>(d.exception.size(), 0x50));
  put32(out, 0xf88, 4); // DumpType: triage
  if (d.mini_dump_fields) put32(out, 0xf8c, *d.mini_dump_fields);
  if (d.product_type) put32(out, 0xf94, *d.product_type);
  if (d.suite_mask) put32(out, 0xf98, *d.suite_mask);
  if (d.writer_status) put32(out, 0xf9c, *d.writer_status);
  put64(out, 0xfa0, d.required_dump_space);
  if (d.system_up_time) put64(out, 0xfb8, *d.system_up_time);
  if (d.system_time) put64(out, 0xfc0, *d.system_time);
  if (d.attributes) put32(out, 0x8a0, *d.attributes);
  if (d.boot_id) put32(out, 0x8a4, *d.boot_id);
  return out;
}

std::uint32_t dump_string(Bytes& out, const std::string& text) {
  align(out, 8);
  std::uint32_t at = static_cast<std::uint32_t>(out.size());
  put32(out, at, text.size());
  put_utf16(out, at + 4, text);
  put16(out, at + 4 + 2 * text.size(), 0);
  return at;
}

void unloaded_list(Bytes& out, std::size_t at, const std::vector<SynthUnloaded>& list) {
  put32(out, at, list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::size_t e = at + 4 + 0x28 * i;
    put16(out, e, 2 * list[i].name.size());
    put16(out, e + 2, 2 * list[i].name.size());
    put32(out, e + 4, 0); // UNICODE_STRING32.Buffer
    out.resize(e + 0x28);
    put_utf16(out, e + 8, list[i].name.substr(0, 12));
    put32(out, e + 0x20, list[i].start);
    put32(out, e + 0x24, list[i].end);
  }
}

// DUMP_MM_STORAGE32; the words behind its size each hold a number of their own.
void mm_storage(Bytes& out, std::size_t at) {
  put32(out, at, 1);
  put32(out, at + 4, 0x34);
  for (std::uint32_t i = 8; i < 0x34; i += 4) put32(out, at + i, 0x100 + i);
}

// Entries of 0x4c bytes: the name's offset and an LDR_DATA_TABLE_ENTRY of 32 bits.  Another
// driver_stride than the 64-bit default is taken as it stands.
void driver_list(Bytes& out, std::size_t at, const TriageDescription& d, TriageLayout& layout) {
  const std::size_t stride = d.driver_stride == 0x90 ? 0x4c : d.driver_stride;
  out.resize(at + stride * d.drivers.size());
  layout.offset["strings"] = static_cast<std::uint32_t>(out.size());
  for (std::size_t i = 0; i < d.drivers.size(); ++i) {
    const SynthDriver& driver = d.drivers[i];
    std::size_t e = at + stride * i;
    put32(out, e, dump_string(out, driver.path));
    put32(out, e + 0x1c, driver.base);
    put32(out, e + 0x24, driver.size);
    put32(out, e + 0x44, driver.checksum);
    put32(out, e + 0x48, driver.timestamp);
  }
}

std::vector<SynthBlock> all_blocks(const TriageDescription& d) {
  std::vector<SynthBlock> blocks = d.blocks;
  if (d.ki_processor_block == 0) return blocks;
  SynthBlock array{d.ki_processor_block, {}};
  for (const SynthCpu& cpu : d.cpus) put32(array.bytes, array.bytes.size(), cpu.prcb_address);
  blocks.push_back(std::move(array));
  for (const SynthCpu& cpu : d.cpus) {
    if (!cpu.prcb.empty()) blocks.push_back({cpu.prcb_address, cpu.prcb});
    if (!cpu.context.empty()) blocks.push_back({cpu.context_address, cpu.context});
    if (!cpu.stack.empty()) blocks.push_back({cpu.stack_start, cpu.stack});
  }
  return blocks;
}

// TRIAGE_DATA_BLOCK has 64-bit addresses here as well; kernel ones are sign-extended.
void data_blocks(Bytes& out, const std::vector<SynthBlock>& blocks, TriageLayout& layout) {
  std::size_t at = out.size();
  out.resize(at + 16 * blocks.size());
  layout.offset["data"] = static_cast<std::uint32_t>(out.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    std::uint32_t offset = static_cast<std::uint32_t>(append(out, blocks[i].bytes));
    layout.block_offset.push_back(offset);
    std::uint64_t address = blocks[i].address & 0xffffffff;
    put64(out, at + 16 * i, address >> 31 ? address | 0xffffffff00000000 : address);
    put32(out, at + 16 * i + 8, offset);
    put32(out, at + 16 * i + 12, blocks[i].bytes.size());
  }
}

} // namespace

Bytes write_triage32(const TriageDescription& d, TriageLayout* wanted_layout) {
  TriageLayout layout;
  Bytes out = header(d);
  const std::size_t t = kHeaderSize;
  out.resize(t + kTriageSize);
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
  put32(out, t + 0x0c, 0x320);
  put32(out, t + 0x10, 0x7d0);
  if (d.mm_storage) mm_storage(out, part("mm", 0x14));
  if (d.unloaded_list) unloaded_list(out, part("unloaded", 0x18), d.unloaded);
  region("prcb", 0x1c, d.prcb);
  region("process", 0x20, d.process);
  region("thread", 0x24, d.thread);
  region("stack", 0x28, d.stack);
  put32(out, t + 0x2c, d.stack.size());
  put32(out, t + 0x48, d.stack_start);
  region("data_page", 0x50, d.data_page);
  put32(out, t + 0x4c, d.data_page_address);
  put32(out, t + 0x54, d.data_page.size());
  region("kdbg", 0x58, d.debugger_data);
  put32(out, t + 0x5c, d.debugger_data.size());
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
    part("blocks", 0x60);
    data_blocks(out, blocks, layout);
  }
  put32(out, t + 0x64, blocks.size());
  align(out, 4);
  layout.offset["valid"] = static_cast<std::uint32_t>(out.size());
  put32(out, t + 0x08, out.size());
  put32(out, out.size(), kEndMark);
  put32(out, t + 0x04, out.size());
  if (wanted_layout) *wanted_layout = std::move(layout);
  return out;
}

} // namespace dumptriage::synth
