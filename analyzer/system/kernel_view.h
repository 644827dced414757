// What the readers of kernel objects share: this dump's memory with typed, checked reads, its
// KDBG, its layout.  One reader a file (processes.cpp, kernel_threads.cpp, resources.cpp, ...).
// Addresses of 32-bit kernels are plain 32-bit numbers here, never sign-extended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dump/dump.h"
#include "memory/address_space.h"
#include "system/layout.h"
#include "system/snapshot.h"

namespace dumptriage::system {

class KernelView {
public:
  KernelView(const dump::Dump& dump, const memory::AddressSpace& memory, dump::DebuggerData kdbg,
             Layout layout, Notes& notes);

  const dump::Dump& dump;
  const memory::AddressSpace& memory;
  const dump::DebuggerData kdbg; // !valid() when the dump has none
  const Layout layout;
  Notes& notes;
  const int pointer_size;

  std::optional<std::uint64_t> pointer(std::uint64_t address) const;
  std::optional<std::uint8_t> u8(std::uint64_t address) const;
  std::optional<std::uint16_t> u16(std::uint64_t address) const;
  std::optional<std::uint32_t> u32(std::uint64_t address) const;
  std::optional<std::uint64_t> u64(std::uint64_t address) const;
  // A field of an object by name: read with the field's own size (or the pointer's when the source
  // gives none), bit fields cut out.  Nothing when the layout or the memory does not have it.
  std::optional<std::uint64_t> value(std::uint64_t object, std::string_view structure,
                                     std::string_view field) const;
  std::optional<std::uint64_t> address_of(std::uint64_t object, std::string_view structure,
                                          std::string_view field) const;
  // UNICODE_STRING at `address`, at most 512 characters, made safe UTF-8.
  std::optional<std::string> unicode_string(std::uint64_t address) const;
  // Kernel half of the address space, by pointer size (32-bit: from 0x80000000, also with /3GB).
  bool is_kernel_address(std::uint64_t address) const;
  // Whether the layouts of this CPU's kernel are published: x86, x64, ARM64.  Elsewhere they are
  // inferred, and nothing is read by one that the dump does not prove.
  bool has_published_layouts() const;
  // Low 7 bits of DISPATCHER_HEADER.Type: 3 process, 6 thread, ...
  std::optional<std::uint8_t> dispatcher_type(std::uint64_t object) const;
  bool is_thread(std::uint64_t object) const; // a KTHREAD stands there (type and sane stack fields)
  bool is_process(std::uint64_t object) const; // an EPROCESS stands there (type, sane name)
  // EPROCESS.ImageFileName: up to 15 printable characters, zeros behind.
  std::optional<std::string> image_name(std::uint64_t process) const;
  // A machine address of the header or KDBG in this view's form (32 bits: the low half).
  std::uint64_t cut(std::uint64_t address) const {
    return pointer_size == 4 ? address & 0xFFFFFFFF : address;
  }
};

// What a snapshot of a kernel dump keeps for the readers of its objects.
struct KernelBasis {
  dump::DebuggerData kdbg;
  Layout layout; // checked on this dump's objects, or knowing nothing
};
// The view of a snapshot that has a basis.  The dump and the notes must outlive it.
KernelView view_of(const dump::Dump& dump, const Snapshot& snapshot, Notes& notes);

// Follows a doubly linked LIST_ENTRY from `head`; `visit(entry)` gets the address of each link and
// says whether to go on.  Stops at the head, at a link it has seen, at `budget` links, at a link
// that cannot be read, or at one whose Blink does not point back; what ended it otherwise than at
// the head becomes a note "NAME: why (where)".  True = complete.
template <class Visit>
bool walk_list(const KernelView& view, std::uint64_t head, std::size_t budget, const char* name,
               Visit&& visit);

// All links of such a list, in its order.  One that is torn is read from its other end as well;
// what lies between is lost, and `complete` is false.
struct ListEntries {
  std::vector<std::uint64_t> entries;
  bool complete = false;
};
ListEntries list_entries(const KernelView& view, std::uint64_t head, std::size_t budget,
                         const char* name);

} // namespace dumptriage::system

#include "system/walk_list.h" // the template's body
