// Any bytes as a file: what it is, the dump that opens, and the snapshot of it.
#include "dump/dump.h"
#include "system/snapshot.h"

using namespace dumptriage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView bytes(data, size);
  if (dump::identify(bytes).description.empty()) __builtin_trap();
  dump::dump_id(bytes);
  auto dump = dump::open(MappedFile::borrow(bytes, "fuzz.dmp"));
  if (!dump) return dump.error().why.empty() ? (__builtin_trap(), 0) : 0;
  if (!dump->memory || (!dump->minidump && !dump->kernel)) __builtin_trap();
  system::take_snapshot(*dump);
  return 0;
}
