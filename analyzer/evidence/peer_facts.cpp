#include <fmt/format.h>

#include "evidence/extractors.h"

namespace dumptriage::evidence {

namespace {

Fact peer_fact(const system::Peer& peer) {
  Fact fact;
  fact.kind = "network_peer";
  fact.id = fmt::format("network_peer:{}:{}", system::ip_text(peer.address), peer.port);
  fact.trust = "self_checked";
  fact.fields["address"] = system::ip_text(peer.address);
  if (peer.port != 0) fact.fields["port"] = std::uint64_t{peer.port};
  if (peer.mac) fact.fields["mac"] = system::mac_text(*peer.mac);
  if (!peer.protocol.empty()) fact.fields["protocol"] = peer.protocol;
  fact.fields["certainty"] = std::string(peer.agreed ? "agreed" : "candidate");
  fact.fields["hits"] = std::uint64_t{peer.hits.size()};
  if (!peer.why.empty()) fact.fields["why"] = peer.why;
  if (!peer.hits.empty()) {
    const system::PeerHit& first = peer.hits.front();
    fact.fields["at"] = Address{first.at};
    fact.where =
        first.physical ? Where{Space::physical, first.at, 0} : Where::virtual_address(first.at);
    if (!first.found.empty()) fact.fields["found"] = first.found;
  }
  return fact;
}

} // namespace

// What memory does not show was not always never there: a packet's buffers are used again at once,
// so that no sender is ever ruled out.
void extract_network_peers(const Input& input, FactSet& set) {
  const system::Peers& peers = input.snapshot.peers;
  const std::size_t seen = std::min(peers.peers.size(), kMostFacts);
  for (std::size_t i = 0; i < seen; ++i) set.facts.push_back(peer_fact(peers.peers[i]));
  const bool looked = peers.looked || seen != 0;
  std::string missing = peers.missing;
  if (missing.empty())
    missing = looked ? "the buffers of a packet may have been used again"
                     : "nothing in the dump asked for the sender of a packet";
  set.coverage.push_back({"network_peer",
                          looked ? Coverage::Extent::partial : Coverage::Extent::none, seen, 0,
                          std::move(missing)});
}

} // namespace dumptriage::evidence
