// How symbol stores name their slots: NAME/KEY/NAME, below a folder or a URL.  The key of an image
// is its time stamp in 8 upper-case and its size in lower-case hex digits, that of a PDB the debug
// id (https://learn.microsoft.com/windows-hardware/drivers/debugger/using-symstore, and what
// symstore.exe lays down).  Breakpad's trees have the .sym file in the PDB's slot.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dump/records.h"
#include "symbols/store.h"

namespace dumptriage::symbols {

std::string image_key(std::uint32_t timestamp, std::uint64_t size);
// The stamp and size of such a key; false when it is none.
bool read_image_key(std::string_view key, std::uint32_t& timestamp, std::uint64_t& size);
// The debug id that a key stands for; Kind::none when it is none.
dump::DebugId id_of_key(std::string_view key);

// A place of a store: `folder`/KEY/`file`.
struct Slot {
  std::string folder, file;
  bool operator==(const Slot&) const = default;
};
// "ntdll.pdb/1BA1C2A7...2/ntdll.pdb", and in a store of two tiers "nt/ntdll.pdb/...".
std::string slot_path(const Slot& slot, std::string_view key);
std::string tier_of(std::string_view folder);

// Where a store keeps what a report wants: an "image" or "pdb" called `name`, or a "sym" called
// NAME.sym in the slot NAME.  Empty names when it has no place.
struct StorePlace {
  Slot slot;
  std::string key;
};
StorePlace place_of(std::string_view kind, std::string_view name, std::string_view id);

// Setup copies the kernel and the HAL that fit the machine as ntoskrnl.exe and hal.dll; a dump says
// the one name, stores and service packs have the other.  The names that an image may have, its own
// first.
std::vector<std::string> image_names(std::string_view name);

// As COMPRESS.EXE and symstore /compress name it: the last letter replaced by '_'.
std::string packed_name(std::string name);

// Without blanks and line ends around it.
std::string_view trimmed(std::string_view text);

// A name from a dump that may become a file name: not empty, one component, no control characters.
bool usable_name(std::string_view name);

// What the text of a file.ptr says: where the file lies, or in words why it is not there.
struct FilePointer {
  std::string path, message;
};
FilePointer read_file_pointer(std::string_view text);
inline constexpr std::size_t kLongestFilePointer = 4096;

} // namespace dumptriage::symbols
