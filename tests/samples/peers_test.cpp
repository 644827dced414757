// The sender of a packet, through the whole program: packets and addresses planted in the memory
// of machines that stopped in netbt.sys, x86 with and without PAE and x64.
#include <set>

#include "samples/kernel_truth.h"
#include "synth/convert.h"
#include "synth/packets.h"

namespace dumptriage::samples {
namespace {

using synth::Bytes;
using synth::ip4;
using synth::PacketWriter;

constexpr std::uint32_t kOwn = ip4(10, 0, 0, 2), kSender = ip4(10, 0, 0, 9),
                        kStale = ip4(10, 0, 0, 77), kForged = ip4(10, 0, 0, 66);

PacketWriter received(std::uint32_t from, std::uint16_t id) {
  PacketWriter packet;
  packet.source = from;
  packet.destination = kOwn;
  packet.source_port = 1037;
  packet.destination_port = 139;
  packet.id = id;
  packet.payload = synth::smb1_message(0x72, 0x10);
  packet.to_mac = 0x001122334455;
  packet.from_mac = 0x000C29000000 | (from & 0xFFFF);
  return packet;
}

class PlantedPeers : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    loaded_ = load({GetParam(), std::string(kMachines) + "/" + GetParam() + ".dmp.xz"});
    ASSERT_TRUE(loaded_.dump);
    truth_ = truth_of({GetParam(), std::string(kMachines) + "/" + GetParam() + ".dmp.xz"});
    before_ = look(loaded_.file);
    for (std::uint64_t frame : loaded_.dump->all_frames())
      if (loaded_.dump->is_zero(frame)) empty_.push_back(frame);
    ASSERT_GE(empty_.size(), 2u);
  }
  report::Document look(const Bytes& file) const { return analyze(file, images_of(truth_)); }

  void put_physical(std::uint64_t address, const Bytes& bytes) {
    const auto* page = loaded_.dump->page(address / 0x1000);
    ASSERT_NE(page, nullptr);
    const auto at = static_cast<std::size_t>(page - loaded_.file.data()) + address % 0x1000;
    synth::put_bytes(loaded_.file, at, bytes);
  }
  void put(std::uint64_t address, const Bytes& bytes) {
    const auto physical = loaded_.dump->physical(address);
    ASSERT_TRUE(physical);
    put_physical(*physical, bytes);
  }
  // Zero bytes of mapped memory, where something may be planted.
  std::uint64_t room(std::uint64_t from, std::uint64_t to, std::size_t size) const {
    for (std::uint64_t at = from; at + size <= to; at += 8) {
      const auto bytes = loaded_.dump->read(at, size);
      if (bytes && std::ranges::all_of(*bytes, [](std::uint8_t b) { return b == 0; })) return at;
    }
    ADD_FAILURE() << "no room";
    return from;
  }
  std::uint64_t pool(std::size_t size) const {
    const std::uint64_t page = number(truth_["pool"][0]["address"]) & ~0xFFFull;
    return room(page, page + 0x1000, size);
  }
  // A word of the crashed thread's stack that nothing uses.
  std::uint64_t slot(std::size_t size) const {
    const report::ThreadRow& row = before_.threads.at(0);
    return room(row.frames.at(0).sp, row.frames.at(0).sp + 0x800, size);
  }
  void point_at(std::uint64_t address) {
    Bytes word;
    synth::put(word, 0, address, loaded_.dump->pointer_size());
    put(slot(word.size()), word);
  }
  // What else lies in memory: packets of clients, one of which forged two, and one that this
  // machine sent.
  void plant_others() {
    std::uint64_t at = empty_[0] * 0x1000 + 0x80;
    for (unsigned i = 0; i < 4; ++i, at += 0x100)
      put_physical(at, received(ip4(10, 0, 3, i + 1), static_cast<std::uint16_t>(i)).bytes());
    for (std::uint16_t id = 7; id < 9; ++id, at += 0x100)
      put_physical(at, received(kStale, id).bytes());
    PacketWriter forged = received(kForged, 1);
    forged.ip_error = 1;
    put_physical(at, forged.bytes());
    forged.ip_error = 0;
    forged.tcp_error = 1;
    put_physical(at + 0x100, forged.bytes());
    PacketWriter sent = received(kOwn, 3);
    sent.destination = ip4(10, 0, 3, 1);
    std::swap(sent.source_port, sent.destination_port);
    std::swap(sent.to_mac, sent.from_mac);
    put_physical(at + 0x200, sent.bytes());
    put_physical(at + 0x300, synth::transport_address(kOwn, 139));
  }
  void plant_earlier() { put_physical(empty_[1] * 0x1000 + 0x111, received(kSender, 2).bytes()); }
  void plant_packet() {
    const PacketWriter packet = received(kSender, 1);
    const Bytes bytes = packet.bytes();
    const std::uint64_t at = pool(bytes.size());
    put(at, bytes);
    point_at(at + packet.front() + 40);
  }
  static const report::PeerRow* row(const report::Document& document, const std::string& address) {
    for (const report::PeerRow& peer : document.network_peers)
      if (peer.address == address) return &peer;
    return nullptr;
  }

  LoadedMachine loaded_;
  nlohmann::json truth_;
  report::Document before_;
  std::vector<std::uint64_t> empty_; // frames
};
INSTANTIATE_TEST_SUITE_P(Machines, PlantedPeers,
                         testing::Values("s03-x86-fault", "s03-pae-dpc", "s03-x86-double-fault",
                                         "nt4-x86-fault", "w7-x64-fault", "w7-x64-dpc",
                                         "w10-x64-exception"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(PlantedPeers, WithoutPacketsThereIsNone) { EXPECT_TRUE(before_.network_peers.empty()); }

TEST_P(PlantedPeers, TheSenderIsFoundWithPortAndMac) {
  plant_packet();
  plant_earlier();
  plant_others();
  const report::Document document = look(loaded_.file);
  ASSERT_FALSE(document.network_peers.empty());
  const report::PeerRow& sender = document.network_peers[0];
  EXPECT_EQ(sender.address, "10.0.0.9");
  EXPECT_EQ(sender.certainty, "agreed") << sender.why;
  EXPECT_EQ(sender.port, 1037);
  EXPECT_EQ(sender.mac, "00:0C:29:00:00:09");
  EXPECT_EQ(sender.protocol, "tcp");
  EXPECT_EQ(sender.found, "packet buffer");
  EXPECT_EQ(sender.hits, 2u);
  EXPECT_NE(sender.why.find("malformed: the NetBIOS header announces 16 bytes"), std::string::npos)
      << sender.why;
  std::set<std::string> others;
  for (const report::PeerRow& peer : document.network_peers)
    if (&peer != &sender) {
      EXPECT_EQ(peer.certainty, "candidate") << peer.address;
      others.insert(peer.address);
    }
  EXPECT_EQ(others,
            (std::set<std::string>{"10.0.0.77", "10.0.3.1", "10.0.3.2", "10.0.3.3", "10.0.3.4"}));
  // What was planted changed nothing else.
  ASSERT_EQ(document.threads.at(0).frames.size(), before_.threads.at(0).frames.size());
  EXPECT_EQ(document.blame.module, before_.blame.module);
}

TEST_P(PlantedPeers, WhatNothingLeadsToIsACandidate) {
  plant_earlier();
  plant_others();
  const report::Document document = look(loaded_.file);
  EXPECT_NE(row(document, "10.0.0.9"), nullptr);
  EXPECT_NE(row(document, "10.0.0.77"), nullptr);
  EXPECT_EQ(row(document, "10.0.0.2"), nullptr);
  EXPECT_EQ(row(document, "10.0.0.66"), nullptr);
  for (const report::PeerRow& peer : document.network_peers)
    EXPECT_EQ(peer.certainty, "candidate") << peer.address << ": " << peer.why;
}

TEST_P(PlantedPeers, TransportAddressOnTheStackAndPacketElsewhereAgree) {
  const Bytes address = synth::transport_address(kSender, 1037);
  put(slot(0x20), address);
  plant_earlier();
  plant_others();
  const report::Document document = look(loaded_.file);
  ASSERT_FALSE(document.network_peers.empty());
  const report::PeerRow& sender = document.network_peers[0];
  EXPECT_EQ(sender.address, "10.0.0.9");
  EXPECT_EQ(sender.certainty, "agreed") << sender.why;
  EXPECT_EQ(sender.found, "stack");
  EXPECT_EQ(sender.mac, "00:0C:29:00:00:09");
}

TEST_P(PlantedPeers, OwnAddressThatTheFramesReachStaysOut) {
  plant_others();
  put(slot(0x20), synth::transport_address(kOwn, 139));
  const report::Document document = look(loaded_.file);
  EXPECT_EQ(row(document, "10.0.0.2"), nullptr);
  for (const report::PeerRow& peer : document.network_peers)
    EXPECT_EQ(peer.certainty, "candidate") << peer.address << ": " << peer.why;
}

// The other kinds of dumps hold as much of it as they hold memory.
TEST_P(PlantedPeers, OtherKindsOfDumps) {
  plant_packet();
  plant_earlier();
  plant_others();
  const auto planted = synth::FullDump::open(loaded_.file);
  ASSERT_TRUE(planted);
  for (const std::string& kind : synth::kinds_of(*planted)) {
    const auto file = synth::convert(*planted, kind);
    if (!file) continue;
    const report::Document document = look(*file);
    // A live dump of a machine that a double fault stopped tells of no stop.
    const bool pages = kind != "triage" && kind != "header" && kind != "nt4" && kind != "live";
    const report::PeerRow* sender = row(document, "10.0.0.9");
    EXPECT_TRUE(!pages || (sender && sender->certainty == "agreed"))
        << kind << (sender ? ": " + sender->why : ": not found");
    for (const report::PeerRow& peer : document.network_peers)
      EXPECT_TRUE(peer.address == "10.0.0.9" || peer.certainty == "candidate")
          << kind << ": " << peer.address << ": " << peer.why;
  }
}

} // namespace
} // namespace dumptriage::samples
