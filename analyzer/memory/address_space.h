// memory: bytes by address.  Absent (not captured), unmapped (no translation) and paged out are
// three different answers, because only the second may ever become a "no".
// New kinds of memory (physical runs, bitmaps, page-walked virtual) are one file each in this room.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace dumptriage::memory {

enum class Presence { present, absent, unmapped, paged_out };

// Where bytes came from; the ordering is the order of trust (a smaller one is better).
enum class Origin {
  dump,    // the dump itself
  image,   // an image file given by name (--images, --symbols), matched exactly
  sibling, // an image file that merely lay beside the dump: never enough to confirm
};

std::string_view name_of(Origin origin); // "dump", "image", "sibling"

struct ReadOutcome {
  std::size_t got = 0;                   // leading bytes that were read
  Presence presence = Presence::present; // of the byte at `got` when got < asked
  Origin origin = Origin::dump;          // the least trusted origin among the bytes read
  bool complete(std::size_t asked) const { return got == asked; }
};

class AddressSpace {
public:
  virtual ~AddressSpace() = default;
  // Fills `out` from `address` upward as far as it can.  Never reads past a wrap at 2^64.
  virtual ReadOutcome read(std::uint64_t address, std::span<std::byte> out) const = 0;
  // The longest stretch of captured bytes that contains `address`, as [start, end); used to bound
  // stacks and scans.  Nothing when the address is not captured.
  struct Range {
    std::uint64_t start = 0, end = 0;
  };
  virtual std::optional<Range> range_around(std::uint64_t address) const = 0;

  std::optional<std::uint64_t> u64(std::uint64_t address) const;
  std::optional<std::uint32_t> u32(std::uint64_t address) const;
  std::optional<std::uint64_t> pointer(std::uint64_t address, int pointer_size) const;
  bool copy(std::uint64_t address, std::span<std::byte> out) const {
    return read(address, out).complete(out.size());
  }
};

// Pieces of memory laid out flat, as in minidumps and triage dumps.  Pieces may overlap (triage
// dumps do): the piece added first wins.  Contents are views of the mapped file.
class FlatRanges final : public AddressSpace {
public:
  // A piece that wraps 2^64 is cut there.
  void add(std::uint64_t address, ByteView bytes);
  // Sorts and resolves overlaps; call once after the last add.
  void seal();
  ReadOutcome read(std::uint64_t address, std::span<std::byte> out) const override;
  std::optional<Range> range_around(std::uint64_t address) const override;
  std::size_t piece_count() const { return pieces_.size(); }
  std::uint64_t byte_count() const; // sum over the resolved pieces

private:
  void resolve();
  void find_runs();
  struct Piece {
    std::uint64_t address;
    ByteView bytes;
    std::size_t rank;
  };
  std::vector<Piece> pieces_;
  std::vector<Range> runs_; // stretches of touching pieces, sorted; made by seal()
};

} // namespace dumptriage::memory
