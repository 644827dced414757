#include "system/peers_parts.h"

#include <fmt/format.h>

namespace dumptriage::system {

Peers find_peers(const memory::AddressSpace& memory, const PeerQuestion& question) {
  Peers peers;
  peers.looked = true;
  PeerFindings findings;
  search_reached(memory, question, findings, peers.missing);
  search_memory(memory, question, findings, peers);
  judge_peers(std::move(findings), peers);
  return peers;
}

std::string ip_text(std::uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 0xFF, address >> 8 & 0xFF,
                     address & 0xFF);
}

std::string mac_text(std::uint64_t address) {
  std::string out;
  for (int shift = 40; shift >= 0; shift -= 8)
    out += fmt::format("{}{:02X}", out.empty() ? "" : ":", address >> shift & 0xFF);
  return out;
}

} // namespace dumptriage::system
