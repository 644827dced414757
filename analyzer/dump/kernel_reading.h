// Inside of the kernel dump reader: what its files share.  Not for other rooms.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dump/dump.h"
#include "dump/kernel.h"
#include "memory/address_space.h"
#include "memory/physical_memory.h"
#include "memory/virtual_memory.h"

namespace dumptriage::dump {

bool is_kernel_dump(ByteView file);

// A header cut short gives what is there; the rest reads as the filler.
KernelHeader read_kernel_header(ByteView file);
// By MachineImageType; where a 32-bit header has none, by the flags of its CONTEXT.
arch::Machine machine_of(const KernelHeader& header);

// What kind of dump stands behind the header, and how long the file says it is.
struct KernelShape {
  Kind kind = Kind::full;
  Kind layout = Kind::full;      // as `kind`; a live dump has the layout `bitmap`
  bool live = false;             // the machine did not crash
  bool tag_missing = false;      // DumpType promises a header that does not stand there
  bool encrypted = false;        // what follows the headers cannot be read
  std::uint64_t header_size = 0; // of DUMP_HEADER
  std::uint32_t page_size = 0x1000;
  std::optional<std::uint64_t> expected_size;
};
KernelShape kernel_shape(ByteView file, const KernelHeader& header);
std::string describe_kernel_dump(ByteView file);
std::string readable_size(std::uint64_t bytes); // "1.4 MB"

// Where the pages of a dump lie in its file; read from the headers, no page is touched.
struct PageLayout {
  std::uint64_t first_page = 0; // file offset
  std::uint32_t page_size = 0x1000;
  std::optional<std::uint64_t> pages; // as the header counts them
  std::vector<memory::PageRun> runs;  // full, RDMP
  ByteView bitmap;                    // summary, bitmap
  std::uint64_t bits = 0;             // of it; no more than its bytes hold
};
// Nothing for kinds without pages, and when the headers do not say where the pages are (a note
// then says why).  `complete` becomes false when anything promised is missing.
std::optional<PageLayout> read_page_layout(ByteView file, const KernelHeader& header,
                                           const KernelShape& shape, Notes& notes, bool& complete);

struct KernelParts {
  std::unique_ptr<KernelDump> kernel; // never null
  std::shared_ptr<const memory::PhysicalMemory> physical;
  memory::PageTables tables;
  std::shared_ptr<const memory::AddressSpace> memory; // never null
  arch::Machine machine = arch::Machine::unknown;
  Kind kind = Kind::full;
  bool complete = true;
};
// An Error only when the file ends before the bugcheck parameters.
Result<KernelParts> read_kernel_dump(ByteView file, Notes& notes);
// Physical and virtual memory of a dump that holds pages, and the blobs behind them.
void read_pages(ByteView file, const KernelShape& shape, KernelParts& parts, Notes& notes);

// TRIAGE_DUMP32 and TRIAGE_DUMP64 in one shape.  Offsets are of the file; 0 = no such part.
struct TriageBody {
  std::uint32_t service_pack_build = 0, size_of_dump = 0, valid = 0, mm = 0, unloaded = 0;
  std::uint32_t prcb = 0, process = 0, thread = 0, stack = 0, stack_size = 0;
  std::uint32_t drivers = 0, driver_count = 0, strings = 0, strings_size = 0;
  std::uint32_t broken_driver = 0, options = 0;
  std::uint64_t top_of_stack = 0;
  std::uint32_t backing_store = 0, backing_store_size = 0; // Itanium, so 64 bits only
  std::uint64_t backing_store_limit = 0;
  std::uint64_t data_page_address = 0;
  std::uint32_t data_page = 0, data_page_size = 0, debugger_data = 0, debugger_data_size = 0;
  std::uint32_t data_blocks = 0, data_block_count = 0;
};

// The body of a triage dump.  `complete` becomes false when anything promised is missing.
struct TriageReading {
  ByteView file;
  const KernelHeader& header;
  Notes& notes;
  bool& complete;
  TriageBody body{};
  std::vector<std::uint64_t> starts; // of all parts, sorted: a part ends at the next one's start

  std::uint64_t pointer_size() const { return header.is64 ? 8 : 4; }
  std::optional<std::uint64_t> pointer(ByteView bytes, std::uint64_t at) const;
  void trouble(Code code, std::string message, std::uint64_t at) const;
  // The bytes of a part that begins at `offset`; cut at the end of the file, with a note.
  ByteView part(const char* name, std::uint64_t offset, std::uint64_t size) const;
  std::uint64_t
  room_behind(std::uint64_t offset) const; // up to the next part or the end of the file
};
// `at`: where the triage header stands, behind DUMP_HEADER.
std::optional<Triage> read_triage(ByteView file, const KernelHeader& header, std::uint64_t at,
                                  Notes& notes, bool& complete);
void read_triage_objects(const TriageReading& reading, Triage& triage);
// After the objects: the address of Itanium's backing store, when the dump proves it.
void place_backing_store(const TriageReading& reading, Triage& triage);
void read_drivers(const TriageReading& reading, Triage& triage);
void read_unloaded_drivers(const TriageReading& reading, Triage& triage);
std::string read_dump_string(const TriageReading& reading, std::uint64_t offset, const char* what);

// The list of blobs that begins at `at`; empty when none does.
std::vector<SecondaryBlob> read_secondary_blobs(ByteView file, std::uint64_t at, Notes& notes,
                                                bool& complete);

} // namespace dumptriage::dump
