// Memory and function tables laid down by hand for the tests of the unwinders.
#pragma once

#include <deque>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "arch/arch.h"

namespace dumptriage::arch {

class FakeMemory final : public memory::AddressSpace {
public:
  void put(std::uint64_t address, std::vector<std::uint8_t> bytes,
           memory::Origin origin = memory::Origin::dump) {
    pieces_.push_back({address, std::move(bytes), origin});
  }
  void words(std::uint64_t address, std::initializer_list<std::uint64_t> values, int size = 8) {
    std::vector<std::uint8_t> bytes;
    for (std::uint64_t value : values)
      for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    put(address, std::move(bytes));
  }
  memory::ReadOutcome read(std::uint64_t address, std::span<std::byte> out) const override {
    memory::ReadOutcome outcome;
    for (; outcome.got < out.size(); ++outcome.got) {
      const Piece* piece = piece_at(address + outcome.got);
      if (!piece) {
        outcome.presence = memory::Presence::absent;
        break;
      }
      out[outcome.got] =
          static_cast<std::byte>(piece->bytes[address + outcome.got - piece->address]);
      outcome.origin = std::max(outcome.origin, piece->origin);
    }
    return outcome;
  }
  std::optional<Range> range_around(std::uint64_t address) const override {
    const Piece* piece = piece_at(address);
    if (!piece) return std::nullopt;
    return Range{piece->address, piece->address + piece->bytes.size()};
  }

private:
  struct Piece {
    std::uint64_t address;
    std::vector<std::uint8_t> bytes;
    memory::Origin origin;
  };
  const Piece* piece_at(std::uint64_t address) const {
    for (const Piece& piece : pieces_)
      if (address >= piece.address && address - piece.address < piece.bytes.size()) return &piece;
    return nullptr;
  }
  std::deque<Piece> pieces_;
};

// One image of 1 MiB at `base` with the functions given; addresses outside it are unknown.
class FakeFunctions final : public UnwindSource {
public:
  std::uint64_t base = 0x140000000;
  memory::Origin origin = memory::Origin::dump;
  std::vector<FunctionEntry> entries;

  void add(std::uint32_t begin, std::uint32_t end, std::uint32_t unwind) {
    entries.push_back({base, begin, end, unwind, origin});
  }
  FunctionLookup find(std::uint64_t pc, FunctionEntry& entry) const override {
    if (pc < base || pc - base >= 0x100000) return FunctionLookup::unknown;
    for (const FunctionEntry& e : entries)
      if (pc - base >= e.begin && pc - base < e.end) {
        entry = e;
        return FunctionLookup::found;
      }
    return FunctionLookup::leaf;
  }
};

} // namespace dumptriage::arch
