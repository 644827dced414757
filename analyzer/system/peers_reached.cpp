// What the crashing frames reach: their stacks, the blocks that registers and stack words point to,
// and the blocks that words of those blocks point to.
#include <unordered_set>

#include "system/peers_parts.h"

namespace dumptriage::system {
namespace {

using Range = memory::AddressSpace::Range;
constexpr std::uint64_t kReach = 0x200; // bytes looked at on either side of a pointer
constexpr std::uint64_t kMostStack = 0x10000, kPiece = 0x10000, kStep = 0x40;
constexpr std::size_t kMostFirst = 8192, kMostSecond = 16384, kMostFound = 4096;

class ReachedSearch {
public:
  ReachedSearch(const memory::AddressSpace& memory, const PeerQuestion& question,
                PeerFindings& findings)
      : question_(question), findings_(findings), bytes_{memory, 0, effort_} {}

  void run() {
    Pointers first{kMostFirst, {}}, second{kMostSecond, {}};
    for (std::uint64_t value : question_.registers) note(value, first);
    for (Range stack : question_.stacks) {
      stack.end = std::min(stack.end, stack.start + std::min(kMostStack, ~stack.start));
      look(stack, 0, {}, &first);
    }
    follow(std::move(first.list), 1, &second);
    follow(std::move(second.list), 3, nullptr);
  }
  bool cut() const { return cut_; }

private:
  struct Pointers {
    std::size_t most;
    std::vector<std::uint64_t> list;
  };

  bool is_followed(std::uint64_t value) const {
    const bool kernel = question_.pointer_size == 4 ? value >= 0x80000000 : value >> 63 != 0;
    auto inside = [value](const Range& range) { return value >= range.start && value < range.end; };
    return kernel && std::ranges::none_of(question_.stacks, inside) &&
           std::ranges::none_of(question_.images, inside);
  }
  void note(std::uint64_t value, Pointers& pointers) {
    if (question_.pointer_size == 4) value &= 0xFFFFFFFF;
    if (!is_followed(value) || known_.contains(value)) return;
    if (pointers.list.size() >= pointers.most) {
      cut_ = true;
      return;
    }
    known_.insert(value);
    pointers.list.push_back(value);
  }
  void note_words(ByteView bytes, Pointers& pointers) {
    const auto size = static_cast<std::uint64_t>(question_.pointer_size);
    for (std::uint64_t at = 0; bytes.holds(at, size); at += size)
      note(size == 4 ? *bytes.u32(at) : *bytes.u64(at), pointers);
  }

  // The surroundings of pointers, those that touch as one.
  void follow(std::vector<std::uint64_t> pointers, unsigned distance, Pointers* next) {
    std::sort(pointers.begin(), pointers.end());
    Range window;
    for (std::uint64_t pointer : pointers) {
      const std::uint64_t end = checked_add(pointer, kReach).value_or(UINT64_MAX);
      if (window.end == 0 || pointer - kReach > window.end) {
        look(window, distance, pointers, next);
        window.start = pointer - kReach;
      }
      window.end = end;
    }
    look(window, distance, pointers, next);
  }

  // As much of a range as is there.
  void look(const Range& range, unsigned distance, const std::vector<std::uint64_t>& pointers,
            Pointers* next) {
    const auto size = static_cast<std::uint64_t>(question_.pointer_size);
    std::optional<std::uint64_t> at = (range.start + size - 1) / size * size;
    while (at && *at < range.end) {
      const std::size_t starts = std::min(range.end - *at, kPiece);
      std::vector<std::byte> piece(starts + kPeerTail);
      const std::size_t got = bytes_.memory.read(*at, piece).got;
      ByteView bytes(piece.data(), got);
      scan(bytes, starts, *at, distance, pointers);
      if (next) note_words(bytes.clamp(0, starts), *next);
      // Behind a hole other bytes may follow soon, as in dumps of small pieces.
      at = got >= starts ? checked_add(*at, starts) : checked_add((*at + got) | (kStep - 1), 1);
    }
  }
  void scan(ByteView bytes, std::size_t starts, std::uint64_t base, unsigned distance,
            const std::vector<std::uint64_t>& pointers) {
    // Nearer when a pointer leads right into it.
    auto leads_into = [&](std::uint64_t begin, std::uint64_t end) {
      auto into = std::lower_bound(pointers.begin(), pointers.end(), begin);
      return into != pointers.end() && *into < end;
    };
    auto steps = [&](std::uint64_t begin, std::uint64_t end) {
      return distance + (distance == 0 || leads_into(begin, end) ? 0 : 1);
    };
    PeerSink sink;
    sink.packet = [&](IpPacket packet) {
      if (packet.unicast) findings_.conversations.add(packet.source, packet.destination);
      if (packet.service.empty()) return;
      const unsigned far = steps(packet.begin, packet.end);
      const bool read = leads_into(packet.data, packet.end);
      if (is_new(packet.at)) findings_.packets.push_back({std::move(packet), false, far, read});
    };
    sink.named = [&](const NamedAddress& named) {
      if (is_new(named.at)) findings_.named.push_back({named, false, steps(named.at, named.end)});
    };
    scan_for_packets(bytes, starts, base, bytes_, sink);
    scan_for_transport_addresses(bytes, starts, base, bytes_, sink);
    scan_for_datagrams(bytes, starts, base, sink);
  }
  bool is_new(std::uint64_t at) {
    if (found_.size() < kMostFound) return found_.insert(at).second;
    cut_ = true;
    return false;
  }

  const PeerQuestion& question_;
  PeerFindings& findings_;
  std::uint64_t effort_ = std::uint64_t{64} << 20;
  PeerBytes bytes_;
  std::unordered_set<std::uint64_t> known_; // pointers followed
  std::unordered_set<std::uint64_t> found_; // places of findings
  bool cut_ = false;
};

} // namespace

void search_reached(const memory::AddressSpace& memory, const PeerQuestion& question,
                    PeerFindings& findings, std::string& missing) {
  ReachedSearch search(memory, question, findings);
  search.run();
  if (search.cut()) missing = "the crashing frames reach more memory than is followed";
}

} // namespace dumptriage::system
