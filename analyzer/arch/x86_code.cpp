#include "arch/x86_code.h"

namespace dumptriage::arch::x86 {

constexpr std::size_t kLongest = 15;
constexpr int kMostJumps = 4;

std::span<const std::uint8_t> CodeReader::at(std::uint32_t address) {
  const std::uint32_t inside = address - window_at_;
  if (inside >= window_size_ ||
      (window_size_ - inside < kLongest && window_size_ == window_.size())) {
    window_at_ = address;
    window_size_ = reader_.some(address, window_).size();
  }
  const std::size_t from = address - window_at_;
  return std::span<const std::uint8_t>(window_).subspan(from,
                                                        std::min(kLongest, window_size_ - from));
}

std::uint32_t CodeReader::through_jumps(std::uint32_t address) {
  for (int i = 0; i < kMostJumps; ++i) {
    const auto jump = decode(address);
    if (!jump || jump->flow != Flow::jump) break;
    address = jump->target;
  }
  return address;
}

std::optional<std::uint32_t> CodeReader::direct_target(std::uint32_t address) {
  std::array<std::uint8_t, 5> bytes{}; // asked of many words of a stack: no window is read for it
  if (reader_.some(address - 5, bytes).size() < bytes.size() || bytes[0] != 0xE8)
    return std::nullopt;
  return address +
         (bytes[1] | bytes[2] << 8 | bytes[3] << 16 | static_cast<std::uint32_t>(bytes[4]) << 24);
}

std::optional<std::uint32_t> CodeReader::known_start(std::uint32_t address) const {
  const auto start = input_.functions.function_start(address);
  if (!start || *start > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(*start);
}

} // namespace dumptriage::arch::x86
