// A kernel dump: header facts of every kind, the whole body of triage dumps of both widths.  Memory
// of the kinds that hold pages is Dump::physical and Dump::memory.
// Layouts: formats/dump_header64.h, dump_header32.h, kernel_pages.h, triage64.h, triage32.h.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "dump/records.h"

namespace dumptriage::dump {

struct PhysicalRun {
  std::uint64_t base_page = 0, page_count = 0;
};

// Header fields that hold the filler 'PAGE' are nothing; where there is no optional, 0.
struct KernelHeader {
  bool is64 = false;
  std::uint32_t major_version = 0, build = 0; // MajorVersion 0xF free, 0xC checked
  std::uint64_t directory_table_base = 0, pfn_database = 0;
  std::uint64_t ps_loaded_module_list = 0, ps_active_process_head = 0;
  std::uint32_t machine_image_type = 0;
  std::optional<std::uint32_t> processors;
  std::uint32_t bugcheck_code = 0;
  std::array<std::uint64_t, 4> bugcheck_parameters{};
  std::uint64_t kd_debugger_data_block = 0;
  std::optional<std::uint32_t> dump_type, product_type, suite_mask, attributes, writer_status;
  std::optional<std::uint64_t> required_dump_space, system_time /*FILETIME*/,
      system_up_time /*100 ns*/;
  std::optional<std::uint32_t> mini_dump_fields, boot_id, secondary_data_state;
  std::optional<std::uint8_t> kd_secondary_version;
  std::optional<bool> pae_enabled;             // 32-bit only
  std::optional<std::uint64_t> physical_pages; // NumberOfPages of the physical memory block
  // Its runs as they stand; empty when there are more than the block has room for, or none.
  std::vector<PhysicalRun> physical_runs;
  std::string physical_trouble; // what is wrong with the block, for people; empty: nothing
  std::string comment, version_user;
  ByteView context;          // ContextRecord; trust rules are stack/fault_origin's business
  ExceptionRecord exception; // never the fault by itself: see 0x7E in reference notes
};

struct DataBlock {
  std::uint64_t address = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct SecondaryBlob {
  std::string guid;
  std::string name;
  std::uint64_t offset = 0, size = 0;
};

// DUMP_MM_STORAGE: counters of the memory manager; pages, as Windows counts them.
struct MmStorage {
  std::uint32_t version = 0, size = 0, special_pool_tag = 0, triage_action_taken = 0;
  std::uint32_t verify_driver_level = 0, kernel_verifier = 0;
  std::uint64_t maximum_nonpaged_pool = 0, allocated_nonpaged_pool = 0;
  std::uint64_t paged_pool_maximum = 0, paged_pool_allocated = 0;
  std::uint64_t committed_pages = 0, committed_pages_peak = 0, commit_limit_maximum = 0;
};

struct Triage {
  std::uint32_t service_pack_build = 0, size_of_dump = 0, triage_options = 0;
  std::vector<Module> drivers;
  bool drivers_complete = true; // the list is whole, and the kernel did not say that it overflowed
  std::vector<UnloadedModule> unloaded_drivers;
  std::string broken_driver;
  std::uint64_t stack_start = 0; // TopOfStack: the lowest address
  ByteView stack;
  // Whether `stack` ends where the saved thread's stack does; nothing when that is not known.
  std::optional<bool> stack_reaches_base;
  ByteView prcb, process, thread; // raw KPRCB, EPROCESS, ETHREAD
  // Addresses of the last two, where their own list heads tell them; 0 otherwise.
  std::uint64_t process_address = 0, thread_address = 0;
  ByteView debugger_data;                // decoded KDDEBUGGER_DATA64
  std::uint64_t backing_store_start = 0; // Itanium; 0: nothing proves where the slice lies
  std::uint64_t backing_store_limit = 0; // LimitOfBStore, as it stands
  ByteView backing_store;
  std::uint64_t data_page_address = 0;
  ByteView data_page;
  std::optional<MmStorage> mm;
  std::vector<DataBlock> data_blocks;
};

struct KernelDump {
  KernelHeader header;
  bool live = false; // the machine went on running: nothing crashed
  std::optional<Triage> triage;
  std::vector<SecondaryBlob> blobs; // of bugcheck callbacks, behind the dump proper
};

// KDDEBUGGER_DATA64 with every field checked against its Size.  Offsets are offsetof() in
// formats::KdDebuggerData64.
// Keeps a copy of the bytes: in dumps with pages they may lie in two of them.
class DebuggerData {
public:
  DebuggerData() = default; // !valid()
  explicit DebuggerData(ByteView data);
  bool valid() const { return !data_.empty(); } // the tag stands and Size is one that Windows uses
  std::uint64_t size() const { return data_.size(); }
  // A variable's address; nothing when the field is not there or 0.
  std::optional<std::uint64_t> address(std::uint64_t field) const;
  // An Offset or Size field of 2 or 4 bytes; nothing when not there, 0 or all ones.
  std::optional<std::uint32_t> offset16(std::uint64_t field) const;
  std::optional<std::uint32_t> offset32(std::uint64_t field) const;

private:
  std::vector<std::byte> data_; // cut to Size
};

} // namespace dumptriage::dump
