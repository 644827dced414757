// Finds headers among bytes: each format has a byte that memchr finds fast, and invariants that
// decide.
#include <cstring>

#include "system/peers_parts.h"

namespace dumptriage::system {

namespace {

// Where `byte` stands `offset` bytes into one of the first `starts` places of `bytes`.
template <class Visit>
void each_place(ByteView bytes, std::size_t starts, int byte, std::size_t offset, Visit visit) {
  const std::byte* const begin = bytes.data();
  const std::size_t end = std::min<std::uint64_t>(starts + offset, bytes.size());
  for (std::size_t at = offset; at < end; ++at) {
    const void* found = std::memchr(begin + at, byte, end - at);
    if (!found) return;
    at = static_cast<std::size_t>(static_cast<const std::byte*>(found) - begin);
    visit(at - offset);
  }
}

} // namespace

void scan_for_packets(ByteView bytes, std::size_t starts, std::uint64_t base,
                      const PeerBytes& memory, const PeerSink& sink) {
  constexpr int kVersionAndLength = 0x45;
  constexpr std::size_t kProtocol = 9;
  each_place(bytes, starts, kVersionAndLength, 0, [&](std::size_t at) {
    const std::uint8_t protocol = bytes.u8(at + kProtocol).value_or(0);
    if (protocol != 6 && protocol != 17) return;
    if (auto packet = read_ip_packet(bytes.clamp(at, kPeerTail), base + at, memory))
      sink.packet(std::move(*packet));
  });
}

void scan_for_transport_addresses(ByteView bytes, std::size_t starts, std::uint64_t base,
                                  const PeerBytes& memory, const PeerSink& sink) {
  constexpr int kLength = 0xE; // of a TA_IP_ADDRESS, rarer than the zeros around it
  each_place(bytes, starts, kLength, 4, [&](std::size_t at) {
    if (auto address = read_transport_address(bytes.clamp(at, kPeerTail), base + at, memory))
      sink.named(*address);
  });
}

void scan_for_datagrams(ByteView bytes, std::size_t starts, std::uint64_t base,
                        const PeerSink& sink) {
  for (std::size_t at = 0; at < starts && at < bytes.size(); ++at) {
    const std::uint8_t type = *bytes.u8(at);
    if (type < 0x10 || type > 0x12) continue;
    if (auto source = read_datagram_source(bytes.clamp(at, kPeerTail), base + at))
      sink.named(*source);
  }
}

} // namespace dumptriage::system
