// Where things lie, by a PDB 7: sections, what each compiland contributed to them, and the maps of
// an image that was rearranged after linking (OMAP).  Of such an image the PDB speaks of the
// addresses before: an rva is first taken back with the "to source" map, and starts of functions
// are taken forward again.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "symbols/msf_file.h"
#include "symbols/omap.h"

namespace dumptriage::symbols {

struct PdbPlace {
  std::uint16_t section = 0; // from 1
  std::uint32_t offset = 0;
};

struct PdbContribution {
  std::uint16_t section = 0;
  std::uint32_t offset = 0, size = 0;
  std::uint16_t module = 0;
};

class PdbPlaces {
public:
  // The substream of the DBI stream.
  void read_contributions(ByteView substream);
  // The streams that the optional debug header, an array of numbers, names.
  void read_debug_streams(MsfFile& msf, ByteView header);

  const Omap& to_source() const { return to_source_; }
  const Omap& from_source() const { return from_source_; }
  std::optional<PdbPlace> place_of(std::uint32_t rva) const;
  std::uint32_t rva_of(PdbPlace place) const; // 0: not in the image
  const PdbContribution* contribution_at(PdbPlace place) const;
  bool knows_contributions() const { return !contributions_.empty(); }

private:
  struct Section {
    std::uint32_t rva = 0, size = 0;
  };
  static std::vector<Section> read_sections(ByteView headers);

  std::vector<Section> sections_;
  Omap to_source_, from_source_;
  std::vector<PdbContribution> contributions_; // sorted by section, offset
};

} // namespace dumptriage::symbols
