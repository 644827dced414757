// Finds headers among bytes: each format has a byte or a word that memchr and memmem find fast, and
// invariants that decide.
#include <cstring>

#include "system/peers_parts.h"

namespace dumptriage::system {

void scan_for_packets(ByteView bytes, std::size_t starts, std::uint64_t base,
                      const PeerBytes& memory, const PeerSink& sink) {
  constexpr int kVersionAndLength = 0x45;
  constexpr std::size_t kProtocol = 9;
  const std::byte* const begin = bytes.data();
  const std::size_t end = std::min<std::size_t>(starts, bytes.size());
  for (std::size_t at = 0; at < end; ++at) {
    const void* found = std::memchr(begin + at, kVersionAndLength, end - at);
    if (!found) return;
    at = static_cast<std::size_t>(static_cast<const std::byte*>(found) - begin);
    const auto protocol = bytes.u8(at + kProtocol);
    if (!protocol) return;
    if (*protocol != 6 && *protocol != 17) continue;
    if (auto packet = read_ip_packet(bytes.clamp(at, kPeerTail), base + at, memory))
      sink.packet(std::move(*packet));
  }
}

void scan_for_transport_addresses(ByteView bytes, std::size_t starts, std::uint64_t base,
                                  const PeerBytes& memory, const PeerSink& sink) {
  constexpr std::string_view kPattern("\x01\0\0\0\x0E\0\x02\0", 8); // count, length, TDI type IP
  const std::byte* const begin = bytes.data();
  for (std::size_t at = 0; at < starts && bytes.holds(at, kPattern.size()); ++at) {
    const void* found = memmem(begin + at, bytes.size() - at, kPattern.data(), kPattern.size());
    if (!found) return;
    at = static_cast<std::size_t>(static_cast<const std::byte*>(found) - begin);
    if (at >= starts) return;
    if (auto address = read_transport_address(bytes.clamp(at, kPeerTail), base + at, memory))
      sink.named(*address);
  }
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
