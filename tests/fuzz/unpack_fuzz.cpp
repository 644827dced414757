// Any bytes as an archive, with tiny limits: no crash, no hang, and nothing beyond the limits comes
// out.  The first byte chooses a signature, so that inputs get past it.
#include <cstring>
#include <string_view>
#include <vector>

#include "dump/unpack.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dumptriage;
  using namespace std::string_view_literals;
  constexpr std::string_view kStarts[] = {
      ""sv,
      "PK\x03\x04"sv,
      "7z\xBC\xAF\x27\x1C\0\x04"sv,
      "\x1F\x8B\x08"sv,
      "\xFD"
      "7zXZ\0"sv,
      "\x28\xB5\x2F\xFD"sv,
      "BZh91AY&SY"sv,
      "MSCF\0\0\0\0"sv,
      "SZDD\x88\xF0\x27\x33"
      "A"sv,
      "KWAJ\x88\xF0\x27\xD1"sv,
  };
  if (size < 2) return 0;
  std::string_view start = kStarts[data[0] % std::size(kStarts)];
  std::vector<std::uint8_t> bytes(data + 1, data + size);
  if (bytes.size() >= start.size()) std::memcpy(bytes.data(), start.data(), start.size());
  dump::UnpackOptions options;
  options.most_bytes = 256 << 10;
  options.free_bytes = 512 << 10;
  options.ratio = 10;
  options.most_entries = 16;
  std::size_t taken = 0;
  auto file = MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "fuzz.gz");
  auto nothing = dump::unpack_dumps(*file, options, [&](auto unpacked) {
    ++taken;
    if (unpacked && (*unpacked)->bytes().size() > options.most_bytes) __builtin_trap();
    if (!unpacked && unpacked.error().message().empty()) __builtin_trap();
    return true;
  });
  if (taken == 0 && (!nothing || nothing->message().empty())) __builtin_trap();
  if (taken != 0 && nothing) __builtin_trap();
  return 0;
}
