// What the steps of find_peers() hand to each other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "system/peers.h"

namespace dumptriage::system {

// Bytes of a packet buffer.  Physical memory is looked at frame by frame: what follows in the next
// frame need not be what follows in the buffer.
struct PeerBytes {
  const memory::AddressSpace& memory;
  std::uint64_t page = 0; // size of a frame where neighbours may be strangers; 0: they follow
  // Bytes whose checksum may still be taken, shared by all packets of a search: headers may lie
  // that all of them announce the same bytes.
  std::uint64_t& effort;
};

// An IPv4 packet with TCP or UDP whose every published invariant holds.
struct IpPacket {
  std::uint64_t at = 0, begin = 0, end = 0; // IPv4 header; link header to the last byte
  std::uint32_t source = 0, destination = 0;
  std::uint16_t source_port = 0, destination_port = 0;
  bool tcp = true;
  bool verified = false;   // the transport's checksum over the whole segment is right
  bool unicast = true;     // its destination is one machine
  std::uint64_t data = 0;  // where what it carries begins; `end` when nothing
  std::uint64_t print = 0; // the same for copies of one packet
  std::optional<std::uint64_t> source_mac, destination_mac;
  // Of packets of the services that netbt.sys and SMB speak; else all three are "".
  std::string service, what, remark;
};
// The packet whose IPv4 header is at `at`; `header` are the bytes there, 20 at least.
std::optional<IpPacket> read_ip_packet(ByteView header, std::uint64_t at, const PeerBytes& bytes);
// An address that one machine may have.
bool is_host_address(std::uint32_t address);

// An address with a port that is no packet's: a TDI transport address, or the source that a
// NetBIOS datagram names.
struct NamedAddress {
  enum class Kind { tdi, datagram } kind = Kind::tdi;
  std::uint64_t at = 0, end = 0;
  std::uint32_t address = 0;
  std::uint16_t port = 0;
  bool local = false; // the address that an address object was opened with
};
std::optional<NamedAddress> read_transport_address(ByteView bytes, std::uint64_t at,
                                                   const PeerBytes& memory);
std::optional<NamedAddress> read_datagram_source(ByteView bytes, std::uint64_t at);

// Which machines were seen to talk to each other, whatever their ports: source and destination of
// unicast packets.
class Conversations {
public:
  void add(std::uint32_t source, std::uint32_t destination);
  // The ends of packets with several others.
  std::vector<std::uint32_t> own_addresses() const;

private:
  std::set<std::pair<std::uint32_t, std::uint32_t>> pairs_;
};

// What was found, and how far from the crashing frames.
template <class T> struct Seen {
  T thing;
  bool physical = false;
  unsigned distance = 5; // as PeerHit::distance
  bool read = false;     // a word of the crashing frames points at the data of a packet
};
struct PeerFindings {
  std::vector<Seen<IpPacket>> packets; // of the services that netbt.sys and SMB speak
  std::vector<Seen<NamedAddress>> named;
  Conversations conversations;
};

// peers_scan.cpp: everything that begins in the first `starts` bytes of `bytes`, which lie at
// `base`.
struct PeerSink {
  std::function<void(IpPacket)> packet;
  std::function<void(NamedAddress)> named;
};
void scan_for_packets(ByteView bytes, std::size_t starts, std::uint64_t base,
                      const PeerBytes& memory, const PeerSink& sink);
void scan_for_transport_addresses(ByteView bytes, std::size_t starts, std::uint64_t base,
                                  const PeerBytes& memory, const PeerSink& sink);
void scan_for_datagrams(ByteView bytes, std::size_t starts, std::uint64_t base,
                        const PeerSink& sink);
// Bytes behind `starts` that the scans want to see.
inline constexpr std::size_t kPeerTail = 64;

// peers_reached.cpp, peers_memory.cpp.  Both add to `missing` what a limit kept them from.
void search_reached(const memory::AddressSpace& memory, const PeerQuestion& question,
                    PeerFindings& findings, std::string& missing);
void search_memory(const memory::AddressSpace& memory, const PeerQuestion& question,
                   PeerFindings& findings, Peers& peers);
// peers_agreement.cpp
void judge_peers(PeerFindings findings, Peers& peers);

} // namespace dumptriage::system
