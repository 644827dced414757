// synth: a page of NT 4's pool on x86 in the form of Windows 2000, as reference 8 assumes it: units
// of 32 bytes, a byte each for the size before, the pool, the type and the size, then the tag.
#pragma once

#include <string>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

class Nt4Pool {
public:
  explicit Nt4Pool(std::uint64_t page) : page_(page), bytes_(0x1000) {}
  // A block of `size` bytes, the header included and a multiple of 32.  Returns its data.
  std::uint64_t add(const std::string& tag, std::size_t size, bool allocated) {
    const std::size_t at = next_;
    put8(bytes_, at, before_);
    put8(bytes_, at + 2, allocated ? 1 : 0); // nonpaged
    put8(bytes_, at + 3, size / 32);
    put_text(bytes_, at + 4, tag.substr(0, 4));
    before_ = size / 32;
    next_ += size;
    return page_ + at + 8;
  }
  // The page, its rest one block in use.
  Bytes page() {
    if (next_ < 0x1000) add("Mdl ", 0x1000 - next_, true);
    return bytes_;
  }

private:
  std::uint64_t page_;
  Bytes bytes_;
  std::size_t next_ = 0, before_ = 0;
};

} // namespace dumptriage::synth
