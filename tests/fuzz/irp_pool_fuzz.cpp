// An IRP with the devices and drivers it names, and a page of pool, all of it the input's bytes:
// what is an IRP or a block by their headers may still lie about everything else.
#include <algorithm>

#include "system/kernel_scene.h"

using namespace dumptriage;
using namespace dumptriage::system;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr synth::KernelBuild kBuilds[] = {
      synth::KernelBuild::nt4_x86, synth::KernelBuild::ws2003sp2_x86,
      synth::KernelBuild::win7sp1_x64, synth::KernelBuild::win10_19041_x64};
  if (size == 0) return 0;
  KernelScene scene(kBuilds[data[0] % std::size(kBuilds)]);
  auto& o = scene.objects;
  const bool wide = o.at.pointer == 8;
  const std::uint64_t page = wide ? 0xFFFFFA8010000000 : 0x8A000000;
  constexpr std::uint32_t kSize = 0x1000;
  o.place(page, kSize);
  for (std::size_t i = 0; i + 1 < size && i < kSize; ++i) o.put(page + i, data[i + 1], 1);
  std::uint64_t thread = scene.thread("4");
  // Half of the runs get past the first checks.
  if ((data[0] & 0x40) != 0) {
    o.put(page, 6, 2);
    o.put(page + 2, 0xFFFF, 2);
    o.append(thread + o.at.irp_list, page + (wide ? 0x20 : 0x10));
  }
  auto irps = irps_of_threads(scene.view(), scene.threads);
  for (const Irp& irp : irps)
    if (irp.locations.size() > irp.stack_count) __builtin_trap();
  PoolFinding finding = read_pool(scene.view(), page + data[0] * 16u, "asked for");
  std::uint64_t end = page;
  for (const PoolBlock& block : finding.blocks) {
    if (block.address != end || block.size == 0) __builtin_trap();
    end += block.size;
  }
  if (end > page + kSize) __builtin_trap();
  return 0;
}
