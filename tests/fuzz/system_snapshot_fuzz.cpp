// The snapshot of a kernel dump with hostile contents.  The input is a whole dump, or, for mutants
// that get far, patches of a small machine with page tables: triples of offset (3 bytes), length
// (1) and bytes.
#include "dump/dump.h"
#include "dump/paper_samples.h"
#include "synth/tiny_machine.h"
#include "system/snapshot.h"

using namespace dumptriage;

namespace {

void take(const std::uint8_t* data, std::size_t size) {
  auto dump = dump::open(MappedFile::borrow(ByteView(data, size), "fuzz.dmp"));
  if (!dump) return;
  auto snapshot = system::take_snapshot(*dump);
  if (snapshot.threads.size() > 20000 || snapshot.processes.size() > 4096) __builtin_trap();
}

synth::Bytes machine(std::uint8_t choice) {
  using synth::TinyPaging;
  static const synth::Bytes kMachines[] = {synth::TinyMachine(TinyPaging::x64).full_dump(),
                                           synth::TinyMachine(TinyPaging::x86).full_dump(),
                                           synth::TinyMachine(TinyPaging::pae).full_dump(),
                                           write_alpha_pagedump(tests::alpha_machine()),
                                           write_ia64_pagedu64(tests::ia64_machine()),
                                           write_ia64_triage(tests::ia64_machine())};
  return kMachines[choice % std::size(kMachines)];
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  take(data, size);
  if (size == 0) return 0;
  synth::Bytes bytes = machine(data[0]);
  for (std::size_t at = 1; at + 4 <= size;) {
    std::size_t offset = data[at] | data[at + 1] << 8 | data[at + 2] << 16, length = data[at + 3];
    at += 4;
    for (std::size_t i = 0; i < length && at < size; ++i, ++at)
      bytes[(offset + i) % bytes.size()] = data[at];
  }
  take(bytes.data(), bytes.size());
  return 0;
}
