// Makes the PDB that a vendor publishes out of a full one, in place: compilands lose their streams,
// so procedures, lines and types are gone, and publics, section contributions and frame records
// stay, the last if wanted.
#pragma once

#include <cstdint>
#include <vector>

namespace dumptriage::synth {

// `pdb` is an MSF 7 file.  False when it does not look like one.
bool strip_pdb(std::vector<std::uint8_t>& pdb, bool keep_frames = true);

} // namespace dumptriage::synth
