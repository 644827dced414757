// dump: a file becomes a Dump.  One file per container kind, and a probe table in open.cpp.
// A Dump keeps the mapped file alive; every ByteView in it points into that file.
#pragma once

#include <memory>
#include <string>

#include "arch/arch.h"
#include "base/mapped_file.h"
#include "dump/kernel.h"
#include "dump/minidump.h"
#include "dump/records.h"
#include "memory/address_space.h"
#include "memory/physical_memory.h"
#include "memory/virtual_memory.h"

namespace dumptriage::dump {

enum class Format { minidump, userdump, kernel };
enum class Kind { user, full, summary, bitmap, rdmp, live, triage, header };
std::string_view name_of(Format format); // "minidump"
std::string_view name_of(Kind kind);     // "triage"

// What a file is, from its first bytes and its size; said for every file, also one we cannot read.
struct Identity {
  bool is_dump = false;    // some Windows (or Breakpad) dump, readable or not
  bool readable = false;   // open() can make more of it than this sentence
  std::string description; // "64-bit kernel triage dump of Windows 10 (build 19041), x64", "ELF
                           // core", "empty file"
};
Identity identify(ByteView file);

struct Dump {
  std::shared_ptr<const MappedFile> file;
  Format format = Format::minidump;
  Kind kind = Kind::user;
  arch::Machine machine = arch::Machine::unknown;
  bool complete = true;               // nothing that the file promises is missing
  std::string description;            // Identity::description
  std::unique_ptr<Minidump> minidump; // minidumps and user dumps; exactly one of these two
  std::unique_ptr<KernelDump> kernel;
  std::shared_ptr<const memory::AddressSpace> memory; // never null; may be empty
  // Kernel dumps that hold pages: physical memory, and the tables behind `memory` (the kernel's, of
  // the header's DirectoryTableBase).  Null otherwise.
  std::shared_ptr<const memory::PhysicalMemory> physical;
  memory::PageTables tables;
  Notes notes;
};

// Virtual memory of another process of a dump with pages; null when the dump has none, or when its
// CPU's page tables are not known.
std::shared_ptr<const memory::AddressSpace> address_space(const Dump& dump,
                                                          std::uint64_t directory_table_base);

// Reads directories, lists and headers; no memory contents.  An Error only when nothing at all can
// be said beyond identify(); its `why` then holds the description of what the file is.
Result<Dump> open(const std::string& path);
Result<Dump> open(std::shared_ptr<const MappedFile> file);

struct DumpId {
  std::string id;   // BLAKE3, lower-case hex
  std::string kind; // "full" or "sampled"
};
// BLAKE3 of all bytes up to 64 MiB; above, of size, header, run table or bitmap, and 256 pages
// chosen by them (dump_id.cpp).
DumpId dump_id(ByteView file, bool force_full = false);

} // namespace dumptriage::dump
