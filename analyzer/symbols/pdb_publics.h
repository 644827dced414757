// The public symbols of a PDB 7 by address.  Nothing is kept: each question reads the few entries
// of the address map that it needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "symbols/msf_file.h"
#include "symbols/pdb_places.h"

namespace dumptriage::symbols {

class PdbPublics {
public:
  struct Public {
    PdbPlace place;
    std::uint32_t flags = 0;
    std::string name;
  };

  // `msf` must outlive it.  `records` is the stream of symbol records.
  PdbPublics() = default;
  PdbPublics(MsfFile& msf, std::uint32_t stream, std::uint32_t records);

  // The nearest public at or below `place` in its section; of several at one address the one that
  // is a function, then the first by name.
  std::optional<Public> last_before(PdbPlace place) const;

private:
  std::optional<std::uint32_t> record_of(std::uint32_t index) const;
  std::optional<Public> read(std::uint32_t record) const;

  MsfFile* msf_ = nullptr;
  std::uint32_t stream_ = 0, records_ = 0;
  std::uint64_t address_map_ = 0; // offset in the publics stream
  std::uint32_t count_ = 0;
};

} // namespace dumptriage::symbols
