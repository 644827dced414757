// Any bytes through the minidump reader: no crash, no hang, bounded memory, and what is returned
// may be looked at.  The signature and version are forced, so that inputs get past the header.
#include <cstring>
#include <vector>

#include "dump/minidump.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dumptriage;
  std::vector<std::uint8_t> bytes(data, data + size);
  constexpr std::uint8_t kStart[] = {'M', 'D', 'M', 'P', 0x93, 0xA7};
  if (bytes.size() >= sizeof(kStart)) std::memcpy(bytes.data(), kStart, sizeof(kStart));
  ByteView file(bytes.data(), bytes.size());
  Notes notes;
  if (dump::is_minidump(file) && dump::describe_minidump(file).empty()) __builtin_trap();
  auto parts = dump::read_minidump(file, notes);
  if (!parts) {
    if (parts.error().message().empty()) __builtin_trap();
    return 0;
  }
  std::uint64_t sum = 0;
  for (const auto& thread : parts->minidump->threads) {
    std::byte word[8] = {};
    sum += parts->memory->read(thread.stack_start, word).got;
    sum += thread.context.u32(0).value_or(0);
  }
  for (const auto& module : parts->minidump->modules) sum += module.debug.key().size();
  for (const auto& range : parts->minidump->captured)
    if (!parts->memory->range_around(range.address) && range.size != 0 &&
        range.address != UINT64_MAX)
      __builtin_trap();
  return sum == UINT64_MAX ? 1 : 0;
}
