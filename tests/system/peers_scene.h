// Memory laid out by hand for the search of peers: pages of kernel memory, a stack and registers of
// the frames that crashed.
#pragma once

#include <cstring>
#include <map>
#include <string>

#include "synth/packets.h"
#include "system/peers.h"

namespace dumptriage::system {

// Pages by virtual address; everything else is not there.
class PeerPages final : public memory::AddressSpace {
public:
  static constexpr std::uint64_t kPage = 0x1000;
  void put(std::uint64_t address, const synth::Bytes& bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      synth::Bytes& page = pages_[(address + i) / kPage];
      page.resize(kPage);
      page[(address + i) % kPage] = bytes[i];
    }
  }
  void put_word(std::uint64_t address, std::uint64_t value, int size) {
    synth::Bytes bytes;
    synth::put(bytes, 0, value, static_cast<std::size_t>(size));
    put(address, bytes);
  }
  void drop(std::uint64_t address) { pages_.erase(address / kPage); }
  memory::ReadOutcome read(std::uint64_t address, std::span<std::byte> out) const override {
    memory::ReadOutcome outcome;
    while (outcome.got < out.size()) {
      auto page = pages_.find(address / kPage);
      if (page == pages_.end()) {
        outcome.presence = memory::Presence::absent;
        break;
      }
      const std::size_t in_page = address % kPage;
      const std::size_t part = std::min<std::size_t>(kPage - in_page, out.size() - outcome.got);
      std::memcpy(out.data() + outcome.got, page->second.data() + in_page, part);
      outcome.got += part;
      if (part > UINT64_MAX - address) { // the end of the address space
        if (outcome.got < out.size()) outcome.presence = memory::Presence::absent;
        break;
      }
      address += part;
    }
    return outcome;
  }
  std::optional<Range> range_around(std::uint64_t address) const override {
    auto page = pages_.find(address / kPage);
    if (page == pages_.end()) return std::nullopt;
    return Range{address / kPage * kPage, address / kPage * kPage + kPage};
  }

private:
  std::map<std::uint64_t, synth::Bytes> pages_;
};

// The machine 10.0.0.2, and its stack of one page.
struct PeerScene {
  explicit PeerScene(int pointer_size = 8) : pointer(pointer_size) {
    memory.put(stack, synth::Bytes(0x1000));
    question.pointer_size = pointer;
    question.stacks.push_back({stack, stack + 0x1000});
  }
  int pointer;
  PeerPages memory;
  PeerQuestion question;
  std::uint64_t stack = pointer == 8 ? 0xFFFFF88001230000 : 0xF78A0000;
  std::uint64_t pool = pointer == 8 ? 0xFFFFFA8000C00000 : 0x89800000;

  static constexpr std::uint32_t kOwn = synth::ip4(10, 0, 0, 2), kSender = synth::ip4(10, 0, 0, 9);
  static constexpr std::uint64_t kOwnMac = 0x001122334455, kSenderMac = 0x000C29010203;

  // A message of the sender, as it came in.
  static synth::PacketWriter received(std::uint32_t from = kSender) {
    synth::PacketWriter packet;
    packet.source = from;
    packet.destination = kOwn;
    packet.source_port = 1037;
    packet.destination_port = 139;
    packet.payload = synth::smb1_message(0x72);
    packet.to_mac = kOwnMac;
    packet.from_mac = kSenderMac;
    return packet;
  }
  void push(std::uint64_t value, std::uint64_t slot = 0x100) {
    memory.put_word(stack + slot, value, pointer);
  }
  Peers find() const { return find_peers(memory, question); }
};

inline const Peer* peer_of(const Peers& peers, std::uint32_t address) {
  for (const Peer& peer : peers.peers)
    if (peer.address == address) return &peer;
  return nullptr;
}
inline std::string told(const Peers& peers) {
  std::string out;
  for (const Peer& peer : peers.peers)
    out += ip_text(peer.address) + ":" + std::to_string(peer.port) +
           (peer.agreed ? " agreed: " : " candidate: ") + peer.why + "\n";
  for (std::uint32_t own : peers.own) out += "own " + ip_text(own) + "\n";
  return out + (peers.missing.empty() ? "" : "missing: " + peers.missing + "\n");
}

// A file that begins with its first page and holds frames [first, first + count).
class PeerFrames {
public:
  explicit PeerFrames(std::uint64_t count, std::uint64_t first = 0x10) : first_(first) {
    bytes.resize(count * 0x1000);
  }
  synth::Bytes bytes;
  std::uint64_t at(std::uint64_t offset) const { return first_ * 0x1000 + offset; }
  memory::PhysicalMemory memory() const {
    const memory::PageRun run{first_, bytes.size() / 0x1000};
    return {ByteView(bytes.data(), bytes.size()), memory::index_of_runs({&run, 1}, 0, 0x1000),
            0x1000};
  }

private:
  std::uint64_t first_;
};

} // namespace dumptriage::system
