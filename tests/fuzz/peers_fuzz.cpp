// Memory, stack and registers of the frames that crashed, all of it the input's bytes: pages that
// point at each other, headers that lie about their lengths, frames beside them.
#include <cstring>

#include "system/peers_scene.h"

using namespace dumptriage;
using namespace dumptriage::system;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 8) return 0;
  PeerScene scene(data[0] & 1 ? 4 : 8);
  const bool good = (data[0] & 2) != 0;
  const synth::Bytes bytes(data + 1, data + std::min<std::size_t>(size, 0x3000));
  // The input as a block of pool; its words also lie on the stack, so that some point back at it.
  scene.memory.put(scene.pool + data[1], bytes);
  scene.memory.put(scene.stack + 0x40, synth::Bytes(bytes.begin(), bytes.begin() + 7));
  scene.push(scene.pool + data[2] * 16u);
  scene.memory.put_word(scene.pool + 0x800, scene.pool + data[3] * 16u, scene.pointer);
  if (good) scene.memory.put(scene.pool + data[4] * 16u, PeerScene::received().bytes());
  PeerFrames frames(4);
  synth::put_bytes(frames.bytes, 0x1000 - data[5], bytes);
  frames.bytes.resize(0x4000);
  const memory::PhysicalMemory physical = frames.memory();
  scene.question.physical = &physical;
  const Peers peers = scene.find();
  std::size_t agreed = 0;
  for (const Peer& peer : peers.peers) {
    agreed += peer.agreed;
    if (peer.hits.empty() || peer.address == 0 || peer.why.empty()) __builtin_trap();
    if (peer.agreed && (peer.hits.size() < 2 || !peer.hits[0].reached)) __builtin_trap();
    for (std::uint32_t own : peers.own)
      if (own == peer.address) __builtin_trap();
  }
  if (agreed > 1) __builtin_trap();
  return 0;
}
