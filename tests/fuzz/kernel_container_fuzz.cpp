// A small good dump of every kernel container with some of its words replaced, cut at some length:
// the input is the container, the length and pairs of place and value.  Reads what a snapshot would
// read first, through the page tables that were chosen.
#include "dump/kernel_samples.h"
#include "dump/paper_samples.h"
#include "synth/kernel_headers.h"

using namespace dumptriage;

namespace {

using synth::Bytes;
using synth::Tables;

std::vector<Bytes> containers() {
  std::vector<Bytes> all;
  constexpr std::uint64_t kBits = 0x40;
  for (Tables tables : {Tables::x86, Tables::pae, Tables::x64, Tables::la57, Tables::arm64}) {
    synth::TinyKernel kernel = tiny_kernel(tables);
    const bool wide = tables != Tables::x86 && tables != Tables::pae;
    Bytes header = header_for(kernel, tables, wide ? 19041 : 2195);
    all.push_back(as_full(header, kernel.frames));
    all.push_back(as_summary(header, kernel.frames, kBits));
    all.push_back(as_bitmap(header, kernel.frames, kBits));
    if (!wide) continue;
    all.push_back(as_rdmp(header, kernel.frames, 8));
    all.push_back(as_rdmp(header, kernel.frames, 0xA));
  }
  auto frames = synth::tiny_kernel(Tables::x86).frames;
  for (auto& frame : frames) frame.bytes.resize(0x2000);
  all.push_back(as_full(synth::header32(1381, synth::kMachineAlpha), frames));
  all.push_back(as_full(synth::header64(3790, synth::kMachineIa64), frames));
  for (bool entry : {false, true})
    all.push_back(write_alpha_pagedump(tests::alpha_machine(), {.root_is_entry = entry}));
  for (bool header : {false, true})
    all.push_back(write_ia64_pagedu64(tests::ia64_machine(), {.root_in_header = header}));
  all.push_back(write_ia64_triage(tests::ia64_machine()));
  auto triage = tests::two_cpus();
  triage.machine = 0x14C;
  all.push_back(write_triage32(triage));
  return all;
}

// Near the fields of the header, behind it, in the page tables, and anywhere.
std::uint64_t place_of(std::uint32_t raw, const Bytes& bytes) {
  const std::uint32_t low = raw & 0xFFFFFF;
  const std::uint64_t header = synth::is_64(bytes) ? 0x2000 : 0x1000;
  switch (raw >> 24 & 7) {
  case 0: return low % 0x200;
  case 1: return (synth::is_64(bytes) ? 0xF98 : 0xF88) + low % 0x40;
  case 2:
  case 3: return header + low % 0x80;
  case 4: return header + low % 0x1000;
  default: return low % bytes.size();
  }
}

void read_memory(const dump::Dump& dump) {
  const dump::KernelHeader& header = dump.kernel->header;
  std::uint64_t sum = 0;
  for (std::uint64_t at : {header.ps_loaded_module_list, header.ps_active_process_head,
                           header.kd_debugger_data_block, header.bugcheck_parameters[0],
                           std::uint64_t{0}, std::uint64_t{0x80000000}, UINT64_MAX - 3}) {
    sum += dump.memory->u64(at).value_or(0);
    if (auto range = dump.memory->range_around(at); range && range->end < range->start)
      __builtin_trap();
    if (dump.physical) sum += dump.physical->u64(at).value_or(0);
  }
  if (auto other = address_space(dump, sum)) other->u64(header.ps_loaded_module_list);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<Bytes> kGood = containers();
  ByteView input(data, size);
  bool whole = input.clamp(0, 7).chars() == "PAGEDU6" || input.clamp(0, 7).chars() == "PAGEDUM";
  Bytes bytes = whole ? Bytes(data, data + size) : kGood[input.u32(0).value_or(0) % kGood.size()];
  for (std::uint64_t at = 8; !whole && input.holds(at, 8); at += 8) {
    std::uint64_t place = place_of(*input.u32(at), bytes);
    if (place + 4 <= bytes.size()) synth::put32(bytes, place, *input.u32(at + 4));
  }
  std::uint32_t length = input.u32(4).value_or(UINT32_MAX);
  if (!whole && length < bytes.size()) bytes.resize(length);
  dump::identify(tests::view_of(bytes));
  dump::dump_id(tests::view_of(bytes));
  if (auto dump = tests::open_bytes(bytes); dump && dump->kernel) read_memory(*dump);
  return 0;
}
