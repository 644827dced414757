// Writes CodeView symbol records with length-prefixed names, line tables before C13, and the NB09
// or NB11 block of an image or a .DBG file, from the constants of the published specification laid
// down by offset.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

enum class CvTypes { bits16, bits32 }; // CodeView 4, CodeView 5

struct CvName {
  std::string name;
  std::uint16_t segment = 1;
  std::uint32_t offset = 0, size = 0;
};

Bytes cv_record(std::uint16_t kind, const Bytes& body, const std::string& name);
Bytes cv_public(CvTypes types, const CvName& name);
// A static one when its name begins with "s_"; ends in S_END.
Bytes cv_procedure(CvTypes types, const CvName& name);
Bytes cv_mips_procedure(CvTypes types, const CvName& name);
Bytes cv_ia64_procedure(const CvName& name);
Bytes cv_thunk(const CvName& name);
// S_PROCREF with the name behind it that its length does not count.
Bytes cv_reference(const std::string& hidden_name);
Bytes cv_compile(std::uint8_t machine);

struct CvFile {
  std::string name;
  std::uint16_t segment = 1;
  std::uint32_t first = 0, last = 0;
  std::vector<std::array<std::uint32_t, 2>> lines; // offset, line
};
Bytes cv_lines(const std::vector<CvFile>& files);

// The signature, the subsections, the directory.
struct CodeViewWriter {
  bool nb11 = true;
  struct Subsection {
    std::uint16_t type = 0, module = 1;
    Bytes bytes;
  };
  std::vector<Subsection> subsections;
  std::size_t first_directory = SIZE_MAX; // as many entries; the rest is in a second directory

  void symbols(const Bytes& records);                    // sstAlignSym
  void hashed(std::uint16_t type, const Bytes& records); // sstGlobalPub ...
  void module(const std::string& name, const std::vector<CvName>& pieces);
  void segments(const std::vector<std::array<std::uint32_t, 2>>& frame_and_offset);
  Bytes bytes() const;
};

} // namespace dumptriage::synth
