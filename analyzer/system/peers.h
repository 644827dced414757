// Addresses of other machines in a dump's memory: the sender of a packet that stopped the system.
// Looked for in what the crashing frames reach, and in full and kernel dumps in all memory that may
// be pool.  Only published formats are read: TDI transport addresses (tdi.h), IPv4 and TCP headers
// with valid checksums (RFC 791, 793), NetBIOS session and datagram headers (RFC 1001, 1002), SMB
// headers (MS-CIFS), Ethernet headers in front of IPv4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memory/address_space.h"

namespace dumptriage::system {

struct PeerHit {
  std::uint64_t at = 0;      // virtual address
  std::string found, what;   // "stack", "pool"; "TDI address", "IPv4 and TCP header, ..."
  std::uint32_t address = 0; // 10.0.0.1 is 0x0A000001
  std::uint16_t port = 0;
  std::optional<std::uint64_t> mac; // 48 bits
  bool reached = false;             // from the registers or the stack of the crashing frames
  bool own = false;                 // shown to be this machine's own address
};
struct Peer {
  std::uint32_t address = 0;
  std::uint16_t port = 0; // 0 unknown
  std::optional<std::uint64_t> mac;
  bool agreed = false; // two independent hits agree, one of them reached; else a candidate
  std::vector<PeerHit> hits;
  std::string why;
};
struct Peers {
  std::vector<Peer> peers;        // agreed ones first, then by number of hits
  std::vector<std::uint32_t> own; // addresses of this machine
  bool searched_memory = false;   // all memory, not only what is reached
  std::string missing;
};

// Where to look: values that may point at a buffer, in the order of their worth.
struct PeerQuestion {
  std::vector<std::uint64_t> registers;
  std::uint64_t stack_low = 0, stack_high = 0; // of the crashing thread, from its stack pointer up
  int pointer_size = 8;
  // Kernel memory that the dump holds, as [begin, end) of virtual addresses; empty: reached only.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  std::uint64_t most_bytes = std::uint64_t{1} << 30; // read at most so many
};
Peers find_peers(const memory::AddressSpace& memory, const PeerQuestion& question);

} // namespace dumptriage::system
