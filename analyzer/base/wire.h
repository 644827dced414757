// Integers as they lie in a file: little endian, one-byte aligned, so that a layout struct made of
// them has the published size on every host and may be read at any offset of a mapped file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace dumptriage {

template <class T> class Little {
  static_assert(std::is_integral_v<T>);

public:
  Little() = default;
  constexpr operator T() const { // NOLINT: reads like the integer it is
    std::make_unsigned_t<T> value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value |= static_cast<std::make_unsigned_t<T>>(static_cast<std::make_unsigned_t<T>>(bytes_[i])
                                                    << (8 * i));
    return static_cast<T>(value);
  }

private:
  std::array<std::uint8_t, sizeof(T)> bytes_{};
};

using le8 = std::uint8_t;
using le16 = Little<std::uint16_t>;
using le32 = Little<std::uint32_t>;
using le64 = Little<std::uint64_t>;
static_assert(sizeof(le16) == 2 && sizeof(le32) == 4 && sizeof(le64) == 8 && alignof(le64) == 1);

} // namespace dumptriage
