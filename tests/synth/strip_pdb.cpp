#include "synth/strip_pdb.h"

#include <cstring>
#include <string_view>

namespace dumptriage::synth {
namespace {

std::uint32_t word(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  std::uint32_t value = 0;
  if (at + 4 <= bytes.size()) std::memcpy(&value, bytes.data() + at, 4);
  return value;
}

// A stream as the places of its bytes in the file.
struct Stream {
  std::uint32_t block = 0, size = 0;
  std::vector<std::uint32_t> blocks;
  std::size_t place(std::uint32_t at) const {
    return std::size_t{blocks.at(at / block)} * block + at % block;
  }
};

// LLVM's "The MSF File Format": superblock, the map of the directory, the directory.
Stream stream_of(const std::vector<std::uint8_t>& pdb, std::uint32_t wanted) {
  const std::uint32_t block = word(pdb, 0x20), directory_size = word(pdb, 0x2C),
                      map = word(pdb, 0x34);
  Stream directory{block, directory_size, {}};
  for (std::uint32_t i = 0; i < (directory_size + block - 1) / block; ++i)
    directory.blocks.push_back(word(pdb, std::size_t{map} * block + 4 * i));
  const std::uint32_t count = word(pdb, directory.place(0));
  std::uint32_t at = 4 + 4 * count;
  for (std::uint32_t stream = 0; stream < count; ++stream) {
    std::uint32_t size = word(pdb, directory.place(4 + 4 * stream));
    if (size == 0xFFFFFFFF) size = 0;
    Stream found{block, size, {}};
    for (std::uint32_t i = 0; i < (size + block - 1) / block; ++i, at += 4)
      found.blocks.push_back(word(pdb, directory.place(at)));
    if (stream == wanted) return found;
  }
  return {};
}

} // namespace

bool strip_pdb(std::vector<std::uint8_t>& pdb, bool keep_frames) {
  constexpr std::string_view magic = "Microsoft C/C++ MSF 7.00";
  if (pdb.size() < 0x38 || std::memcmp(pdb.data(), magic.data(), magic.size()) != 0) return false;
  const Stream dbi = stream_of(pdb, 3);
  auto u32 = [&](std::uint32_t at) {
    std::uint32_t value = 0;
    for (int i = 4; i-- > 0;) value = value << 8 | pdb.at(dbi.place(at + i));
    return value;
  };
  auto text_end = [&](std::uint32_t at) {
    while (pdb.at(dbi.place(at)) != 0) ++at;
    return at + 1;
  };
  constexpr std::uint32_t kHeader = 0x40, kModInfoSize = 0x18, kStream = 0x22, kSizes = 0x24;
  const std::uint32_t end = kHeader + u32(kModInfoSize);
  for (std::uint32_t at = kHeader; at < end;) {
    for (int i = 0; i < 2; ++i) pdb.at(dbi.place(at + kStream + i)) = 0xFF;
    for (int i = 0; i < 12; ++i) pdb.at(dbi.place(at + kSizes + i)) = 0;
    at = text_end(text_end(at + 0x40));
    at = (at + 3) & ~3u;
  }
  if (keep_frames) return true;
  // The optional debug header follows the other parts: FPO is its first stream, FrameData the
  // tenth.
  std::uint32_t debug = end;
  for (std::uint32_t size : {0x1Cu, 0x20u, 0x24u, 0x28u, 0x34u}) debug += u32(size);
  for (std::uint32_t index : {0u, 9u})
    if (2 * index + 2 <= u32(0x30))
      for (std::uint32_t i = 0; i < 2; ++i) pdb.at(dbi.place(debug + 2 * index + i)) = 0xFF;
  return true;
}

} // namespace dumptriage::synth
