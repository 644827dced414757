// synth: one file in an archive or a compressed file, and the way back, by libarchive's own
// writers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

// "zip", "7z", "gz", "xz", "zst".  Empty when libarchive was built without that format.
Bytes packed(const std::string& kind, const std::string& name, const Bytes& bytes);
inline const std::vector<std::string>& archive_kinds() {
  static const std::vector<std::string> kinds = {"zip", "7z", "gz", "xz", "zst"};
  return kinds;
}
// What a file holds: the first member of an archive, the contents of a compressed file, else the
// bytes themselves.  Nothing when it cannot be read.
std::optional<Bytes> unpacked_file(const std::string& path);

} // namespace dumptriage::synth
