// Who of the addresses found is this machine, who is a peer, and whether what was found agrees.
#include <fmt/format.h>

#include "base/text.h"
#include "system/peers_parts.h"

namespace dumptriage::system {
namespace {

constexpr unsigned kSurelyReached = 3; // what lies near a second pointer may be a neighbour's
constexpr unsigned kElsewhere = 5;
constexpr std::size_t kMostConversations = 1 << 18, kMostPeers = 32, kMostHits = 16;

// A hit and what says whether it tells something of its own.
struct Proof {
  enum class Kind { packet, tdi, datagram } kind = Kind::packet;
  PeerHit hit;
  std::uint32_t other = 0; // other end of the packet
  bool directed = false;   // ... which is this machine
  bool solid = false;      // all of a packet that carries data is there
};

struct Candidate {
  Peer peer;
  std::vector<Proof> proofs;
  unsigned distance = kElsewhere; // of the nearest hit; of an agreed one the nearest that agrees
  bool sends = false;
};

bool is_own(const Peers& peers, std::uint32_t address) {
  return std::ranges::binary_search(peers.own, address);
}

PeerHit hit_of(std::uint64_t at, bool physical, unsigned distance) {
  PeerHit hit;
  hit.at = at;
  hit.physical = physical;
  hit.distance = distance;
  hit.reached = distance < kElsewhere;
  hit.found = distance == 0 ? "stack" : "memory";
  return hit;
}

class Judge {
public:
  Judge(PeerFindings findings, Peers& peers) : findings_(std::move(findings)), peers_(peers) {}

  void run() {
    keep_nearest_packets();
    keep_nearest_named();
    find_own();
    for (const auto& seen : findings_.packets) take_packet(seen);
    for (const auto& seen : findings_.named)
      if (is_evidence(seen)) take_named(seen);
    for (auto& [address, candidate] : candidates_) weigh(candidate);
    for (auto& [address, candidate] : candidates_)
      if (candidate.peer.agreed) doubt_direction(candidate);
    doubt_ties();
    hand_over();
  }

private:
  // Copies tell no more than the nearest of them, but what it lacks: of a packet the link header,
  // or its end.
  void keep_nearest_packets() {
    std::ranges::stable_sort(findings_.packets, {}, &Seen<IpPacket>::distance);
    std::map<std::uint64_t, IpPacket*> known;
    std::vector<Seen<IpPacket>> kept;
    kept.reserve(findings_.packets.size());
    for (Seen<IpPacket>& seen : findings_.packets) {
      auto [entry, is_new] = known.try_emplace(seen.thing.print, nullptr);
      if (!is_new) {
        take_over(seen.thing, *entry->second);
        continue;
      }
      kept.push_back(std::move(seen));
      entry->second = &kept.back().thing;
    }
    findings_.packets = std::move(kept);
  }
  static void take_over(const IpPacket& copy, IpPacket& packet) {
    packet.unicast = packet.unicast && copy.unicast;
    if (!packet.source_mac) {
      packet.source_mac = copy.source_mac;
      packet.destination_mac = copy.destination_mac;
    }
    if (packet.verified || !copy.verified) return;
    packet.verified = true;
    packet.what = copy.what;
    packet.remark = copy.remark;
  }
  void keep_nearest_named() {
    std::ranges::stable_sort(findings_.named, {}, &Seen<NamedAddress>::distance);
    std::set<std::tuple<NamedAddress::Kind, std::uint32_t, std::uint16_t, bool>> known;
    std::erase_if(findings_.named, [&](const Seen<NamedAddress>& seen) {
      const NamedAddress& named = seen.thing;
      return !known.emplace(named.kind, named.address, named.port, named.local).second;
    });
  }

  void find_own() {
    peers_.own = findings_.conversations.own_addresses();
    for (const auto& seen : findings_.named)
      if (seen.thing.local) peers_.own.push_back(seen.thing.address);
    std::ranges::sort(peers_.own);
    std::vector<std::uint32_t> destinations, sources;
    for (const auto& seen : findings_.packets) {
      if (!came_in(seen) || is_own(peers_, seen.thing.source)) continue;
      destinations.push_back(seen.thing.destination);
      sources.push_back(seen.thing.source);
    }
    std::ranges::sort(sources);
    for (std::uint32_t address : destinations)
      if (!std::ranges::binary_search(sources, address)) peers_.own.push_back(address);
    std::ranges::sort(peers_.own);
    peers_.own.erase(std::unique(peers_.own.begin(), peers_.own.end()), peers_.own.end());
  }
  // A frame as it came in from the network, to this machine alone, whose data the crashing frames
  // read.  What is sent is pieced together: headers and data do not lie in one buffer.
  static bool came_in(const Seen<IpPacket>& seen) {
    return seen.read && seen.thing.verified && seen.thing.unicast && seen.thing.destination_mac;
  }

  void take_packet(const Seen<IpPacket>& seen) {
    const IpPacket& packet = seen.thing;
    const bool own_source = is_own(peers_, packet.source);
    const bool own_destination = packet.unicast && is_own(peers_, packet.destination);
    Proof proof;
    proof.hit = hit_of(packet.at, seen.physical, seen.distance);
    if (seen.distance != 0) proof.hit.found = "packet buffer";
    proof.hit.what = packet.what;
    proof.hit.protocol = packet.tcp ? "tcp" : "udp";
    proof.hit.remark = packet.remark;
    proof.directed = own_source || own_destination;
    proof.solid = packet.verified && packet.data < packet.end;
    if (!own_source) {
      Proof source = proof;
      source.other = packet.destination;
      source.hit.address = packet.source;
      source.hit.port = packet.source_port;
      source.hit.mac = packet.source_mac;
      source.hit.sender = true;
      add(std::move(source));
    }
    if (packet.unicast && !own_destination) {
      proof.other = packet.source;
      proof.hit.address = packet.destination;
      proof.hit.port = packet.destination_port;
      proof.hit.mac = packet.destination_mac;
      add(std::move(proof));
    }
  }

  // A transport address that nothing leads to and whose port is another service's says nothing by
  // itself, but something about an address that packets show.
  bool is_evidence(const Seen<NamedAddress>& seen) const {
    const NamedAddress& named = seen.thing;
    const bool service = named.port == 445 || (named.port >= 137 && named.port <= 139);
    if (is_own(peers_, named.address) || within_packet(seen)) return false;
    return seen.distance < kElsewhere || service || candidates_.contains(named.address);
  }
  // The datagram of a packet that was found is no second hit.
  bool within_packet(const Seen<NamedAddress>& seen) const {
    return seen.thing.kind == NamedAddress::Kind::datagram &&
           std::ranges::any_of(findings_.packets, [&](const Seen<IpPacket>& packet) {
             return packet.physical == seen.physical && packet.thing.at <= seen.thing.at &&
                    seen.thing.at < packet.thing.end;
           });
  }
  void take_named(const Seen<NamedAddress>& seen) {
    const bool tdi = seen.thing.kind == NamedAddress::Kind::tdi;
    Proof proof;
    proof.kind = tdi ? Proof::Kind::tdi : Proof::Kind::datagram;
    proof.hit = hit_of(seen.thing.at, seen.physical, seen.distance);
    proof.hit.what = tdi ? "TDI address" : "NetBIOS datagram";
    if (!tdi) proof.hit.protocol = "udp";
    proof.hit.address = seen.thing.address;
    proof.hit.port = seen.thing.port;
    add(std::move(proof));
  }
  void add(Proof proof) {
    Candidate& candidate = candidates_[proof.hit.address];
    candidate.peer.address = proof.hit.address;
    candidate.proofs.push_back(std::move(proof));
  }

  static bool independent(const Proof& a, const Proof& b) {
    if (a.hit.port != b.hit.port && a.hit.port != 0 && b.hit.port != 0) return false;
    using Kind = Proof::Kind;
    if (a.kind == b.kind) return a.kind == Kind::packet; // copies were left out before
    // The payload of a datagram may be a copy of a packet's.
    return (a.kind != Kind::datagram && b.kind != Kind::datagram) ||
           (a.hit.protocol != b.hit.protocol);
  }

  // Sorts the hits, and says what they show by themselves.
  void weigh(Candidate& candidate) {
    std::ranges::stable_sort(candidate.proofs, [](const Proof& a, const Proof& b) {
      return std::tuple(a.hit.distance, !a.hit.sender, a.hit.physical, a.hit.at) <
             std::tuple(b.hit.distance, !b.hit.sender, b.hit.physical, b.hit.at);
    });
    const Proof& nearest = candidate.proofs.front();
    candidate.distance = nearest.hit.distance;
    candidate.sends =
        std::ranges::any_of(candidate.proofs, [](const Proof& proof) { return proof.hit.sender; });
    for (const Proof& near : candidate.proofs) {
      if (near.hit.distance > kSurelyReached) break;
      if (near.kind == Proof::Kind::packet && !near.hit.sender) continue;
      for (const Proof& other : candidate.proofs)
        if (&other != &near && independent(near, other)) {
          candidate.peer.agreed = true;
          candidate.distance = near.hit.distance;
          candidate.peer.why =
              fmt::format("two hits agree: {}; {}", told(near.hit), told(other.hit));
          return;
        }
    }
    candidate.peer.why = fmt::format("{}; {}", told(nearest.hit),
                                     nearest.hit.distance >= kElsewhere
                                         ? "nothing of the crashing frames leads there"
                                         : "no other hit that is near enough agrees");
  }

  static std::string told(const PeerHit& hit) {
    static constexpr std::string_view kWhere[] = {
        "on the stack of the crashing frames",
        "pointed to by the crashing frames",
        "beside a block that the crashing frames point to",
        "reached from the crashing frames through another pointer",
        "beside a block reached through another pointer",
        "elsewhere in memory"};
    return fmt::format("{}{} at {}{}, {}", hit.what,
                       hit.what == "TDI address" ? ""
                       : hit.sender              ? " from it"
                                                 : " to it",
                       hit.physical ? "physical " : "", hex(hit.at), kWhere[hit.distance]);
  }

  // With own addresses unknown the other end of a packet may be the peer as well.  The source is
  // it when the frames that crashed read the packet, whole, and nothing at all speaks for the
  // destination.
  void doubt_direction(Candidate& candidate) {
    bool read_by_frames = false, doubted = false;
    for (const Proof& proof : candidate.proofs) {
      if (proof.kind != Proof::Kind::packet) continue;
      if (proof.directed) return;
      read_by_frames |=
          proof.hit.sender && proof.solid && (proof.hit.distance <= 1 || proof.hit.distance == 3);
      auto other = candidates_.find(proof.other);
      doubted |= other != candidates_.end() &&
                 std::ranges::any_of(other->second.proofs, [&](const Proof& of_other) {
                   return of_other.kind != Proof::Kind::packet || of_other.hit.sender;
                 });
    }
    const bool packets = std::ranges::any_of(
        candidate.proofs, [](const Proof& proof) { return proof.kind == Proof::Kind::packet; });
    if (packets ? read_by_frames && !doubted : !peers_.own.empty()) return;
    candidate.peer.agreed = false;
    candidate.peer.why += "; but it may be this machine's own address, which is not known";
  }

  // Of several that agree the nearest is meant; when there are more of them, none is.
  void doubt_ties() {
    unsigned nearest = kElsewhere;
    std::size_t count = 0;
    for (const auto& [address, candidate] : candidates_) {
      if (!candidate.peer.agreed || candidate.distance > nearest) continue;
      count = candidate.distance < nearest ? 1 : count + 1;
      nearest = candidate.distance;
    }
    for (auto& [address, candidate] : candidates_) {
      if (!candidate.peer.agreed || (candidate.distance == nearest && count == 1)) continue;
      candidate.peer.agreed = false;
      candidate.peer.why += candidate.distance > nearest
                                ? "; but another address is nearer to the crashing frames"
                                : "; but another address is shown as well as this one";
    }
  }

  void hand_over() {
    std::vector<Candidate*> order;
    for (auto& [address, candidate] : candidates_) order.push_back(&candidate);
    std::ranges::stable_sort(order, [](const Candidate* a, const Candidate* b) {
      return std::tuple(!a->peer.agreed, a->distance, !a->sends, b->proofs.size()) <
             std::tuple(!b->peer.agreed, b->distance, !b->sends, a->proofs.size());
    });
    for (Candidate* candidate : order) {
      if (peers_.peers.size() >= kMostPeers && candidate->distance >= kElsewhere) {
        ++peers_.left_out;
        continue;
      }
      fill(*candidate);
      peers_.peers.push_back(std::move(candidate->peer));
    }
  }
  static void fill(Candidate& candidate) {
    Peer& peer = candidate.peer;
    bool of_sender = false;
    for (const Proof& proof : candidate.proofs) {
      const PeerHit& hit = proof.hit;
      if (peer.port == 0) peer.port = hit.port;
      if (peer.protocol.empty()) peer.protocol = hit.protocol;
      if (hit.mac && (!peer.mac || (hit.sender && !of_sender))) {
        peer.mac = hit.mac;
        of_sender = hit.sender;
      }
      if (!hit.remark.empty() && peer.why.find(hit.remark) == std::string::npos && hit.reached &&
          hit.sender)
        peer.why += "; malformed: " + hit.remark;
      if (peer.hits.size() < kMostHits) peer.hits.push_back(hit);
    }
  }

  PeerFindings findings_;
  Peers& peers_;
  std::map<std::uint32_t, Candidate> candidates_;
};

} // namespace

void Conversations::add(std::uint32_t source, std::uint32_t destination) {
  if (pairs_.size() < kMostConversations) pairs_.emplace(source, destination);
}

// The machine is an end of every packet it got or sent: of three different others at least, or it
// is where two others sent to, and more of them than any of those others talks to.
std::vector<std::uint32_t> Conversations::own_addresses() const {
  std::map<std::uint32_t, std::set<std::uint32_t>> partners;
  std::map<std::uint32_t, std::size_t> sources;
  for (const auto& [source, destination] : pairs_) {
    partners[source].insert(destination);
    partners[destination].insert(source);
    ++sources[destination];
  }
  auto weight = [&](std::uint32_t address) {
    auto found = sources.find(address);
    return std::pair(partners.at(address).size(), found == sources.end() ? 0 : found->second);
  };
  std::vector<std::uint32_t> own;
  for (const auto& [address, others] : partners) {
    const auto mine = weight(address);
    if (mine.first < 3 && mine.second < 2) continue;
    if (std::ranges::all_of(others, [&](std::uint32_t other) { return weight(other) < mine; }))
      own.push_back(address);
  }
  return own;
}

void judge_peers(PeerFindings findings, Peers& peers) { Judge(std::move(findings), peers).run(); }

} // namespace dumptriage::system
