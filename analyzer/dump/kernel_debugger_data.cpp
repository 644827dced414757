#include <cstddef>

#include "dump/kernel.h"
#include "formats/kdbg64.h"

namespace dumptriage::dump {

DebuggerData::DebuggerData(ByteView data) {
  using formats::KdDebuggerData64;
  constexpr std::uint32_t kLeast = 0x208, kMost = 0x1000; // Windows 2000; well above today's 0x3A0
  if (data.u32(offsetof(KdDebuggerData64, OwnerTag)) != formats::kKdbgTag) return;
  auto size = data.u32(offsetof(KdDebuggerData64, Size));
  if (!size || *size < kLeast || *size > kMost) return;
  ByteView there = data.clamp(0, *size);
  data_.assign(there.span().begin(), there.span().end());
}

std::optional<std::uint64_t> DebuggerData::address(std::uint64_t field) const {
  auto value = ByteView(data_.data(), data_.size()).u64(field);
  if (!value || *value == 0) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> DebuggerData::offset16(std::uint64_t field) const {
  auto value = ByteView(data_.data(), data_.size()).u16(field);
  if (!value || *value == 0 || *value == 0xFFFF) return std::nullopt;
  return *value;
}

std::optional<std::uint32_t> DebuggerData::offset32(std::uint64_t field) const {
  auto value = ByteView(data_.data(), data_.size()).u32(field);
  if (!value || *value == 0 || *value == 0xFFFFFFFF) return std::nullopt;
  return value;
}

} // namespace dumptriage::dump
