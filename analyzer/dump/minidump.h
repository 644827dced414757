// A user minidump (MDMP), every stream that helps.  Our own directory reader: one bad or doubled
// stream never costs the others.  Layouts: formats/mdmp.h.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch.h"
#include "base/error.h"
#include "dump/records.h"
#include "memory/address_space.h"

namespace dumptriage::dump {

struct StreamEntry {
  std::uint32_t type = 0;
  std::uint64_t offset = 0, size = 0;
  std::string name;
  bool used = false;
};

struct SystemInfo {
  std::uint16_t processor_architecture = 0xFFFF;
  std::uint16_t processor_level = 0, processor_revision = 0;
  std::uint8_t processors = 0, product_type = 0;
  std::uint32_t major = 0, minor = 0, build = 0, platform_id = 0;
  std::uint16_t suite_mask = 0;
  std::string csd_version; // "Service Pack 3"; on Linux/macOS dumps the kernel's version text
  bool csd_version_present = false; // an empty text that is there says "no service pack"
  std::string cpu_vendor;           // x86 only
};

struct MiscInfo {
  std::optional<std::uint32_t> process_id, create_time, user_seconds, kernel_seconds; // UNIX time
  std::optional<std::uint32_t> max_mhz, current_mhz;
  std::optional<std::uint32_t> integrity_level, protected_process;
  std::optional<std::int32_t> time_zone_bias; // minutes
  std::string time_zone, build_string, debug_build_string;
};

struct MemoryRegion { // MemoryInfoList
  std::uint64_t base = 0, allocation_base = 0, size = 0;
  std::uint32_t allocation_protect = 0, state = 0, protect = 0, type = 0;
};

struct Handle {
  std::uint64_t value = 0;
  std::string type, object;
  std::uint32_t attributes = 0, access = 0, handle_count = 0, pointer_count = 0;
};

struct FunctionTable { // stream 13: dynamically registered functions
  std::uint64_t minimum = 0, maximum = 0, base = 0;
  std::uint32_t entry_size = 0;
  ByteView entries;
};

struct MinidumpException {
  std::uint32_t thread_id = 0;
  ExceptionRecord record;
  ByteView context;
};

struct CapturedRange {
  std::uint64_t address = 0, size = 0;
};

struct Minidump {
  std::uint32_t time_date_stamp = 0; // UNIX time of writing
  std::uint64_t flags = 0;           // MINIDUMP_TYPE
  std::vector<StreamEntry> streams;  // as the directory lists them
  std::optional<SystemInfo> system_info;
  MiscInfo misc;
  std::vector<Thread> threads;
  std::vector<Module> modules;
  bool modules_complete = false; // the whole list was read, every name too
  std::vector<UnloadedModule> unloaded_modules;
  std::optional<MinidumpException> exception;
  std::vector<MemoryRegion> memory_regions;
  std::vector<Handle> handles;
  std::vector<FunctionTable> function_tables;
  std::vector<CapturedRange> captured; // MemoryList, Memory64List and stacks, in file order
  std::string comment;                 // CommentA / CommentW
  std::string assertion;               // Breakpad assertion, as one sentence
  std::optional<std::uint32_t> dump_thread_id, requesting_thread_id; // Breakpad info
  std::map<std::string, std::string> annotations;                    // Crashpad simple annotations
  std::map<std::string, std::string> linux_texts; // "cpuinfo", "maps", "cmdline", ... as text
};

struct MinidumpParts {
  std::unique_ptr<Minidump> minidump;               // never null
  std::shared_ptr<const memory::FlatRanges> memory; // never null, sealed
  arch::Machine machine = arch::Machine::unknown;
  bool complete = true; // nothing that the directory promises is missing
};

// The signature "MDMP" alone.
bool is_minidump(ByteView file);
// One line on what the file is, from header and SystemInfo: "user minidump of Windows XP
// (build 2600), x86".  For files that pass is_minidump.
std::string describe_minidump(ByteView file);
// An Error when the file is no minidump or its header or whole directory is missing; everything
// else is a note, and what can be read is kept.
Result<MinidumpParts> read_minidump(ByteView file, Notes& notes);

} // namespace dumptriage::dump
