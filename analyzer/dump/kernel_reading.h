// Inside of the kernel dump reader: what its files share.  Not for other rooms.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dump/dump.h"
#include "dump/kernel.h"
#include "formats/triage64.h"
#include "memory/address_space.h"

namespace dumptriage::dump {

bool is_kernel_dump(ByteView file);

// A header cut short gives what is there; the rest reads as the filler.
KernelHeader read_kernel_header(ByteView file);
arch::Machine machine_of(const KernelHeader& header);

// What kind of dump stands behind the header, and how long the file says it is.
struct KernelShape {
  Kind kind = Kind::full;
  bool live = false;        // the machine did not crash
  bool tag_missing = false; // DumpType promises a header that does not stand there
  std::uint64_t header_size = 0, page_size = 0;
  std::optional<std::uint64_t> expected_size;
};
KernelShape kernel_shape(ByteView file, const KernelHeader& header);
std::string describe_kernel_dump(ByteView file);
std::string readable_size(std::uint64_t bytes); // "1.4 MB"

// Captured pieces by address, as views of the file.  Pieces may overlap.
class RegionIndex {
public:
  void add(std::uint64_t address, ByteView bytes) { pieces_.push_back({address, bytes}); }
  void seal();
  // `length` bytes at `address` when one piece holds them all.
  std::optional<ByteView> find(std::uint64_t address, std::uint64_t length) const;
  std::optional<std::uint64_t> u64(std::uint64_t address) const;

private:
  struct Piece {
    std::uint64_t address;
    ByteView bytes;
  };
  std::vector<Piece> pieces_;
};

struct KernelParts {
  std::unique_ptr<KernelDump> kernel;               // never null
  std::shared_ptr<const memory::FlatRanges> memory; // never null
  arch::Machine machine = arch::Machine::unknown;
  Kind kind = Kind::full;
  bool complete = true;
};
// An Error only when the file ends before the bugcheck parameters.
Result<KernelParts> read_kernel_dump(ByteView file, Notes& notes);

// The body of a triage dump.  `complete` becomes false when anything promised is missing.
struct TriageReading {
  ByteView file;
  const KernelHeader& header;
  Notes& notes;
  bool& complete;
  formats::TriageDump64 body{};
  std::vector<std::uint64_t> starts; // of all parts, sorted: a part ends at the next one's start

  void trouble(Code code, std::string message, std::uint64_t at) const;
  // The bytes of a part that begins at `offset`; cut at the end of the file, with a note.
  ByteView part(const char* name, std::uint64_t offset, std::uint64_t size) const;
  std::uint64_t
  room_behind(std::uint64_t offset) const; // up to the next part or the end of the file
};
std::optional<Triage> read_triage(ByteView file, const KernelHeader& header, Notes& notes,
                                  bool& complete);
void read_drivers(const TriageReading& reading, Triage& triage);
void read_unloaded_drivers(const TriageReading& reading, Triage& triage);
std::string read_dump_string(const TriageReading& reading, std::uint64_t offset, const char* what);
void read_secondary_blobs(const TriageReading& reading, Triage& triage);

// Every CPU as far as it is stored.
std::vector<KernelCpu> read_kernel_cpus(const KernelHeader& header, const Triage& triage,
                                        const RegionIndex& regions, arch::Machine machine,
                                        Notes& notes);
// The number of the CPU whose KPRCB the dump's writer saved; nothing when it cannot be one.
std::optional<std::uint32_t> crashed_cpu_of(const KernelHeader& header, const Triage& triage);

} // namespace dumptriage::dump
