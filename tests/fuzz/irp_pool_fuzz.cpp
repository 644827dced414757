// An IRP with the devices and drivers it names, and a page of pool, all of it the input's bytes:
// what is an IRP or a block by their headers may still lie about everything else.  The same for the
// kernel's lists of free memory, its work queues and its accounts: a healthy machine's, of which
// the input changes words.
#include <algorithm>
#include <span>

#include "synth/free_memory.h"
#include "system/kernel_scene.h"

using namespace dumptriage;
using namespace dumptriage::system;

namespace {

// Changes come in sixes: an offset, what to add to the word there or to put into it.
void change(synth::KernelObjects& o, std::uint64_t start, std::uint32_t size,
            std::span<const std::uint8_t> input) {
  for (std::size_t i = 0; i + 6 <= input.size() && i < 6 * 64; i += 6) {
    std::uint32_t at = (input[i] | input[i + 1] << 8) * 4 % (size - 8);
    std::uint32_t value = input[i + 2] | input[i + 3] << 8 | input[i + 4] << 16;
    bool add = (input[i + 5] & 1) != 0;
    std::uint64_t now = o.pointer_at(start + at);
    o.put_pointer(start + at, add ? now + static_cast<std::int8_t>(value) : start + value % 0x9000);
  }
}

void lists_of(synth::KernelBuild build, std::span<const std::uint8_t> input) {
  KernelScene scene(build);
  auto& o = scene.objects;
  synth::FreeMemory memory(o);
  std::uint64_t ring = memory.ring();
  std::uint64_t list = memory.lookaside("Irpl", 0x100, ring);
  memory.lookaside("Mdl ", 0x100, ring);
  std::uint64_t heads = memory.pool_heads(), first = 0;
  for (int i = 0; i < 6; ++i) {
    std::uint64_t irp = memory.irp(3, 0x81234560);
    if (first == 0) first = irp & ~std::uint64_t{0xFFF};
    if (i % 2 == 0)
      memory.push(list, irp);
    else
      memory.free_block(irp, i == 3);
    memory.free_block(memory.block(3 * memory.unit(), "Free"));
  }
  memory.fill_page();
  scene.kdbg_variables[0x1C0] = heads - (o.at.pointer == 8 ? 0x140 : 0x30);
  scene.kdbg_variables[0x1B8] = memory.kernel_base() + memory.kDataRva + 0x10;
  scene.thread("4");
  change(o, memory.kernel_base() + memory.kDataRva, memory.kDataSize,
         input.first(input.size() / 2));
  change(o, first, 0x1000, input.subspan(input.size() / 2));
  Snapshot snapshot;
  dump::Module kernel;
  kernel.base = memory.kernel_base();
  kernel.size = memory.kKernelSize;
  snapshot.modules.push_back(kernel);
  snapshot.threads = scene.threads;
  snapshot.threads[0].crashed = true;
  snapshot.threads[0].stack_low = first;
  snapshot.threads[0].stack_high = first + 0x1000;
  FreeLists lists = read_free_lists(scene.view(), snapshot);
  if (lists.damage.size() > 64 || (lists.complete && !lists.missing.empty())) __builtin_trap();
  for (const Irp& irp : irps_by_evidence(scene.view(), snapshot, lists))
    if (state_of(scene.view(), irp, lists).where.size() > 1000) __builtin_trap();
  WorkQueues queues = read_work_queues(scene.view(), snapshot);
  if (queues.complete != queues.missing.empty()) __builtin_trap();
  PoolUsage usage = read_pool_usage(scene.view());
  for (const PoolTagUsage& tag : usage.tags)
    if (tag.share > 100) __builtin_trap();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr synth::KernelBuild kBuilds[] = {
      synth::KernelBuild::nt4_x86, synth::KernelBuild::ws2003sp2_x86,
      synth::KernelBuild::win7sp1_x64, synth::KernelBuild::win10_19041_x64};
  if (size == 0) return 0;
  if ((data[0] & 0x80) != 0) {
    lists_of(kBuilds[data[0] % 3], {data + 1, size - 1});
    return 0;
  }
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
