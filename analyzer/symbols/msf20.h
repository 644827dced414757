// The container of a PDB 2.00: numbered streams made of pages.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace dumptriage::symbols {

class Msf20 {
public:
  // The caller keeps `bytes`.
  static Result<Msf20> open(ByteView bytes);

  std::uint32_t stream_count() const { return static_cast<std::uint32_t>(streams_.size()); }
  // Nothing for streams that do not exist or name pages outside the file.  Streams share no pages,
  // so all that are loaded together are at most the file; what goes beyond is not there.
  std::vector<std::byte> load(std::uint32_t stream);

private:
  struct Stream {
    std::uint32_t size = 0;
    std::uint64_t pages = 0; // offset of its page list in the root
  };
  std::vector<std::byte> gather(ByteView list, std::uint32_t size) const;
  ByteView bytes_;
  std::uint32_t page_ = 0, page_count_ = 0;
  std::vector<std::byte> root_;
  std::vector<Stream> streams_;
  std::uint64_t budget_ = 0;
};

} // namespace dumptriage::symbols
