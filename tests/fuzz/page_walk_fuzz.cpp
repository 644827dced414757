// Page walks and virtual memory: the input is physical memory, root and addresses.  Pages appear
// often, at frames chosen by the input, so that walks get deep.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "arch/arch.h"
#include "memory/physical_memory.h"
#include "memory/virtual_memory.h"

using namespace dumptriage;

namespace {

void check(bool ok) {
  if (!ok) std::abort();
}

void walk(ByteView input, std::shared_ptr<const memory::PhysicalMemory> physical,
          arch::Machine machine, memory::Paging paging) {
  const arch::Arch* arch = arch::find(machine);
  const memory::PageTables tables{paging, *input.u64(0), *input.u32(8) % 30000};
  const memory::VirtualMemory memory(physical, tables, arch->translate, arch->page_size);
  for (std::uint64_t at = 16; at + 8 <= input.size() && at < 16 + 8 * 16; at += 8) {
    const std::uint64_t address = *input.u64(at);
    const memory::Translation direct = arch->translate(*physical, tables, address);
    const memory::Translation cached = memory.translate(address);
    check(direct.presence == cached.presence && direct.physical == cached.physical);
    check(direct.span >= arch->page_size && (direct.span & (direct.span - 1)) == 0);
    std::byte out[40];
    const memory::ReadOutcome outcome = memory.read(address, out);
    check(outcome.got <= sizeof out);
    check((outcome.presence == memory::Presence::present) == (outcome.got == sizeof out));
    const auto range = memory.range_around(address);
    if (range) check(range->start <= address && address < range->end);
    if (outcome.got > 0 && address != UINT64_MAX) check(range.has_value());
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 64) return 0;
  const ByteView input(data, size);
  // Either a bitmap that the input starts with, or runs; the pages are small so that many fit.
  std::vector<memory::PageRun> runs;
  for (std::uint64_t at = 32; at + 4 <= 64; at += 4)
    runs.push_back({*input.u16(at), *input.u16(at + 2) % 64u});
  auto index = data[12] & 1 ? memory::index_of_bitmap(input, *input.u32(24), data[13], 0x1000)
                            : memory::index_of_runs(runs, data[13], 0x1000);
  auto physical = std::make_shared<const memory::PhysicalMemory>(input, std::move(index), 0x1000);
  using memory::Paging;
  walk(input, physical, arch::Machine::x86, Paging::x86);
  walk(input, physical, arch::Machine::x86, Paging::x86_pae);
  walk(input, physical, arch::Machine::x64, Paging::x64);
  walk(input, physical, arch::Machine::x64, Paging::x64_la57);
  walk(input, physical, arch::Machine::arm64, Paging::arm64);
  walk(input, physical, arch::Machine::ia64, Paging::ia64);
  walk(input, physical, arch::Machine::ia64, Paging::ia64_tables);
  walk(input, physical, arch::Machine::alpha, Paging::alpha);
  walk(input, physical, arch::Machine::alpha, Paging::alpha_tables);
  return 0;
}
