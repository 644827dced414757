// Addresses of other machines in a dump's memory: the sender of a packet that stopped the system.
// Looked for in what the crashing frames reach, and in full and kernel dumps in all memory that may
// be pool.  Only published formats are read: TDI transport addresses (tdi.h), IPv4 and TCP headers
// with valid checksums (RFC 791, 793), NetBIOS session and datagram headers (RFC 1001, 1002), SMB
// headers (MS-CIFS), Ethernet headers in front of IPv4.
// One idea a file: peers_packets.cpp reads one header, peers_scan.cpp finds headers among bytes,
// peers_reached.cpp and peers_memory.cpp say which bytes, peers_agreement.cpp judges what was
// found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "memory/address_space.h"
#include "memory/physical_memory.h"

namespace dumptriage::system {

struct PeerHit {
  std::uint64_t at = 0;  // virtual address; physical when `physical`
  bool physical = false; // seen when physical memory was searched: where it is mapped is not known
  std::string found;     // "stack", "packet buffer", "memory" (a block of pool, or data)
  std::string what;      // "NetBIOS session: IPv4 and TCP header, TCP checksum right, ..."
  std::string protocol;  // as in Peer
  std::string remark;    // what is malformed; "" nothing seen
  std::uint32_t address = 0; // 10.0.0.1 is 0x0A000001
  std::uint16_t port = 0;
  std::optional<std::uint64_t> mac; // 48 bits: the sender's, or that of the last router
  bool sender = false;  // source of a packet; false: destination of one, or a transport address
  bool reached = false; // from the registers or the stack of the crashing frames
  // How far from them: 0 lies on the stack, 1 a word of theirs points at it or into it, 2 near such
  // a place, 3 and 4 the same through one more pointer; 5 not reached.
  unsigned distance = 5;
};
struct Peer {
  std::uint32_t address = 0;
  std::uint16_t port = 0; // the peer's own; 0 unknown
  std::optional<std::uint64_t> mac;
  std::string protocol;      // "tcp", "udp"; "" unknown
  bool agreed = false;       // two independent hits agree, one of them reached; else a candidate
  std::vector<PeerHit> hits; // nearest first; copies of one packet are one hit
  std::string why;
};
struct Peers {
  std::vector<Peer> peers;        // agreed ones first, then nearest, then by number of hits
  std::vector<std::uint32_t> own; // addresses of this machine
  std::uint64_t left_out = 0;     // more candidates, nowhere reached
  bool looked = false;            // false: nothing asked for a peer, so none says nothing
  bool searched_memory = false;   // all memory, not only what is reached
  std::string missing;            // what was not looked at; "" nothing
};

// Where to look: values that may point at a buffer, in the order of their worth.
struct PeerQuestion {
  using Range = memory::AddressSpace::Range;
  std::vector<std::uint64_t> registers;
  std::vector<Range> stacks; // of the crashing threads, from their stack pointers up
  std::vector<Range> images; // pointers into them are not followed
  int pointer_size = 8;
  // What else is searched: kernel memory by virtual address, or all frames of a dump.
  std::vector<Range> ranges;
  const memory::PhysicalMemory* physical = nullptr;
  std::uint64_t most_bytes = std::uint64_t{1} << 32; // of those two
};
Peers find_peers(const memory::AddressSpace& memory, const PeerQuestion& question);

std::string ip_text(std::uint32_t address);  // "10.0.0.1"
std::string mac_text(std::uint64_t address); // "00:0C:29:01:02:03"

} // namespace dumptriage::system
