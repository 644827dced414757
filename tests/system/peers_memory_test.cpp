// All memory of a dump: packets that nothing leads to, whose ends tell which address is this
// machine's; and what chance makes of random and of real bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>

#include "synth/archives.h"
#include "system/peers_scene.h"

namespace dumptriage::system {
namespace {

using synth::Bytes;
using synth::ip4;
using synth::PacketWriter;
constexpr std::uint32_t kOwn = PeerScene::kOwn, kSender = PeerScene::kSender;

// Frames searched, and the Peers they give together with what the scene reaches.
Peers search(PeerScene& scene, const PeerFrames& frames) {
  const memory::PhysicalMemory physical = frames.memory();
  scene.question.physical = &physical;
  Peers peers = scene.find();
  scene.question.physical = nullptr;
  return peers;
}

// What a file server's memory holds: packets of many clients.
void add_clients(PeerFrames& frames, std::size_t at, int count) {
  for (int i = 0; i < count; ++i, at += 0x100) {
    PacketWriter packet = PeerScene::received(ip4(10, 0, 3, 1 + static_cast<unsigned>(i)));
    packet.id = static_cast<std::uint16_t>(0x700 + i);
    synth::put_bytes(frames.bytes, at, packet.bytes());
  }
}

TEST(PeersMemory, AnotherPacketOfTheSenderAgreesAndOwnIsKnownByMajority) {
  PeerScene scene;
  scene.memory.put(scene.pool, PeerScene::received().bytes());
  scene.push(scene.pool + 60);
  PeerFrames frames(8);
  PacketWriter earlier = PeerScene::received();
  earlier.id = 0x500;
  synth::put_bytes(frames.bytes, 0x1200, earlier.bytes());
  add_clients(frames, 0x3000, 5);
  const Peers peers = search(scene, frames);
  EXPECT_TRUE(peers.searched_memory);
  EXPECT_EQ(peers.missing, "");
  EXPECT_EQ(peers.own, std::vector{kOwn});
  EXPECT_EQ(peer_of(peers, kOwn), nullptr);
  ASSERT_EQ(peers.peers.size(), 6u) << told(peers);
  const Peer& sender = peers.peers[0];
  EXPECT_EQ(sender.address, kSender);
  EXPECT_TRUE(sender.agreed) << sender.why;
  EXPECT_EQ(sender.port, 1037);
  EXPECT_EQ(sender.mac, PeerScene::kSenderMac);
  ASSERT_EQ(sender.hits.size(), 2u);
  EXPECT_TRUE(sender.hits[1].physical);
  EXPECT_EQ(sender.hits[1].at, frames.at(0x1200 + 14));
  EXPECT_FALSE(sender.hits[1].reached);
  for (std::size_t i = 1; i < peers.peers.size(); ++i) {
    EXPECT_FALSE(peers.peers[i].agreed);
    EXPECT_NE(peers.peers[i].why.find("nothing of the crashing frames leads there"),
              std::string::npos);
  }
}

TEST(PeersMemory, StaleBuffersElsewhereStayCandidates) {
  PeerScene scene;
  PeerFrames frames(8);
  const std::uint32_t stale = ip4(10, 0, 0, 77);
  for (unsigned i = 0; i < 3; ++i) {
    PacketWriter packet = PeerScene::received(stale);
    packet.id = static_cast<std::uint16_t>(i);
    synth::put_bytes(frames.bytes, 0x1000 * i + 0x80, packet.bytes());
  }
  synth::put_bytes(frames.bytes, 0x4000, synth::transport_address(stale, 1037));
  const Peers peers = search(scene, frames);
  ASSERT_NE(peer_of(peers, stale), nullptr);
  EXPECT_EQ(peer_of(peers, stale)->hits.size(), 4u);
  for (const Peer& peer : peers.peers) EXPECT_FALSE(peer.agreed) << told(peers);
}

TEST(PeersMemory, ThePacketThatTheFramesReadSeenAgainInItsFrameIsNoSecondHit) {
  PeerScene scene;
  Bytes packet = PeerScene::received().bytes();
  packet.erase(packet.begin(), packet.begin() + 14); // a copy without the link header
  scene.memory.put(scene.pool, packet);
  scene.push(scene.pool + 50);
  PeerFrames frames(8);
  synth::put_bytes(frames.bytes, 0x2345, PeerScene::received().bytes());
  add_clients(frames, 0x3000, 5);
  const Peers peers = search(scene, frames);
  const Peer* sender = peer_of(peers, kSender);
  ASSERT_NE(sender, nullptr);
  EXPECT_FALSE(sender->agreed) << sender->why;
  EXPECT_EQ(sender->hits.size(), 1u);
  EXPECT_EQ(sender->mac, PeerScene::kSenderMac); // which the copy in the card's buffer has
}

TEST(PeersMemory, OwnAddressStaysOut) {
  PeerScene scene;
  PeerFrames frames(8);
  add_clients(frames, 0, 3);
  PacketWriter sent = PeerScene::received(kOwn);
  sent.destination = ip4(10, 0, 3, 1);
  sent.source_port = 139;
  sent.destination_port = 1037;
  scene.memory.put(scene.pool, sent.bytes());
  scene.push(scene.pool + 60);
  scene.memory.put(scene.stack + 0x300, synth::transport_address(kOwn, 139));
  scene.memory.put(scene.stack + 0x400, synth::transport_address(kOwn, 0));
  const Peers peers = search(scene, frames);
  EXPECT_EQ(peers.own, std::vector{kOwn});
  EXPECT_EQ(peer_of(peers, kOwn), nullptr);
  // Whom this machine sent to is a peer, but not shown to be the sender.
  ASSERT_FALSE(peers.peers.empty());
  EXPECT_EQ(peers.peers[0].address, ip4(10, 0, 3, 1));
  EXPECT_FALSE(peers.peers[0].agreed) << told(peers);
}

TEST(PeersMemory, TwoOwnAddressesAndOneThatOnlyManySentTo) {
  PeerScene scene;
  PeerFrames frames(8);
  const std::uint32_t second = ip4(192, 168, 7, 2), broadcast = ip4(10, 0, 0, 255);
  std::size_t at = 0;
  auto add = [&](std::uint32_t from, std::uint32_t to, bool tcp, std::uint16_t port) {
    PacketWriter packet = PeerScene::received(from);
    packet.destination = to;
    packet.tcp = tcp;
    packet.source_port = packet.destination_port = port;
    packet.to_mac = 0;
    synth::put_bytes(frames.bytes, at, packet.bytes());
    at += 0x100;
  };
  for (unsigned i = 1; i <= 2; ++i) {
    add(ip4(10, 0, 3, i), kOwn, true, 80); // any service tells who this machine is
    add(ip4(10, 0, 3, i), second, true, 445);
  }
  for (unsigned i = 1; i <= 9; ++i) add(ip4(10, 0, 4, i), broadcast, false, 137);
  const Peers peers = search(scene, frames);
  EXPECT_EQ(peers.own, (std::vector{kOwn, second}));
  EXPECT_EQ(peer_of(peers, broadcast), nullptr);
  EXPECT_EQ(peers.peers.size(), 11u);
}

TEST(PeersMemory, OneClientThatTalksToTwoAddressesIsNotThisMachine) {
  PeerScene scene;
  PeerFrames frames(8);
  PacketWriter packet = PeerScene::received();
  synth::put_bytes(frames.bytes, 0, packet.bytes());
  packet.destination = ip4(192, 168, 7, 2);
  synth::put_bytes(frames.bytes, 0x1000, packet.bytes());
  EXPECT_TRUE(search(scene, frames).own.empty());
}

TEST(PeersMemory, TransportAddressesOfOtherServicesOnlyStrengthen) {
  PeerScene scene;
  PeerFrames frames(8);
  synth::put_bytes(frames.bytes, 0x0FF0, synth::transport_address(ip4(10, 0, 0, 50), 80));
  synth::put_bytes(frames.bytes, 0x2001, synth::transport_address(ip4(10, 0, 0, 51), 445));
  Peers peers = search(scene, frames);
  ASSERT_EQ(peers.peers.size(), 1u);
  EXPECT_EQ(peers.peers[0].address, ip4(10, 0, 0, 51));
  // What the frames read agrees with one elsewhere.
  scene.memory.put(scene.pool, PeerScene::received().bytes());
  scene.push(scene.pool + 60);
  add_clients(frames, 0x3000, 5);
  synth::put_bytes(frames.bytes, 0x5123, synth::transport_address(kSender, 1037));
  peers = search(scene, frames);
  EXPECT_EQ(peers.peers[0].address, kSender);
  EXPECT_TRUE(peers.peers[0].agreed) << told(peers);
}

TEST(PeersMemory, AtEveryPlaceOfAPageAndOverItsEnd) {
  const Bytes good = PeerScene::received().bytes();
  PacketWriter wrong = PeerScene::received();
  wrong.tcp_error = 1;
  for (std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{0xFFF}, 0x1000 - good.size(),
                         0x1001 - good.size(), 0x1000 - std::size_t{54}, 0x1001 - std::size_t{54},
                         std::size_t{0x40000 - 20}, 0x42000 - good.size()}) {
    PeerFrames frames(0x42);
    PeerScene scene;
    synth::put_bytes(frames.bytes, at, good);
    EXPECT_EQ(search(scene, frames).peers.size(), 2u) << at;
    // Over a page's end a wrong sum may be another page's fault; within one it is the packet's.
    synth::put_bytes(frames.bytes, at, wrong.bytes());
    const bool torn = (at + 14) / 0x1000 != (at + good.size() - 1) / 0x1000;
    const Peers peers = search(scene, frames);
    ASSERT_EQ(peers.peers.size(), torn ? 2u : 0u) << at;
    if (torn) {
      EXPECT_EQ(peers.peers[0].hits[0].what.find("checksum"), std::string::npos);
    }
  }
}

TEST(PeersMemory, FramesThatAreNotNeighboursDoNotMakeAPacket) {
  const Bytes packet = PeerScene::received().bytes();
  Bytes file(0x2000);
  synth::put_bytes(file, 0x1000 - 30, packet);
  const memory::PageRun runs[] = {{5, 1}, {9, 1}}; // neighbours in the file only
  const memory::PhysicalMemory physical(ByteView(file.data(), file.size()),
                                        memory::index_of_runs(runs, 0, 0x1000), 0x1000);
  PeerScene scene;
  scene.question.physical = &physical;
  EXPECT_TRUE(scene.find().peers.empty());
}

TEST(PeersMemory, VirtualRangesToo) {
  PeerScene scene;
  scene.memory.put(scene.pool + 0x2100, PeerScene::received().bytes());
  scene.question.ranges = {{scene.pool - 0x3000, scene.pool + 0x10000}};
  const Peers peers = scene.find();
  ASSERT_EQ(peers.peers.size(), 2u);
  EXPECT_FALSE(peers.peers[0].hits[0].physical);
  EXPECT_FALSE(peers.peers[0].hits[0].reached);
  EXPECT_FALSE(peers.searched_memory);
}

TEST(PeersMemory, ALimitIsTold) {
  PeerScene scene;
  PeerFrames frames(0x80);
  synth::put_bytes(frames.bytes, 0x7F000, PeerScene::received().bytes());
  scene.question.most_bytes = 0x1000;
  Peers peers = search(scene, frames);
  EXPECT_TRUE(peers.peers.empty());
  EXPECT_FALSE(peers.searched_memory);
  EXPECT_FALSE(peers.missing.empty());
  scene.question.most_bytes = 1 << 30;
  peers = search(scene, frames);
  EXPECT_EQ(peers.peers.size(), 2u);
  EXPECT_TRUE(peers.searched_memory);
}

TEST(PeersMemory, AFileThatEndsBeforeItsFrames) {
  const Bytes packet = PeerScene::received().bytes();
  Bytes file(0x1800);
  synth::put_bytes(file, 0x1100, packet);
  for (std::size_t size = 0x1000; size <= file.size(); size += 61) {
    const memory::PageRun runs[] = {{1, 4}, {0x100, std::uint64_t{1} << 50}};
    const memory::PhysicalMemory physical(ByteView(file.data(), size),
                                          memory::index_of_runs(runs, 0, 0x1000), 0x1000);
    PeerScene scene;
    scene.question.physical = &physical;
    EXPECT_EQ(scene.find().peers.size(), size >= 0x1100 + 14 + 40 ? 2u : 0u) << size;
  }
}

TEST(PeersMemory, ManyCandidatesAreCutAndCounted) {
  PeerScene scene;
  PeerFrames frames(16);
  add_clients(frames, 0, 200);
  const Peers peers = search(scene, frames);
  EXPECT_EQ(peers.peers.size(), 32u);
  EXPECT_EQ(peers.left_out, 200u - 32u);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// 64 MiB of random bytes, and of bytes that a header is made of.
TEST(PeersMemory, ChanceMakesNoPeer) {
  std::mt19937_64 random(961799);
  for (const Bytes& alphabet : {Bytes{}, Bytes{0x45, 0x00, 0x06, 0x11, 0x8B, 0xBD, 0x01, 0x40, 0x28,
                                               0x0E, 0x02, 0x0A, 0x50}}) {
    PeerFrames frames((64 << 20) / 0x1000);
    for (std::size_t i = 0; i < frames.bytes.size(); i += 8) {
      std::uint64_t word = random();
      for (int b = 0; b < 8; ++b, word >>= 8) {
        const auto byte = static_cast<std::uint8_t>(word);
        frames.bytes[i + static_cast<std::size_t>(b)] =
            alphabet.empty() ? byte : alphabet[byte % alphabet.size()];
      }
    }
    PeerScene scene;
    const auto start = std::chrono::steady_clock::now();
    const Peers peers = search(scene, frames);
    std::printf("64 MiB of %s bytes: %zu candidates, %.3f s\n",
                alphabet.empty() ? "random" : "likely", peers.peers.size(), seconds_since(start));
    EXPECT_TRUE(peers.searched_memory);
    // The checksum is 16 bits of the less than 60 that must hold, so a few of the second kind may
    // stand; none of plain random bytes.
    EXPECT_LE(peers.peers.size(), alphabet.empty() ? 0u : 8u) << told(peers);
    for (const Peer& peer : peers.peers) EXPECT_FALSE(peer.agreed);
  }
}

// Headers that lie one over the other and all announce 64 KiB.
TEST(PeersMemory, LyingLengthsCostNoMoreThanTheirBudget) {
  PeerFrames frames((8 << 20) / 0x1000);
  for (std::size_t at = 0; at + 40 <= frames.bytes.size(); at += 40) {
    PacketWriter packet = PeerScene::received(ip4(10, 1, (at >> 14) & 0xFF, (at >> 6) & 0xFF));
    packet.to_mac = 0;
    packet.payload.clear();
    packet.total = 0xFFFF;
    packet.id = static_cast<std::uint16_t>(at);
    synth::put_bytes(frames.bytes, at, packet.bytes());
  }
  PeerScene scene;
  const auto start = std::chrono::steady_clock::now();
  const Peers peers = search(scene, frames);
  std::printf("8 MiB of lying headers: %.3f s\n", seconds_since(start));
  EXPECT_LT(seconds_since(start), 20);
  for (const Peer& peer : peers.peers) EXPECT_FALSE(peer.agreed);
}

// Memory of real machines that no network brought down, and files of all kinds: whatever is called
// a candidate there is looked at by people who run this test.
TEST(PeersMemory, RealBytes) {
  std::vector<std::string> files;
  for (const char* folder : {DUMPTRIAGE_SHARED_DIR "/corpus", DUMPTRIAGE_SHARED_DIR "/oracles",
                             DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels"}) {
    std::error_code none;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, none))
      if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  ASSERT_FALSE(files.empty());
  std::size_t candidates = 0;
  std::uint64_t searched = 0;
  double seconds = 0;
  for (const std::string& path : files) {
    std::ifstream in(path, std::ios::binary);
    Bytes bytes{std::istreambuf_iterator<char>(in), {}};
    if (path.ends_with(".xz"))
      if (auto unpacked = synth::unpacked_file(path)) bytes = std::move(*unpacked);
    memory::FlatRanges memory;
    memory.add(0, ByteView(bytes.data(), bytes.size()));
    memory.seal();
    PeerQuestion question;
    question.ranges.push_back({0, bytes.size()});
    const auto start = std::chrono::steady_clock::now();
    const Peers peers = find_peers(memory, question);
    seconds += seconds_since(start);
    searched += bytes.size();
    candidates += peers.peers.size();
    if (!peers.peers.empty()) std::printf("%s\n%s", path.c_str(), told(peers).c_str());
    for (const Peer& peer : peers.peers) EXPECT_FALSE(peer.agreed) << path;
  }
  std::printf("%zu files, %.1f MB: %zu candidates, %.2f s\n", files.size(),
              static_cast<double>(searched) / 1e6, candidates, seconds);
  // None of these machines' memory is known to hold a packet of file sharing.
  EXPECT_LE(candidates, 8u);
}

} // namespace
} // namespace dumptriage::system
