// synth: a kernel triage dump (DumpType 4) of 64 or 32 bits from a plain description.
// Everything is written as the two published modern samples have it: unset header fields hold
// 'PAGE', offsets are absolute, the call stack starts at its lowest address, names count
// characters, the end mark is "TRGD", and every CPU's KPRCB, CONTEXT and stack slice are ordinary
// data blocks. kernel_bytes.h makes the KPRCB, ETHREAD, EPROCESS, KDBG and CONTEXT bytes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

struct SynthDriver {
  std::string path; // "\\SystemRoot\\system32\\DRIVERS\\netbt.sys", ASCII
  std::uint64_t base = 0;
  std::uint32_t size = 0, timestamp = 0, checksum = 0;
};
struct SynthUnloaded {
  std::string name; // the file keeps 12 characters at most
  std::uint64_t start = 0, end = 0;
};
// Bytes of memory; becomes a data block.
struct SynthBlock {
  std::uint64_t address = 0;
  Bytes bytes;
};
// Secondary data behind the dump proper.
struct SynthBlob {
  std::array<std::uint8_t, 16> guid{};
  Bytes data;
  std::uint32_t pre_pad = 0, post_pad = 0;
};
// A CPU as data blocks: one slot of KiProcessorBlock, the KPRCB, and what hangs on it.
struct SynthCpu {
  std::uint64_t prcb_address = 0;
  Bytes prcb;                        // empty: only the slot is written
  std::uint64_t context_address = 0; // separate CONTEXT (KPRCB.Context); 0 = none
  Bytes context;
  std::uint64_t stack_start = 0; // lowest address of the saved slice
  Bytes stack;
};

struct TriageDescription {
  // DUMP_HEADER64.  A nullopt keeps the filler 'PAGE'.
  std::uint32_t major_version = 0xF, build = 3790;
  std::uint64_t directory_table_base = 0, pfn_database = 0;
  std::uint64_t ps_loaded_module_list = 0, ps_active_process_head = 0;
  std::uint32_t machine = 0x8664;
  std::uint32_t processors = 1;
  std::uint32_t bugcheck_code = 0;
  std::array<std::uint64_t, 4> bugcheck_parameters{};
  std::uint64_t kd_debugger_data_block = 0;
  Bytes context;   // CONTEXT, at most 3000 bytes
  Bytes exception; // EXCEPTION_RECORD of the dump's width
  std::uint64_t required_dump_space = 0;
  std::optional<std::uint64_t> system_time, system_up_time;
  std::optional<std::uint32_t> mini_dump_fields, product_type, suite_mask, writer_status;
  std::optional<std::uint32_t> attributes, boot_id;
  std::optional<bool> pae_enabled; // 32-bit

  // TRIAGE_DUMP64.  An empty part gets offset 0.
  std::uint32_t service_pack_build = 0, triage_options = 0xFFFFFFFF;
  bool mm_storage = true;
  std::vector<SynthUnloaded> unloaded;
  bool unloaded_list = true; // false: offset 0 instead of an empty list
  Bytes prcb, process, thread;
  std::uint64_t stack_start = 0; // TopOfStack
  Bytes stack;
  std::uint64_t backing_store_start = 0, backing_store_limit = 0; // Itanium
  Bytes backing_store;
  std::vector<SynthDriver> drivers;
  std::uint32_t driver_stride = 0x90;
  std::string broken_driver;
  std::uint64_t data_page_address = 0;
  Bytes data_page;
  Bytes debugger_data; // decoded KDDEBUGGER_DATA64
  std::vector<SynthBlock> blocks;
  // KiProcessorBlock and the CPUs behind it are appended to `blocks` when the address is set.
  std::uint64_t ki_processor_block = 0;
  std::vector<SynthCpu> cpus;
  std::vector<SynthBlob> blobs;
};

// Where the writer put things, for tests that patch or cut the result.
struct TriageLayout {
  std::map<std::string, std::uint32_t>
      offset; // "mm", "unloaded", "prcb", "process", "thread", "stack", "kdbg",
              // "drivers", "strings", "blocks", "data", "valid", "blobs"
  std::vector<std::uint32_t> block_offset; // file offset of each data block's bytes
};

Bytes write_triage64(const TriageDescription& description, TriageLayout* layout = nullptr);
// PAGEDUMP; the low halves of addresses, drivers at the stride 0x4c, no Itanium fields and no
// blobs.
Bytes write_triage32(const TriageDescription& description, TriageLayout* layout = nullptr);

} // namespace dumptriage::synth
