// Lays the type records of a PDB down by hand, as microsoft-pdb's cvinfo.h describes them.
#pragma once

#include <string_view>

#include "synth/bytes_out.h"

namespace dumptriage::symbols {

using synth::Bytes;
using synth::put16;
using synth::put32;
using synth::put_bytes;
using synth::put_text;

// The records of one stream; indexes count from 0x1000.
class Types {
public:
  std::uint32_t add(Bytes body) {
    while ((body.size() + 2) % 4 != 0)
      body.push_back(static_cast<std::uint8_t>(0xF0 + (4 - (body.size() + 2) % 4)));
    put16(records_, records_.size(), body.size());
    put_bytes(records_, records_.size(), body);
    return next_++;
  }
  Bytes stream() const {
    Bytes out(56);
    put32(out, 0, 20040203);
    put32(out, 4, 56);
    put32(out, 8, 0x1000);
    put32(out, 12, next_);
    put32(out, 16, records_.size());
    put_bytes(out, 56, records_);
    return out;
  }

private:
  Bytes records_;
  std::uint32_t next_ = 0x1000;
};

inline void append_name(Bytes& out, std::string_view name) {
  put_text(out, out.size(), name);
  out.push_back(0);
}

inline void member(Bytes& list, std::string_view name, std::uint32_t type, std::uint32_t offset) {
  put16(list, list.size(), 0x150D);
  put16(list, list.size(), 3);
  put32(list, list.size(), type);
  if (offset < 0x8000) {
    put16(list, list.size(), offset);
  } else {
    put16(list, list.size(), 0x8004); // LF_ULONG
    put32(list, list.size(), offset);
  }
  append_name(list, name);
  while (list.size() % 4 != 2)
    list.push_back(static_cast<std::uint8_t>(0xF0 + (6 - list.size() % 4) % 4));
}

inline Bytes structure(std::uint32_t list, std::uint32_t size, std::string_view name,
                       bool forward) {
  Bytes out;
  put16(out, 0, 0x1505);
  put16(out, 2, 1);
  put16(out, 4, forward ? 0x80 : 0);
  put32(out, 6, list);
  put32(out, 10, 0);
  put32(out, 14, 0);
  put16(out, 18, size);
  append_name(out, name);
  return out;
}

} // namespace dumptriage::symbols
