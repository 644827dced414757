// What the crashing frames reach: senders planted in hand-laid memory are found with port and MAC,
// decoys stay candidates or out.
#include <gtest/gtest.h>

#include "system/peers_scene.h"

namespace dumptriage::system {
namespace {

using synth::Bytes;
using synth::ip4;
using synth::PacketWriter;
constexpr std::uint32_t kOwn = PeerScene::kOwn, kSender = PeerScene::kSender;

class EachWidth : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Peers, EachWidth, testing::Values(4, 8));

TEST_P(EachWidth, PacketThatTheFramesReadAndTransportAddressAgree) {
  PeerScene scene(GetParam());
  const PacketWriter packet = PeerScene::received();
  scene.memory.put(scene.pool + 0x340, packet.bytes());
  const std::uint64_t data = scene.pool + 0x340 + packet.front() + 40;
  scene.push(data + 4);
  scene.memory.put(scene.stack + 0x2A3, synth::transport_address(kSender, 1037)); // unaligned
  const Peers peers = scene.find();
  // What came in shows whose address it was sent to.
  EXPECT_EQ(peers.own, std::vector{kOwn});
  ASSERT_EQ(peers.peers.size(), 1u) << told(peers);
  const Peer& peer = peers.peers[0];
  EXPECT_EQ(peer.address, kSender);
  EXPECT_TRUE(peer.agreed) << told(peers);
  EXPECT_EQ(peer.port, 1037);
  EXPECT_EQ(peer.mac, PeerScene::kSenderMac);
  EXPECT_EQ(peer.protocol, "tcp");
  ASSERT_EQ(peer.hits.size(), 2u);
  EXPECT_EQ(peer.hits[0].at, scene.stack + 0x2A3);
  EXPECT_EQ(peer.hits[0].what, "TDI address");
  EXPECT_EQ(peer.hits[0].found, "stack");
  EXPECT_EQ(peer.hits[1].at, scene.pool + 0x340 + 14);
  EXPECT_EQ(peer.hits[1].found, "packet buffer");
  EXPECT_EQ(peer.hits[1].what,
            "NetBIOS session: IPv4 and TCP header, TCP checksum right, Ethernet header, NetBIOS "
            "session header, SMB1 message (command 0x72)");
  EXPECT_TRUE(peer.hits[1].sender);
  EXPECT_TRUE(peer.hits[1].reached);
  EXPECT_EQ(peer.hits[1].distance, 1u);
  EXPECT_TRUE(peers.looked);
  EXPECT_FALSE(peers.searched_memory);
}

TEST_P(EachWidth, OnePacketAloneIsACandidateAtBothEnds) {
  PeerScene scene(GetParam());
  PacketWriter packet = PeerScene::received();
  packet.source_port = 445;
  packet.destination_port = 1026;
  scene.memory.put(scene.pool + 0x20, packet.bytes());
  scene.question.registers = {scene.pool + 0x20};
  const Peers peers = scene.find();
  ASSERT_EQ(peers.peers.size(), 2u);
  EXPECT_EQ(peers.peers[0].address, kSender); // who sent it comes first
  EXPECT_EQ(peers.peers[0].port, 445);
  EXPECT_EQ(peers.peers[0].protocol, "tcp");
  EXPECT_EQ(peers.peers[1].address, kOwn);
  EXPECT_EQ(peers.peers[1].mac, PeerScene::kOwnMac);
  EXPECT_FALSE(peers.peers[0].agreed);
  EXPECT_FALSE(peers.peers[1].agreed);
  EXPECT_TRUE(peers.own.empty());
}

TEST_P(EachWidth, ThroughOneMorePointerButNotThroughTwo) {
  for (int steps : {1, 2, 3}) {
    PeerScene scene(GetParam());
    const std::uint64_t places[] = {scene.pool + 0x40, scene.pool + 0x10040, scene.pool + 0x20040};
    scene.push(places[0]);
    for (int i = 1; i < steps; ++i)
      scene.memory.put_word(places[i - 1] + 0x18, places[i], scene.pointer);
    scene.memory.put(places[steps - 1], synth::transport_address(kSender, 139));
    const Peers peers = scene.find();
    ASSERT_EQ(peers.peers.size(), steps < 3 ? 1u : 0u) << steps;
    if (steps == 3) continue;
    EXPECT_EQ(peers.peers[0].hits[0].distance, steps == 1 ? 1u : 3u);
    EXPECT_EQ(peers.peers[0].hits[0].found, "memory");
  }
}

TEST(Peers, PointersIntoImagesAndUserMemoryAreNotFollowed) {
  PeerScene scene;
  scene.memory.put(scene.pool, synth::transport_address(kSender, 139));
  scene.memory.put(0x10000, synth::transport_address(ip4(10, 0, 0, 7), 139));
  scene.push(scene.pool);
  scene.push(0x10000, 0x200);
  EXPECT_EQ(scene.find().peers.size(), 1u);
  scene.question.images.push_back({scene.pool - 0x1000, scene.pool + 0x1000});
  EXPECT_TRUE(scene.find().peers.empty());
}

TEST(Peers, BlocksThatPointAtEachOtherEndAndSoDoWildPointers) {
  PeerScene scene;
  for (std::uint64_t i = 0; i < 0x40; ++i)
    for (std::uint64_t j = 0; j < 0x40; ++j)
      scene.memory.put_word(scene.pool + i * 0x1000 + j * 8, scene.pool + (i * j % 0x40) * 0x1000,
                            8);
  std::uint64_t slot = 0;
  for (std::uint64_t value :
       {UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 0x200, std::uint64_t{1} << 63, scene.pool,
        scene.stack, scene.stack + 0xFF8, scene.pool - 8, std::uint64_t{0xFFFF080000000000}})
    scene.push(value, slot += 8);
  scene.memory.put(UINT64_MAX - 0xFFF, Bytes(0x1000, 0x45));
  EXPECT_TRUE(scene.find().peers.empty());
  scene.question.stacks.push_back({UINT64_MAX - 0xFFF, UINT64_MAX});
  scene.question.stacks.push_back({5, 3});
  scene.question.ranges.push_back({UINT64_MAX - 0x1FFF, UINT64_MAX});
  EXPECT_TRUE(scene.find().peers.empty());
}

TEST(Peers, HeaderSplitOverTwoPages) {
  for (std::size_t split = 1; split < 54; ++split) {
    PeerScene scene;
    const PacketWriter packet = PeerScene::received();
    scene.memory.put(scene.pool + 0x1000 - split, packet.bytes());
    scene.push(scene.pool + 0x1000 - split + 58);
    const Peers peers = scene.find();
    ASSERT_EQ(peers.peers.size(), 1u) << split;
    EXPECT_EQ(peers.peers[0].address, kSender);
    EXPECT_EQ(peers.peers[0].mac, PeerScene::kSenderMac) << split;
  }
}

TEST(Peers, HeaderCutByTheEndOfWhatIsThere) {
  const PacketWriter packet = PeerScene::received();
  const std::size_t size = packet.bytes().size();
  for (std::size_t there = 1; there < size; ++there) {
    PeerScene scene;
    scene.memory.put(scene.pool + 0x1000 - there, packet.bytes());
    scene.memory.drop(scene.pool + 0x1000);
    scene.push(scene.pool + 0xFFF);
    const Peers peers = scene.find();
    ASSERT_EQ(peers.peers.size(), there < 14 + 40 ? 0u : 2u) << there;
    // What is missing cannot be summed up, so less is said.
    if (there >= 14 + 40) {
      EXPECT_EQ(peers.peers[0].hits[0].what.find("checksum"), std::string::npos) << there;
    }
  }
}

TEST(Peers, WithoutTheWholePacketNothingAgreesWhileOwnIsUnknown) {
  PeerScene scene;
  const PacketWriter packet = PeerScene::received();
  scene.memory.put(scene.pool + 0x1000 - 80, packet.bytes());
  scene.memory.drop(scene.pool + 0x1000);
  scene.push(scene.pool + 0xFF0);
  scene.memory.put(scene.stack + 0x2A0, synth::transport_address(kSender, 1037));
  const Peers peers = scene.find();
  ASSERT_FALSE(peers.peers.empty());
  EXPECT_EQ(peers.peers[0].address, kSender);
  EXPECT_FALSE(peers.peers[0].agreed) << told(peers);
}

// One byte of either header, changed, breaks a checksum.
TEST(Peers, EveryWrongByteOfAPacketKeepsItOut) {
  const PacketWriter packet = PeerScene::received();
  const Bytes good = packet.bytes();
  for (std::size_t at = packet.front(); at < good.size(); ++at) {
    PeerScene scene;
    Bytes bad = good;
    bad[at] ^= 0x20;
    scene.memory.put(scene.pool, bad);
    scene.push(scene.pool + 60);
    ASSERT_TRUE(scene.find().peers.empty()) << at;
  }
}

struct Decoy {
  std::string name;
  void (*spoil)(PacketWriter&);
};
class Decoys : public testing::TestWithParam<Decoy> {};
const Decoy kDecoys[] = {
    {"ip_checksum", [](PacketWriter& p) { p.ip_error = 1; }},
    {"tcp_checksum", [](PacketWriter& p) { p.tcp_error = 1; }},
    {"version", [](PacketWriter& p) { p.version_and_length = 0x65; }},
    {"header_length", [](PacketWriter& p) { p.version_and_length = 0x44; }},
    {"total_too_small", [](PacketWriter& p) { p.total = 39; }},
    {"total_cuts_the_header",
     [](PacketWriter& p) {
       p.tcp_offset = 0x60;
       p.total = 40;
     }},
    {"tcp_header_too_small", [](PacketWriter& p) { p.tcp_offset = 0x40; }},
    {"tcp_reserved", [](PacketWriter& p) { p.tcp_offset = 0x52; }},
    {"tcp_no_flags", [](PacketWriter& p) { p.tcp_flags = 0; }},
    {"tcp_syn_and_fin", [](PacketWriter& p) { p.tcp_flags = 3; }},
    {"fragment", [](PacketWriter& p) { p.fragment = 0x2000; }},
    {"later_fragment", [](PacketWriter& p) { p.fragment = 0x0010; }},
    {"reserved_flag", [](PacketWriter& p) { p.fragment = 0x8000; }},
    {"time_to_live", [](PacketWriter& p) { p.time_to_live = 0; }},
    {"multicast_source", [](PacketWriter& p) { p.source = ip4(224, 0, 0, 1); }},
    {"broadcast_source", [](PacketWriter& p) { p.source = 0xFFFFFFFF; }},
    {"loopback_source", [](PacketWriter& p) { p.source = ip4(127, 0, 0, 1); }},
    {"no_source", [](PacketWriter& p) { p.source = 0; }},
    {"multicast_tcp", [](PacketWriter& p) { p.destination = ip4(224, 0, 0, 1); }},
    {"group_card_tcp", [](PacketWriter& p) { p.to_mac = 0xFFFFFFFFFFFF; }},
    {"to_itself", [](PacketWriter& p) { p.destination = p.source; }},
    {"other_port", [](PacketWriter& p) { p.destination_port = 80; }},
    {"no_port", [](PacketWriter& p) { p.source_port = 0; }},
    {"udp_length",
     [](PacketWriter& p) {
       p.tcp = false;
       p.destination_port = 138;
       p.total = 60;
     }},
    {"udp_session", [](PacketWriter& p) { p.tcp = false; }},
};
INSTANTIATE_TEST_SUITE_P(Peers, Decoys, testing::ValuesIn(kDecoys),
                         [](const auto& info) { return info.param.name; });

TEST_P(Decoys, StayOut) {
  PeerScene scene;
  PacketWriter packet = PeerScene::received();
  GetParam().spoil(packet);
  scene.memory.put(scene.pool + 0x100, packet.bytes());
  scene.push(scene.pool + 0x100 + packet.front());
  EXPECT_TRUE(scene.find().peers.empty()) << told(scene.find());
}

TEST(Peers, ByteSwappedAndWrittenOutAddressesAreNone) {
  PeerScene scene;
  Bytes swapped = PeerScene::received().bytes();
  for (std::size_t i = 14; i + 1 < swapped.size(); i += 2) std::swap(swapped[i], swapped[i + 1]);
  scene.memory.put(scene.pool, swapped);
  Bytes text;
  synth::put_text(text, 0, "E\6E\21 peer at 10.0.0.9:139, E(\0\1@\0@\6 EEEEEEEE EEEE");
  synth::put_utf16(text, text.size(), "E(@@ 10.0.0.9 EEEEEEEEEEEEEEEEEEEEEEEEEEE");
  scene.memory.put(scene.pool + 0x400, text);
  for (std::uint64_t at : {scene.pool, scene.pool + 0x400}) scene.push(at, 0x100 + (at & 0x400));
  EXPECT_TRUE(scene.find().peers.empty());
}

TEST(Peers, TransportAddressesThatAreNone) {
  const Bytes good = synth::transport_address(kSender, 139);
  for (std::size_t at = 0; at < good.size(); ++at) {
    if (at >= 8 && at < 14) continue; // port and address
    PeerScene scene;
    Bytes bad = good;
    bad[at] ^= 0x10;
    scene.memory.put(scene.stack + 0x80, bad);
    EXPECT_TRUE(scene.find().peers.empty()) << at;
  }
  for (std::uint32_t address : {0u, ip4(0, 1, 2, 3), ip4(127, 0, 0, 1), ip4(239, 1, 1, 1), ~0u}) {
    PeerScene scene;
    scene.memory.put(scene.stack + 0x80, synth::transport_address(address, 139));
    EXPECT_TRUE(scene.find().peers.empty()) << ip_text(address);
  }
  PeerScene cut;
  cut.question.stacks[0].end = cut.stack + 0x2000; // its second page is not there
  cut.memory.put(cut.stack + 0x1000 - 0x15, good);
  cut.memory.drop(cut.stack + 0x1000);
  EXPECT_TRUE(cut.find().peers.empty());
}

TEST(Peers, TwoThatAreShownEquallyWellAreBothCandidates) {
  PeerScene scene;
  const std::uint32_t other = ip4(10, 0, 0, 8);
  std::uint64_t at = scene.pool;
  for (std::uint32_t address : {kSender, other}) {
    scene.memory.put(at, PeerScene::received(address).bytes());
    scene.push(at + 60, 0x100 + (at & 0xFF00));
    scene.memory.put(scene.stack + 0x800 + (at & 0xFF00), synth::transport_address(address, 1037));
    at += 0x200;
  }
  const Peers peers = scene.find();
  EXPECT_EQ(peers.own, std::vector{kOwn}); // both sent to it
  ASSERT_EQ(peers.peers.size(), 2u) << told(peers);
  for (const Peer& peer : peers.peers) {
    EXPECT_FALSE(peer.agreed) << told(peers);
    EXPECT_EQ(peer.hits.size(), 2u);
  }
}

TEST(Peers, TheNearerOfTwoThatAgreeIsMeant) {
  PeerScene scene;
  const std::uint32_t other = ip4(10, 0, 0, 8);
  scene.memory.put(scene.pool, PeerScene::received().bytes());
  scene.push(scene.pool + 60);
  scene.memory.put(scene.stack + 0x800, synth::transport_address(kSender, 1037));
  // Of the other one a block that is near a block.
  scene.push(scene.pool + 0x8000, 0x200);
  scene.memory.put(scene.pool + 0x8040, PeerScene::received(other).bytes());
  scene.memory.put(scene.pool + 0x8100, synth::transport_address(other, 1037));
  const Peers peers = scene.find();
  ASSERT_NE(peer_of(peers, kSender), nullptr);
  EXPECT_TRUE(peer_of(peers, kSender)->agreed) << told(peers);
  ASSERT_NE(peer_of(peers, other), nullptr);
  EXPECT_FALSE(peer_of(peers, other)->agreed) << told(peers);
  EXPECT_EQ(peers.peers[0].address, kSender);
}

TEST(Peers, CopiesOfOnePacketAreOneHit) {
  PeerScene scene;
  const Bytes packet = PeerScene::received().bytes();
  scene.memory.put(scene.pool, packet);
  scene.memory.put(scene.pool + 0x800, packet);
  scene.push(scene.pool + 60);
  scene.push(scene.pool + 0x800 + 60, 0x200);
  const Peers peers = scene.find();
  ASSERT_EQ(peers.peers.size(), 1u);
  EXPECT_EQ(peers.peers[0].hits.size(), 1u) << told(peers);
  EXPECT_FALSE(peers.peers[0].agreed);
}

// A packet that the frames read, but without the link header that only what came in has in front.
PeerScene scene_without_link_header() {
  PeerScene scene;
  PacketWriter packet = PeerScene::received();
  packet.to_mac = 0;
  scene.memory.put(scene.pool, packet.bytes());
  scene.push(scene.pool + 46);
  return scene;
}

TEST(Peers, TransportAddressOfAnAddressObjectIsThisMachines) {
  PeerScene scene = scene_without_link_header();
  scene.memory.put(scene.stack + 0x400, synth::transport_address(kOwn, 139));
  EXPECT_EQ(scene.find().peers.size(), 2u); // either may be this machine
  Bytes attribute;
  synth::put_text(attribute, 0, std::string_view("TransportAddress\0", 17));
  scene.memory.put(scene.stack + 0x400 - 17, attribute);
  const Peers peers = scene.find();
  EXPECT_EQ(peers.own, std::vector{kOwn});
  ASSERT_EQ(peers.peers.size(), 1u) << told(peers);
  EXPECT_EQ(peers.peers[0].address, kSender);
  EXPECT_FALSE(peers.peers[0].agreed); // one packet
}

TEST(Peers, OwnUnknownTheSourceThatAlsoATransportAddressNames) {
  PeerScene scene = scene_without_link_header();
  scene.memory.put(scene.stack + 0x400, synth::transport_address(kSender, 1037));
  const Peers peers = scene.find();
  EXPECT_TRUE(peers.own.empty());
  ASSERT_EQ(peers.peers.size(), 2u);
  EXPECT_EQ(peers.peers[0].address, kSender);
  EXPECT_TRUE(peers.peers[0].agreed) << told(peers);
  EXPECT_FALSE(peers.peers[1].agreed);
}

TEST(Peers, TransportAddressOfTheOtherEndMakesTheDirectionDoubtful) {
  PeerScene scene = scene_without_link_header();
  scene.memory.put(scene.stack + 0x400, synth::transport_address(kSender, 1037));
  scene.memory.put(scene.stack + 0x500, synth::transport_address(kOwn, 139));
  Peers peers = scene.find();
  ASSERT_EQ(peers.peers.size(), 2u);
  for (const Peer& peer : peers.peers) EXPECT_FALSE(peer.agreed) << told(peers);
  // Not so where the packet is shown to have come in.
  scene.memory.put(scene.pool, PeerScene::received().bytes());
  scene.push(scene.pool + 60);
  peers = scene.find();
  ASSERT_EQ(peers.peers.size(), 1u) << told(peers);
  EXPECT_EQ(peers.peers[0].address, kSender);
  EXPECT_TRUE(peers.peers[0].agreed) << told(peers);
  // And not where the frames also read one that goes the other way.
  PacketWriter back = PeerScene::received(kOwn);
  back.destination = kSender;
  std::swap(back.source_port, back.destination_port);
  scene.memory.put(scene.pool + 0x800, back.bytes());
  scene.push(scene.pool + 0x800 + 60, 0x200);
  peers = scene.find();
  EXPECT_TRUE(peers.own.empty());
  for (const Peer& peer : peers.peers) EXPECT_FALSE(peer.agreed) << told(peers);
}

TEST(Peers, AnotherPortIsAnotherConversation) {
  PeerScene scene;
  scene.memory.put(scene.pool, PeerScene::received().bytes());
  scene.push(scene.pool + 60);
  scene.memory.put(scene.stack + 0x400, synth::transport_address(kSender, 80));
  const Peers peers = scene.find();
  ASSERT_NE(peer_of(peers, kSender), nullptr);
  EXPECT_FALSE(peer_of(peers, kSender)->agreed) << told(peers);
}

TEST(Peers, WhatIsMalformedIsSaid) {
  const struct {
    Bytes message;
    std::string words;
  } rows[] = {
      {synth::smb1_message(0x72, 0x10), "announces 16 bytes, an SMB message has 35 at least"},
      {synth::smb1_message(0x72, 40), "announces 40 bytes, the SMB message in it counts 44"},
      {synth::smb1_message(0x72, 0x020000 + 44), "reserved flags 0x02"},
      {synth::smb1_message(0x72), ""},
  };
  for (const auto& row : rows) {
    PeerScene scene;
    PacketWriter packet = PeerScene::received();
    packet.payload = row.message;
    scene.memory.put(scene.pool, packet.bytes());
    scene.push(scene.pool + 60);
    const Peers peers = scene.find();
    ASSERT_FALSE(peers.peers.empty());
    const std::string& remark = peers.peers[0].hits[0].remark;
    EXPECT_NE(remark.find(row.words), std::string::npos) << remark;
    EXPECT_EQ(remark.empty(), row.words.empty()) << remark;
    EXPECT_EQ(peers.peers[0].why.find("malformed") == std::string::npos, row.words.empty());
  }
}

TEST(Peers, TaggedFramesAndFramesToAll) {
  PeerScene scene;
  PacketWriter packet = PeerScene::received();
  packet.vlan = 0x0800; // IEEE 802.1Q: where the addresses lie cannot be told
  scene.memory.put(scene.pool, packet.bytes());
  scene.push(scene.pool + 70);
  Peers peers = scene.find();
  ASSERT_FALSE(peers.peers.empty());
  EXPECT_FALSE(peers.peers[0].mac);

  PeerScene all;
  PacketWriter datagram = PeerScene::received();
  datagram.tcp = false;
  datagram.source_port = datagram.destination_port = 138;
  datagram.destination = ip4(10, 0, 1, 127); // a broadcast that only the card's address tells
  datagram.to_mac = 0xFFFFFFFFFFFF;
  datagram.payload = synth::netbios_datagram(kSender, "SAMBA");
  all.memory.put(all.pool, datagram.bytes());
  all.push(all.pool + 60);
  peers = all.find();
  ASSERT_EQ(peers.peers.size(), 1u) << told(peers);
  EXPECT_EQ(peers.peers[0].address, kSender);
  EXPECT_EQ(peers.peers[0].protocol, "udp");
  EXPECT_EQ(peers.peers[0].hits.size(), 1u); // the datagram in it is the same packet
  EXPECT_FALSE(peers.peers[0].agreed);
}

TEST(Peers, DatagramWithoutItsPacket) {
  PeerScene scene;
  scene.memory.put(scene.pool + 0x33, synth::netbios_datagram(kSender, "SAMBA"));
  scene.push(scene.pool);
  Peers peers = scene.find();
  ASSERT_EQ(peers.peers.size(), 1u);
  EXPECT_EQ(peers.peers[0].address, kSender);
  EXPECT_EQ(peers.peers[0].port, 138);
  EXPECT_EQ(peers.peers[0].hits[0].what, "NetBIOS datagram");
  Bytes bad = synth::netbios_datagram(kSender, "SAMBA");
  bad[20] = 'Q';
  scene.memory.put(scene.pool + 0x33, bad);
  EXPECT_TRUE(scene.find().peers.empty());
}

TEST(Peers, NothingAsked) {
  const Peers peers = find_peers(PeerPages(), {});
  EXPECT_TRUE(peers.peers.empty());
  EXPECT_TRUE(peers.own.empty());
  EXPECT_TRUE(peers.looked);
  EXPECT_FALSE(peers.searched_memory);
  EXPECT_EQ(ip_text(0x0A0000FF), "10.0.0.255");
  EXPECT_EQ(mac_text(0x000C29ABCDEF), "00:0C:29:AB:CD:EF");
}

} // namespace
} // namespace dumptriage::system
