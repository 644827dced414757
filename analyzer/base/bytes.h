// The checked byte view.  No method can fault: every access is compared with the size first, in
// arithmetic that cannot wrap.  A view does not own its bytes; whoever hands it out keeps them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/wire.h"

namespace dumptriage {

class ByteView {
public:
  ByteView() = default;
  ByteView(std::span<const std::byte> bytes) : bytes_(bytes) {} // NOLINT
  ByteView(const void* data, std::size_t size)
      : bytes_(static_cast<const std::byte*>(data), size) {}

  std::uint64_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  const std::byte* data() const { return bytes_.data(); }
  std::span<const std::byte> span() const { return bytes_; }

  bool holds(std::uint64_t offset, std::uint64_t length) const {
    return offset <= size() && length <= size() - offset;
  }
  // Bytes from `offset` to the end; 0 when offset lies beyond it.
  std::uint64_t left(std::uint64_t offset) const { return offset <= size() ? size() - offset : 0; }

  std::optional<ByteView> slice(std::uint64_t offset, std::uint64_t length) const {
    if (!holds(offset, length)) return std::nullopt;
    return ByteView(bytes_.subspan(offset, length));
  }
  // As much of [offset, offset+length) as is there; empty when nothing is.
  ByteView clamp(std::uint64_t offset, std::uint64_t length) const {
    if (offset >= size()) return {};
    return ByteView(bytes_.subspan(offset, std::min<std::uint64_t>(length, size() - offset)));
  }

  // A copy of a layout struct (made of le16/le32/le64, bytes, and arrays of them).
  template <class T> std::optional<T> get(std::uint64_t offset) const {
    static_assert(std::is_trivially_copyable_v<T>);
    if (!holds(offset, sizeof(T))) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return value;
  }
  std::optional<std::uint8_t> u8(std::uint64_t o) const { return get<std::uint8_t>(o); }
  std::optional<std::uint16_t> u16(std::uint64_t o) const { return number<le16, std::uint16_t>(o); }
  std::optional<std::uint32_t> u32(std::uint64_t o) const { return number<le32, std::uint32_t>(o); }
  std::optional<std::uint64_t> u64(std::uint64_t o) const { return number<le64, std::uint64_t>(o); }

  std::string_view chars() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  // The bytes from `offset` to the first NUL, or to the end of the view, or `most` bytes.
  std::string_view c_string(std::uint64_t offset, std::uint64_t most = UINT64_MAX) const {
    std::string_view text = clamp(offset, most).chars();
    return text.substr(0, text.find('\0'));
  }

private:
  template <class Wire, class T> std::optional<T> number(std::uint64_t offset) const {
    auto wire = get<Wire>(offset);
    if (!wire) return std::nullopt;
    return static_cast<T>(*wire);
  }
  std::span<const std::byte> bytes_;
};

// a + b, or nothing when it leaves 64 bits.
inline std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}
inline std::optional<std::uint64_t> checked_mul(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

} // namespace dumptriage
