// Reads memory for an unwinder and remembers the least trusted origin it has used.
#pragma once

#include <algorithm>
#include <vector>

#include "arch/tables.h"

namespace dumptriage::arch {

inline Code code_of(memory::Presence presence) {
  switch (presence) {
  case memory::Presence::unmapped: return Code::unmapped;
  case memory::Presence::paged_out: return Code::paged_out;
  default: return Code::absent;
  }
}
inline std::string_view why_of(memory::Presence presence) {
  switch (presence) {
  case memory::Presence::unmapped: return "not mapped";
  case memory::Presence::paged_out: return "paged out";
  default: return "not captured in this dump";
  }
}

class Reader {
public:
  explicit Reader(const memory::AddressSpace& memory) : memory_(memory) {}

  template <class T>
  std::expected<T, UnwindFailure> get(std::uint64_t address, std::string_view what) {
    T value{};
    const auto bytes = std::as_writable_bytes(std::span(&value, 1));
    const auto outcome = memory_.read(address, bytes);
    if (!outcome.complete(sizeof(T)))
      return method_failed(code_of(outcome.presence), std::string(what),
                           std::string(why_of(outcome.presence)), address);
    use(outcome.origin);
    return value;
  }
  template <class T>
  std::expected<std::vector<T>, UnwindFailure> array(std::uint64_t address, std::size_t count,
                                                     std::string_view what) {
    std::vector<T> values(count);
    const auto bytes = std::as_writable_bytes(std::span(values));
    const auto outcome = memory_.read(address, bytes);
    if (!outcome.complete(bytes.size()))
      return method_failed(code_of(outcome.presence), std::string(what),
                           std::string(why_of(outcome.presence)), address + outcome.got);
    use(outcome.origin);
    return values;
  }
  // As many bytes as are there.
  std::span<std::uint8_t> some(std::uint64_t address, std::span<std::uint8_t> buffer) {
    const auto outcome = memory_.read(address, std::as_writable_bytes(buffer));
    if (outcome.got) use(outcome.origin);
    return buffer.first(outcome.got);
  }
  void use(memory::Origin origin) { worst_ = std::max(worst_, origin); }
  memory::Origin worst() const { return worst_; }

private:
  const memory::AddressSpace& memory_;
  memory::Origin worst_ = memory::Origin::dump;
};

} // namespace dumptriage::arch
