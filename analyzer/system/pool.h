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

} // namespace dumptriage::system
