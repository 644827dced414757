// The container of a PDB 7 (MSF): numbered streams made of blocks.  LLVM reads the block maps,
// after the superblock was checked here; streams are read piecewise, so nothing is loaded that is
// not asked for.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace dumptriage::symbols {

class MsfFile {
public:
  // The caller keeps `bytes`.
  static Result<std::unique_ptr<MsfFile>> open(ByteView bytes);
  ~MsfFile();

  std::uint32_t stream_count() const;
  // 0 for streams that do not exist and for those that claim more than the file holds.
  std::uint32_t stream_size(std::uint32_t stream) const;
  // As many bytes as are there.
  std::size_t read(std::uint32_t stream, std::uint64_t offset, std::span<std::byte> out);
  std::vector<std::byte> load(std::uint32_t stream, std::uint64_t offset, std::uint64_t length);
  std::vector<std::byte> load(std::uint32_t stream) { return load(stream, 0, UINT64_MAX); }

  template <class T> std::optional<T> get(std::uint32_t stream, std::uint64_t offset) {
    T value;
    auto out = std::as_writable_bytes(std::span(&value, 1));
    if (read(stream, offset, out) != out.size()) return std::nullopt;
    return value;
  }

private:
  MsfFile();
  struct Llvm;
  std::unique_ptr<Llvm> llvm_;
};

} // namespace dumptriage::symbols
