// All memory of a dump: virtual ranges, and the frames of dumps that hold pages.  Physical memory
// is searched rather than virtual: it is complete whatever the page tables say, each page comes
// once, and packets mostly lie within one page.  One that is cut by a page's end and goes on in a
// frame elsewhere is missed.
#include <fmt/format.h>

#include "system/peers_parts.h"

namespace dumptriage::system {
namespace {

constexpr std::size_t kPiece = 256 << 10; // stays in the cache between the scans
constexpr std::size_t kMostFound = 1 << 16;
constexpr std::uint64_t kMostHoles = 1 << 16; // frames in a row that the file ends before

class MemorySearch {
public:
  MemorySearch(PeerFindings& findings, std::uint64_t most) : findings_(findings), left_(most) {
    for (const auto& seen : findings.packets) prints_.insert(key_of(seen.thing));
    for (const auto& seen : findings.named) names_.insert(key_of(seen.thing));
  }

  void search(const memory::AddressSpace& memory, PeerQuestion::Range range) {
    PeerBytes bytes{memory, 0, effort_};
    std::optional<std::uint64_t> at = range.start;
    while (at && *at < range.end && left_ > 0) {
      const std::size_t starts = std::min<std::uint64_t>(range.end - *at, kPiece);
      const std::size_t got = piece(bytes, *at, starts, false);
      constexpr std::uint64_t kPage = 0x1000;
      at = got >= starts ? checked_add(*at, starts) : checked_add((*at + got) | (kPage - 1), 1);
    }
  }
  // False: not to its end.
  bool search(const memory::PhysicalMemory& memory) {
    const std::uint64_t size = memory.page_size();
    PeerBytes bytes{memory, size, effort_};
    std::uint64_t holes = 0;
    auto frame = memory.next_page(0);
    while (frame && left_ > 0 && holes < kMostHoles) {
      const std::uint64_t first = *frame;
      std::uint64_t count = 0;
      do {
        ++count;
        frame = memory.next_page(first + count);
      } while (frame == first + count && count < kPiece / size);
      auto address = checked_mul(first, size);
      if (!address) return true;
      const std::size_t got = piece(bytes, *address, count * size, true);
      holes = got == 0 ? holes + count : 0;
    }
    return !frame;
  }

private:
  // A copy may tell what the first one lacks.
  static std::tuple<std::uint64_t, bool, bool> key_of(const IpPacket& packet) {
    return {packet.print, packet.source_mac.has_value(), packet.verified};
  }
  static std::tuple<int, std::uint32_t, std::uint16_t, bool> key_of(const NamedAddress& named) {
    return {static_cast<int>(named.kind), named.address, named.port, named.local};
  }
  bool has_room() const { return findings_.packets.size() + findings_.named.size() < kMostFound; }

  std::size_t piece(PeerBytes& bytes, std::uint64_t at, std::size_t starts, bool physical) {
    buffer_.resize(starts + kPeerTail);
    std::size_t got = bytes.memory.read(at, buffer_).got;
    left_ -= std::min<std::uint64_t>(left_, std::max<std::size_t>(got, 1));
    ByteView view(buffer_.data(), got);
    PeerSink sink;
    sink.packet = [&](IpPacket packet) {
      if (packet.unicast) findings_.conversations.add(packet.source, packet.destination);
      if (!packet.service.empty() && has_room() && prints_.insert(key_of(packet)).second)
        findings_.packets.push_back({std::move(packet), physical});
    };
    sink.named = [&](const NamedAddress& named) {
      if (has_room() && names_.insert(key_of(named)).second)
        findings_.named.push_back({named, physical});
    };
    scan_for_packets(view, starts, at, bytes, sink);
    scan_for_transport_addresses(view, starts, at, bytes, sink);
    return got;
  }

  PeerFindings& findings_;
  std::uint64_t left_, effort_ = std::uint64_t{128} << 20;
  std::vector<std::byte> buffer_;
  std::set<std::tuple<std::uint64_t, bool, bool>> prints_;
  std::set<std::tuple<int, std::uint32_t, std::uint16_t, bool>> names_;
};

} // namespace

void search_memory(const memory::AddressSpace& memory, const PeerQuestion& question,
                   PeerFindings& findings, Peers& peers) {
  MemorySearch search(findings, question.most_bytes);
  for (const PeerQuestion::Range& range : question.ranges) search.search(memory, range);
  if (!question.physical) return;
  peers.searched_memory = search.search(*question.physical);
  if (!peers.searched_memory) {
    if (!peers.missing.empty()) peers.missing += "; ";
    peers.missing += fmt::format("not all of the memory was searched ({} MiB at most)",
                                 question.most_bytes >> 20);
  }
}

} // namespace dumptriage::system
