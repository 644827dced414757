// synth: packets as they lie in a network card's buffer, and addresses as TDI keeps them.  From
// RFC 791, 793, 768, 1001, 1002, IEEE 802.3 and tdi.h; the checksums are this writer's own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

// 10.0.0.1 is ip4(10, 0, 0, 1).
constexpr std::uint32_t ip4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

struct PacketWriter {
  std::uint32_t source = 0, destination = 0;
  std::uint16_t source_port = 0, destination_port = 0;
  Bytes payload;
  bool tcp = true;
  std::uint16_t id = 1; // IPv4 Identification
  std::uint32_t sequence = 0x1000;
  std::uint16_t fragment = 0x4000; // flags and offset: don't fragment
  std::uint8_t time_to_live = 64, version_and_length = 0x45, tcp_flags = 0x18, tcp_offset = 0x50;
  std::optional<std::uint16_t> total;        // instead of the right one
  std::uint16_t ip_error = 0, tcp_error = 0; // added to the checksums
  // Ethernet in front: destination and source; nothing when the first is 0.
  std::uint64_t to_mac = 0, from_mac = 0;
  std::optional<std::uint16_t> vlan;

  std::size_t front() const { return to_mac == 0 ? 0 : vlan ? 18 : 14; } // bytes before IPv4
  Bytes bytes() const;
};

Bytes transport_address(std::uint32_t address, std::uint16_t port); // TA_IP_ADDRESS in its frame
// An SMB1 message with that command, two words and some bytes, behind a session header that counts
// `counted` bytes (nothing: all of them).
Bytes smb1_message(std::uint8_t command, std::optional<std::uint32_t> counted = {});
// A NetBIOS datagram of UDP 138 from that address.
Bytes netbios_datagram(std::uint32_t source, std::string_view name);

} // namespace dumptriage::synth
