// A file without a name that grows at its end and is gone when nobody holds it: what an archive is
// unpacked to.  Stretches of zeros take no room on disk where the file system can leave holes.
#pragma once

#include <cstdint>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"

namespace dumptriage {

class TemporaryFile {
public:
  // In the folder for temporary files (TMPDIR).
  static Result<TemporaryFile> create();
  TemporaryFile(TemporaryFile&& other) noexcept { *this = std::move(other); }
  TemporaryFile& operator=(TemporaryFile&& other) noexcept;
  ~TemporaryFile();

  Result<void> append(ByteView bytes);
  void append_zeros(std::uint64_t count) { size_ += count; }
  std::uint64_t size() const { return size_; }
  std::uint64_t bytes_written() const { return written_; } // without the holes
  // Gives the file its size; the descriptor stays this object's.
  Result<int> finish();

private:
  TemporaryFile() = default;
  Result<void> write(ByteView bytes, std::uint64_t offset);
  int descriptor_ = -1;
  std::uint64_t size_ = 0, written_ = 0;
  std::uint64_t room_ = 0; // bytes that may be written: a full disk hurts others too
};

} // namespace dumptriage
