// Any bytes through the user dump reader.  The first byte chooses the form, whose signature is
// forced, so that inputs get past the header.
#include <cstring>
#include <vector>

#include "dump/userdump.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dumptriage;
  if (size == 0) return 0;
  std::vector<std::uint8_t> bytes(data + 1, data + size);
  const char* start = (data[0] & 1) != 0 ? "USERDU64" : "USERDUMP";
  if (bytes.size() >= 8) std::memcpy(bytes.data(), start, 8);
  ByteView file(bytes.data(), bytes.size());
  Notes notes;
  if (dump::is_userdump(file) && dump::describe_userdump(file).empty()) __builtin_trap();
  auto parts = dump::read_userdump(file, notes);
  if (!parts) {
    if (parts.error().message().empty()) __builtin_trap();
    return 0;
  }
  std::uint64_t sum = 0;
  for (const auto& thread : parts->minidump->threads) sum += thread.context.u32(0).value_or(0);
  for (const auto& module : parts->minidump->modules) sum += module.path.size();
  for (const auto& range : parts->minidump->captured)
    if (!parts->memory->range_around(range.address) && range.address != UINT64_MAX)
      __builtin_trap();
  return sum == UINT64_MAX ? 1 : 0;
}
