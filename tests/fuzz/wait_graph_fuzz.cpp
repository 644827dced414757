// Hand-laid threads and locks of a kernel with some of their bytes replaced: the input is the build
// and pairs of place and value.  The graph must come out consistent, and in time.
#include <cstring>

#include "system/kernel_scene.h"

using namespace dumptriage;
using namespace dumptriage::system;

namespace {

constexpr synth::KernelBuild kBuilds[] = {
    synth::KernelBuild::nt4_x86, synth::KernelBuild::ws2003sp2_x86, synth::KernelBuild::win7sp1_x64,
    synth::KernelBuild::win10_19041_x64};

void lay(KernelScene& scene) {
  auto& o = scene.objects;
  std::uint64_t threads[6];
  for (int i = 0; i < 6; ++i) threads[i] = scene.thread(std::to_string(4 + 4 * i));
  std::uint64_t resource = o.resource(), other = o.resource(), mutant = o.mutant(),
                fast = o.fast_mutex();
  o.own(resource, threads[0], true);
  for (int i = 1; i < 4; ++i) o.own(other, threads[i], false);
  o.own_mutant(mutant, threads[1]);
  o.own_fast(fast, threads[2]);
  o.wait_resource(threads[1], resource, true);
  o.wait_resource(threads[0], other, false);
  o.wait_fast(threads[3], fast);
  o.wait(threads[2], {mutant, o.event(0)}, 6, true, true);
  o.wait(threads[4], {threads[5], o.semaphore()}, 6);
}

void replace(KernelScene& scene, const std::uint8_t* data, std::size_t size) {
  auto& o = scene.objects;
  std::vector<std::pair<std::uint64_t, std::size_t>> pieces;
  for (const auto& [address, bytes] : o.pieces()) pieces.push_back({address, bytes.size()});
  for (; size >= 8; data += 8, size -= 8) {
    auto [address, length] = pieces[data[0] % pieces.size()];
    std::uint64_t at = (data[1] | data[2] << 8) % length;
    std::uint64_t value = data[3];
    // A number, or the address of some place in some object.
    int width = 1 << (data[4] & 3);
    if ((data[4] & 0x80) != 0) {
      auto [target, extent] = pieces[data[5] % pieces.size()];
      value = target + (data[6] | data[7] << 8) % extent;
      width = o.at.pointer;
    }
    if (at + width <= length) o.put(address + at, value, width);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  KernelScene scene(kBuilds[data[0] % std::size(kBuilds)]);
  lay(scene);
  replace(scene, data + 1, size - 1);
  Waits waits = scene.waits((data[0] & 0x80) != 0);
  for (const WaitEdge& edge : waits.edges)
    if (edge.from >= waits.nodes.size() || edge.to >= waits.nodes.size()) __builtin_trap();
  for (const WaitCycle& cycle : waits.cycles)
    for (std::size_t node : cycle.nodes)
      if (node >= waits.nodes.size()) __builtin_trap();
  return 0;
}
