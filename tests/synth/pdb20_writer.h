// Writes PDB 2.00 files in the forms of VC 4 (DBI stream with the old header) and VC 6, from the
// constants of Microsoft's published readers laid down by offset.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "synth/codeview_writer.h"

namespace dumptriage::synth {

struct Pdb20Writer {
  bool vc4 = false; // else VC 6
  std::uint32_t signature = 0x34C0CEA6, info_age = 3, dbi_age = 2, page = 1024;
  std::vector<CvName> publics; // sorted by segment and offset
  std::vector<CvName> removed; // publics of an earlier link, which the address map leaves out
  struct Module {
    std::string name;
    Bytes records; // without the signature in front
    std::vector<CvFile> files;
    std::vector<CvName> pieces;
  };
  std::vector<Module> modules;
  std::vector<std::array<std::uint32_t, 2>> sections = {{0x1000, 0x8000}, {0x9000, 0x2000}};
  Bytes fpo;
  Bytes omap_to_source, omap_from_source;
  bool section_headers = true;

  Bytes bytes() const;

private:
  enum Stream : std::uint16_t {
    kInfo = 1,
    kDbi = 3,
    kPublics,
    kRecords,
    kSections,
    kFpo,
    kTo,
    kFrom,
    kFirstModule
  };
  Bytes info() const;
  Bytes dbi() const;
  Bytes module_list() const;
  Bytes contributions() const;
  Bytes records(std::vector<std::size_t>* starts) const;
  Bytes public_stream() const;
  Bytes section_stream() const;
};

// Puts streams into a container; pages are handed out from the back within a stream.
Bytes msf20(const std::vector<Bytes>& streams, std::uint32_t page);

} // namespace dumptriage::synth
