// The pool block around an address, and its page: POOL_HEADERs walked from the page's start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dumptriage::system {

class KernelView;

struct PoolBlock {
  std::uint64_t address = 0; // of the header; the data follow it
  std::uint32_t size = 0;    // with the header
  std::string tag;           // four characters, unprintable ones as '.'
  std::uint8_t type = 0;     // PoolType as the header holds it
  std::string state;         // "allocated", "free", "" = not told by this header
  std::string pool;          // "paged", "nonpaged", "" unknown
  bool asked = false;        // the address lies in it
};

struct PoolFinding {
  std::uint64_t asked = 0;
  std::string from; // "asked for", "bugcheck parameter 2"
  std::uint64_t page = 0;
  std::string form;              // "x86, units of 8 bytes"
  std::vector<PoolBlock> blocks; // from the page's start to its end, or to where it breaks
  std::optional<std::uint64_t> inconsistent_at;
  std::string diagnosis; // what is wrong there, and what lies before it
  std::string damage;    // the bytes found where a header should be, as hex and text
  std::string fill;      // what the asked block's data are filled with, when with one value
  std::string undecided; // why nothing, or not all, can be said
  std::string trust;     // "read", "self_checked"
};

PoolFinding read_pool(const KernelView& view, std::uint64_t address, std::string from);

// Forms of POOL_HEADER; see pool.cpp.
enum class PoolForm { x86, windows2000, wide };
std::uint32_t header_size(PoolForm form);
std::uint32_t unit_of(PoolForm form);

struct PoolHeader {
  std::uint32_t before = 0, size = 0; // bytes: of the block before, of this one; both with headers
  std::uint8_t type = 0;
  std::string tag; // four characters, unprintable ones as '.'
  bool free() const { return type == 0; }
};
// The header that stands at `address`, whatever it says; nothing when it is not in the dump.
std::optional<PoolHeader> read_pool_header(const KernelView& view, std::uint64_t address,
                                           PoolForm form);
// Forms that this kernel's pool may have; more than one where no source settles it, none where none
// fits (other CPUs, segment heaps).
std::vector<PoolForm> pool_forms(const KernelView& view);
// Whether a block's type says that it is in use.
bool pool_in_use(const KernelView& view, std::uint8_t type);

} // namespace dumptriage::system
