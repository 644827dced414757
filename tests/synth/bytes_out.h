// synth: bytes laid down by offset or appended, little endian.  The writers of this folder build
// dumps from their own constants and never include analyzer/formats, so that a reader is never
// tested against the layout it was written with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace dumptriage::synth {

using Bytes = std::vector<std::uint8_t>;

// Writes `size` low bytes of `value` at `offset`; the buffer grows with zeros when it is too short.
inline void put(Bytes& out, std::size_t offset, std::uint64_t value, std::size_t size) {
  if (out.size() < offset + size) out.resize(offset + size);
  for (std::size_t i = 0; i < size; ++i)
    out[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
}
inline void put8(Bytes& out, std::size_t offset, std::uint64_t v) { put(out, offset, v, 1); }
inline void put16(Bytes& out, std::size_t offset, std::uint64_t v) { put(out, offset, v, 2); }
inline void put32(Bytes& out, std::size_t offset, std::uint64_t v) { put(out, offset, v, 4); }
inline void put64(Bytes& out, std::size_t offset, std::uint64_t v) { put(out, offset, v, 8); }
inline void put_bytes(Bytes& out, std::size_t offset, const void* data, std::size_t size) {
  if (size == 0) return;
  if (out.size() < offset + size) out.resize(offset + size);
  std::memcpy(out.data() + offset, data, size);
}
inline void put_bytes(Bytes& out, std::size_t offset, const Bytes& data) {
  put_bytes(out, offset, data.data(), data.size());
}
inline void put_text(Bytes& out, std::size_t offset, std::string_view text) {
  put_bytes(out, offset, text.data(), text.size());
}
// ASCII text as UTF-16, no terminator.
inline void put_utf16(Bytes& out, std::size_t offset, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    put16(out, offset + 2 * i, static_cast<std::uint8_t>(text[i]));
}
inline std::size_t append(Bytes& out, const Bytes& data) {
  std::size_t at = out.size();
  put_bytes(out, at, data);
  return at;
}
inline void align(Bytes& out, std::size_t to) { out.resize((out.size() + to - 1) / to * to); }

} // namespace dumptriage::synth
