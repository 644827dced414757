// A good triage dump with some of its words replaced, cut at some length: the input is the length
// and pairs of place and value.  Bytes alone would seldom get behind the header.
#include "dump/kernel_samples.h"
#include "system/snapshot.h"

using namespace dumptriage;

namespace {

// Places near structures, not inside 180 KB of zeros: the header's fields, the triage header, the
// lists, and anywhere.
std::uint64_t place_of(std::uint32_t raw, std::uint64_t size, const synth::TriageLayout& layout) {
  std::uint32_t low = raw & 0xFFFFFF;
  switch (raw >> 24 & 7) {
  case 0: return low % 0x100;
  case 1: return 0xF98 + low % 0x100;
  case 2:
  case 3: return 0x2000 + low % 0x80;
  case 4: return layout.offset.at("drivers") + low % 0x140;
  case 5: return layout.offset.at("kdbg") + low % 0x380;
  case 6: return layout.offset.at("blocks") + low % 0x100;
  default: return low % size;
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static synth::TriageLayout layout;
  static const synth::Bytes good = synth::write_triage64(tests::two_cpus(), &layout);
  ByteView input(data, size);
  bool whole = input.clamp(0, 7).chars() == "PAGEDU6" || input.clamp(0, 7).chars() == "PAGEDUM";
  synth::Bytes bytes = whole ? synth::Bytes(data, data + size) : good;
  for (std::uint64_t at = 4; !whole && input.holds(at, 8); at += 8) {
    std::uint64_t place = place_of(*input.u32(at), bytes.size(), layout);
    if (place + 4 <= bytes.size()) synth::put32(bytes, place, *input.u32(at + 4));
  }
  std::uint32_t length = input.u32(0).value_or(UINT32_MAX);
  if (!whole && length < bytes.size()) bytes.resize(length);
  auto dump = tests::open_bytes(bytes);
  if (!dump) return 0;
  system::Snapshot snapshot = system::take_snapshot(*dump);
  if (!snapshot.memory || snapshot.threads.size() > 2049) __builtin_trap();
  return 0;
}
