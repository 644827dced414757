// Type records by their index, and names of functions by their ids (IPI stream): of those that were
// inlined there is no symbol.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "symbols/msf_file.h"

namespace dumptriage::symbols {

// Finds records of the TPI or IPI stream by their index, reading only what lies around them.
class PdbRecords {
public:
  // `msf` must outlive it.
  PdbRecords(MsfFile& msf, std::uint32_t stream);
  // From the kind on; empty when there is no such record.
  std::vector<std::byte> record(std::uint32_t index);

private:
  struct Place {
    std::uint32_t index = 0;
    std::uint64_t offset = 0;
  };
  Place start_for(std::uint32_t index) const;

  MsfFile& msf_;
  std::uint32_t stream_;
  std::uint32_t first_ = 0, end_ = 0; // indexes
  std::uint64_t begin_ = 0;           // offset of the first record
  std::uint32_t hash_stream_ = 0;
  std::uint64_t index_offsets_ = 0; // in the hash stream
  std::uint32_t index_count_ = 0;
  std::uint64_t steps_left_ = 16u << 20; // a stream without index offsets is gone through
};

class PdbIds {
public:
  explicit PdbIds(MsfFile& msf);
  // "Tiny::go", "std::move<int &>"; empty when the id says nothing.
  const std::string& name(std::uint32_t id);

private:
  std::string find(std::uint32_t id);
  PdbRecords types_, ids_;
  std::map<std::uint32_t, std::string> known_;
};

} // namespace dumptriage::symbols
